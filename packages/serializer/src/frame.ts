import { SerializationError } from './errors.js'
import { type Encoded, FLAG_INTEGER, FLAG_METADATA } from './flags.js'
import { splitMetadata } from './metadata.js'

/*
 * For stores without a flags field (Redis). Text and counters stay bare, readable by redis-cli and INCR:
 *
 *   flags 0, text        h e l l o
 *   flags 2, digits      4 1
 *   everything else      c1 | 01 | flags, LEB128 | metadata? | payload
 *                        |    |    |               `-- where the flags hold bit 12: see metadata.ts
 *                        |    |    `-- 7 bits a byte, lowest first, high bit set on all but the last; at most 5
 *                        |    `-- version of the frame
 *                        `-- 0xC1 occurs nowhere in UTF-8 (it would be an overlong form), so no text begins with it
 */
/** The first byte of a framed value: 0xC1 occurs nowhere in valid UTF-8, so no bare text can be taken for a frame. */
export const FRAME_BYTE = 0xc1
const VERSION = 0x01
const MAX_FLAGS = 0xffffffff
const BARE_DIGITS = /^(?:0|[1-9]\d{0,19})$/

/** What a store without a flags field has to keep in one value. */
interface Framed extends Readonly<Encoded> {
  /** There exactly where `flags` hold `FLAG_METADATA`. */
  readonly metadata?: Uint8Array | undefined
}

/** The item as one value: the bare text or digits where that is enough, else a frame. Text is returned uncopied. */
export function frame(item: Framed): string | Uint8Array {
  const { flags, data, metadata } = item
  if (flags === 0 && (typeof data === 'string' || data[0] !== FRAME_BYTE)) return data
  if (flags === FLAG_INTEGER) {
    const digits = typeof data === 'string' ? data : data.length <= 20 ? Buffer.from(data).toString('latin1') : ''
    if (BARE_DIGITS.test(digits)) return data
  }
  const head = [FRAME_BYTE, VERSION]
  let rest = flags
  while (rest > 0x7f) {
    head.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  head.push(rest)
  const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length
  const start = head.length + (metadata?.length ?? 0)
  const framed = Buffer.allocUnsafeSlow(start + length)
  framed.set(head)
  if (metadata !== undefined) framed.set(metadata, head.length)
  if (typeof data === 'string') framed.write(data, start)
  else framed.set(data, start)
  return framed
}

/**
 * The flags, metadata and payload of a stored value; bare bytes have flags 0. All may share memory with `bytes`.
 * Throws ERR_CACHE_SERIALIZATION for a frame that is cut or of an unknown version. `splits: false`: bit 12 is left to its owner.
 */
export function unframe(bytes: Uint8Array, splits = true): { flags: number; data: Uint8Array; metadata?: Uint8Array } {
  if (bytes[0] !== FRAME_BYTE) return { flags: 0, data: bytes }
  if (bytes[1] !== VERSION) {
    const found = bytes[1] === undefined ? 'it is cut' : `version ${bytes[1]}`
    throw new SerializationError(`the frame is not of version ${VERSION}: ${found}`)
  }
  let flags = 0
  for (let at = 2; at < 7; at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new SerializationError('the frame is cut within its flags')
    flags += (byte & 0x7f) * 2 ** (7 * (at - 2))
    if (byte > 0x7f) continue
    if (flags > MAX_FLAGS || (byte === 0 && at > 2)) break
    const data = bytes.subarray(at + 1)
    return !splits || (flags & FLAG_METADATA) === 0 ? { flags, data } : { flags, ...splitMetadata(data) }
  }
  throw new SerializationError("the frame's flags are not a 32-bit number in its shortest form")
}
