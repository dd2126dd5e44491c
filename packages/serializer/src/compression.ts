import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { SerializationError } from './errors.js'

/** Resolved options of compression. Payloads from `threshold` to `limit` bytes are compressed. */
export type Compression = { threshold: number; limit: number; level: number }

// Above 32 KB the thread pool takes 5 to 9 times less main thread time than a synchronous call (docs/decisions/0003).
const ASYNC_DEFLATE_BYTES = 32 * 1024
const ASYNC_INFLATE_BYTES = 256 * 1024
// A small input may inflate a thousandfold: past this size, inflating is restarted in the thread pool.
const SYNC_INFLATED_BYTES = 4 * 1024 * 1024
const KEPT_SHARE = 0.9

const { nextTick } = process

/** Whether the thread pool answers: it does so through `process.nextTick`, and a test's fake one never runs. */
function poolAnswers(): boolean {
  return process.nextTick === nextTick
}

/** The zlib stream of the payload, undefined if it saves less than a tenth; a Promise above 32 KB. */
export function compress(payload: Uint8Array, level: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  const kept = (stream: Uint8Array) => (stream.length <= payload.length * KEPT_SHARE ? stream : undefined)
  if (payload.length <= ASYNC_DEFLATE_BYTES || !poolAnswers()) return kept(deflateSync(payload, { level }))
  return deflateInPool(payload, level).then(kept)
}

/**
 * The content of the zlib stream, at most `limit` bytes; a Promise if the stream is over 256 KB or holds over 4 MB.
 * Throws ERR_CACHE_SERIALIZATION for a broken or cut stream, for bytes after its end, and past the limit.
 */
export function decompress(stream: Uint8Array, limit: number): Uint8Array | Promise<Uint8Array> {
  const pooled = poolAnswers()
  if (pooled && stream.length > ASYNC_INFLATE_BYTES) return inflateInPool(stream, limit)
  const maxOutputLength = pooled ? Math.min(limit, SYNC_INFLATED_BYTES) : limit
  try {
    return whole(stream, inflateSync(stream, { maxOutputLength, info: true }))
  } catch (error) {
    if (pooled && isTooLarge(error) && limit > SYNC_INFLATED_BYTES) return inflateInPool(stream, limit)
    throw unreadable(error, limit)
  }
}

// By hand: if a test runner gives each file its own globals, as Jest does, the promises of `promisify` are of another class.
function deflateInPool(payload: Uint8Array, level: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflate(payload, { level }, (error, stream) => (error === null ? resolve(stream) : reject(error)))
  })
}

function inflateInPool(stream: Uint8Array, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    inflate(stream, { maxOutputLength: limit, info: true }, (error, result) => {
      if (error) return reject(unreadable(error, limit))
      try {
        resolve(whole(stream, result))
      } catch (incomplete) {
        reject(incomplete)
      }
    })
  })
}

/** What zlib returns with `info: true`; its own types know only the bare buffer. */
type Inflated = { buffer: Uint8Array; engine: { bytesWritten: number } }

function whole(stream: Uint8Array, result: unknown): Uint8Array {
  const { buffer, engine } = result as Inflated
  if (engine.bytesWritten === stream.length) return buffer
  throw new SerializationError(`${stream.length - engine.bytesWritten} bytes follow the end of the compressed payload`)
}

function isTooLarge(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
}

function unreadable(error: unknown, limit: number): SerializationError {
  if (error instanceof SerializationError) return error
  if (isTooLarge(error)) return new SerializationError(`the payload inflates to more than maxDecodedBytes, ${limit}`)
  return new SerializationError(`the payload is not a whole zlib stream: ${(error as Error).message}`, { cause: error })
}

/** The first bytes of formats that hold compressed data already. */
const COMPRESSED: readonly (readonly number[])[] = [
  [0x1f, 0x8b], // gzip, RFC 1952
  [0x78, 0x01], // zlib, RFC 1950, by level
  [0x78, 0x5e],
  [0x78, 0x9c],
  [0x78, 0xda],
  [0x28, 0xb5, 0x2f, 0xfd], // zstd, RFC 8878
  [0x04, 0x22, 0x4d, 0x18], // lz4 frame
  [0x42, 0x5a, 0x68], // bzip2
  [0xfd, 0x37, 0x7a, 0x58, 0x5a], // xz
  [0x37, 0x7a, 0xbc, 0xaf], // 7z
  [0x50, 0x4b, 0x03, 0x04], // zip, and formats built on it
  [0x52, 0x61, 0x72, 0x21], // rar
  [0x89, 0x50, 0x4e, 0x47], // png
  [0xff, 0xd8, 0xff], // jpeg
  [0x47, 0x49, 0x46, 0x38], // gif
  [0x4f, 0x67, 0x67, 0x53], // ogg
  [0x49, 0x44, 0x33], // mp3 with ID3
  [0x1a, 0x45, 0xdf, 0xa3], // matroska, webm
  [0x77, 0x4f, 0x46, 0x32], // woff2
]
const WEBP = [0x57, 0x45, 0x42, 0x50] // after "RIFF" and a length
const FTYP = [0x66, 0x74, 0x79, 0x70] // mp4, avif, heic: after a length

/** True for bytes that begin like a compressed file: deflating them costs time and saves nothing. */
export function isCompressed(bytes: Uint8Array): boolean {
  return COMPRESSED.some(magic => beginsAt(bytes, 0, magic)) || beginsAt(bytes, 8, WEBP) || beginsAt(bytes, 4, FTYP)
}

function beginsAt(bytes: Uint8Array, offset: number, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[offset + index] === byte)
}
