import { types } from 'node:util'
import { type Compression, compress, isCompressed } from './compression.js'
import { guarded, needsGuard } from './counter-guard.js'
import { detach } from './detach.js'
import { SerializationError } from './errors.js'
import {
  CODEC_BIGINT,
  CODEC_BUFFER,
  CODEC_BYTES,
  CODEC_JSON,
  CODEC_V8,
  type Encoded,
  FLAG_GUARD,
  FLAG_ZLIB,
} from './flags.js'
import { encodeNumber } from './number-codec.js'
import { writeStructured } from './structured-codec.js'
import { JSON_CARRIES, survey, V8_CARRIES } from './survey.js'

export function encode(value: unknown, compression: Compression | undefined): Encoded | Promise<Encoded> {
  switch (typeof value) {
    case 'string':
      return encodeText(value, compression)
    case 'number':
      return encodeNumber(value) ?? { flags: CODEC_V8, data: writeStructured(value, undefined) }
    case 'boolean':
      return { flags: CODEC_JSON, data: value ? 'true' : 'false' }
    case 'bigint':
      return { flags: CODEC_BIGINT, data: `${value}n` }
    case 'object':
      if (value === null) return { flags: CODEC_JSON, data: 'null' }
      return types.isUint8Array(value) ? encodeBytes(value, compression) : encodeObject(value, compression)
    default:
      throw new SerializationError(
        `the value is ${value === undefined ? 'undefined' : `a ${typeof value}`}; a cache holds data only`,
      )
  }
}

function encodeText(text: string, compression: Compression | undefined): Encoded | Promise<Encoded> {
  // UTF-8 has no lone surrogates; JSON escapes them.
  if (!text.isWellFormed()) return smaller({ flags: CODEC_JSON, data: JSON.stringify(text) }, compression)
  if (!needsGuard(text)) return smaller({ flags: 0, data: text }, compression)
  return smaller({ flags: FLAG_GUARD, data: `'${text}` }, compression, 0, text)
}

/** Copied first: the caller may write to its bytes as soon as this returns. */
function encodeBytes(bytes: Uint8Array, compression: Compression | undefined): Encoded | Promise<Encoded> {
  const flags = Buffer.isBuffer(bytes) ? CODEC_BUFFER : CODEC_BYTES
  const data = new Uint8Array(bytes)
  const plain = needsGuard(data) ? { flags: flags | FLAG_GUARD, data: guarded(data) } : { flags, data }
  return isCompressed(data) ? plain : smaller(plain, compression, flags, data)
}

function encodeObject(object: object, compression: Compression | undefined): Encoded | Promise<Encoded> {
  try {
    const verdict = survey(object)
    try {
      if (verdict === JSON_CARRIES) return smaller({ flags: CODEC_JSON, data: JSON.stringify(object) }, compression)
      if (verdict === V8_CARRIES) {
        return smaller({ flags: CODEC_V8, data: writeStructured(object, undefined) }, compression)
      }
    } catch {
      // V8 rejects a Proxy, which the survey cannot detect: the copy below reads through it, or says where it is. JSON fails if
      // repeated references make it longer than a string can be: the copy makes that V8.
    }
    const { value, isJson, restoration } = detach(object)
    // What toJSON returned: text and counters are stored as such.
    if (typeof value !== 'object') return encode(value, compression)
    if (isJson) return smaller({ flags: CODEC_JSON, data: JSON.stringify(value) }, compression)
    return smaller({ flags: CODEC_V8, data: writeStructured(value, restoration) }, compression)
  } catch (error) {
    throw unstorable(error)
  }
}

function unstorable(error: unknown): SerializationError {
  if (error instanceof SerializationError) return error
  if (error instanceof RangeError && error.message.includes('call stack')) {
    return new SerializationError('the value is nested too deeply for the stack', { cause: error })
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new SerializationError(`the value cannot be stored: ${reason}`, { cause: error })
}

/** `plain`, or if that saves a tenth, the zlib stream of `payload`, which needs no guard: it begins with an x. */
function smaller(
  plain: Encoded,
  compression: Compression | undefined,
  flags: number = plain.flags,
  payload: string | Uint8Array = plain.data,
): Encoded | Promise<Encoded> {
  if (!compression || !reaches(payload, compression.threshold) || payload.length > compression.limit) return plain
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  // A reader would refuse to inflate it, but reads an uncompressed payload of any size.
  if (bytes.length > compression.limit) return plain
  const stream = compress(bytes, compression.level)
  const chosen = (data: Uint8Array | undefined) => (data ? { flags: flags | FLAG_ZLIB, data } : plain)
  return stream instanceof Promise ? stream.then(chosen) : chosen(stream)
}

/** Whether the payload has at least `threshold` bytes. A UTF-16 unit takes one to three bytes of UTF-8. */
function reaches(payload: string | Uint8Array, threshold: number): boolean {
  if (payload.length >= threshold) return true
  return typeof payload === 'string' && payload.length * 3 >= threshold && Buffer.byteLength(payload) >= threshold
}
