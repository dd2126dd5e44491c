import { Deserializer, Serializer } from 'node:v8'
import { crc32 } from 'node:zlib'
import { SerializationError } from './errors.js'
import type { Restoration } from './restoration.js'

/*
 * The payload of CODEC_V8:
 *
 *   ff 0f | value | 00                | crc     nothing to restore
 *   ff 0f | value | 01 | restoration  | crc     restoration: a V8 value whose references point into `value`
 *                                       `-- CRC-32 of all bytes before it, big-endian, checked before anything else:
 *                                           single flipped bits decode to wrong values in half of all tries
 *
 * ff 0f is V8's header; V8 reads every older version of its format. Views are host objects, laid out as node:v8 does:
 * kind (varint, VIEWS below), byte length (varint), bytes. We write and read them ourselves, since node:v8's reader
 * returns views of the payload itself.
 */
const CRC_BYTES = 4
const HEADER_BYTE = 0xff

type ViewClass = new (buffer: ArrayBuffer) => ArrayBufferView

/** By kind; the order never changes. 10 is Buffer; 13 exists from Node 24 on. */
const VIEWS: readonly (ViewClass | undefined)[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  DataView,
  undefined,
  BigInt64Array,
  BigUint64Array,
  (globalThis as { Float16Array?: ViewClass }).Float16Array,
]
const BUFFER_KIND = 10

/** The payload for a value that V8 carries, and what must be restored in it afterwards. */
export function writeStructured(value: unknown, restoration: Restoration | undefined): Uint8Array {
  const writer = new Writer()
  writer._setTreatArrayBufferViewsAsHostObjects(true)
  writer.writeHeader()
  writer.writeValue(value)
  writer.writeUint32(restoration ? 1 : 0)
  if (restoration) writer.writeValue(restoration)
  const body = writer.releaseBuffer()
  const payload = Buffer.allocUnsafeSlow(body.length + CRC_BYTES)
  body.copy(payload)
  payload.writeUInt32BE(crc32(body), body.length)
  return payload
}

/** The value of a payload, sharing no memory with it. Throws ERR_CACHE_SERIALIZATION before V8 sees a damaged one. */
export function readStructured(payload: Uint8Array): { value: unknown; restoration: unknown } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const end = bytes.length - CRC_BYTES
  if (end < 2 || bytes[0] !== HEADER_BYTE || crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) {
    throw new SerializationError('the checksum of the structured payload does not match: it is damaged or cut')
  }
  const reader = new Reader(bytes.subarray(0, end))
  reader.readHeader()
  const value = reader.readValue()
  return { value, restoration: reader.readUint32() === 1 ? reader.readValue() : undefined }
}

class Writer extends Serializer {
  // In Node's documentation, not in its types.
  declare _setTreatArrayBufferViewsAsHostObjects: (flag: boolean) => void

  /** Called by V8 for views, and for host objects. */
  _writeHostObject(object: object): void {
    if (!ArrayBuffer.isView(object))
      throw new SerializationError('the value holds an object that only this process can hold')
    this.writeUint32(kindOf(object))
    this.writeUint32(object.byteLength)
    this.writeRawBytes(new Uint8Array(object.buffer, object.byteOffset, object.byteLength))
  }
}

class Reader extends Deserializer {
  _readHostObject(): ArrayBufferView {
    const kind = this.readUint32()
    const { buffer } = new Uint8Array(this.readRawBytes(this.readUint32()))
    if (kind === BUFFER_KIND) return Buffer.from(buffer)
    const View = VIEWS[kind]
    if (!View) throw new SerializationError(`the structured payload holds a view of unknown kind ${kind}`)
    return new View(buffer)
  }
}

/** A subclass is written as the class that it extends. */
function kindOf(view: ArrayBufferView): number {
  if (Buffer.isBuffer(view)) return BUFFER_KIND
  if (view instanceof DataView) return VIEWS.indexOf(DataView)
  // %TypedArray%'s toStringTag answers the builtin's name for subclasses and other realms too.
  const name = (view as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag]
  const kind = VIEWS.findIndex(View => View?.name === name)
  if (kind === -1) throw new SerializationError(`the value holds a ${name}, for which there is no format`)
  return kind
}
