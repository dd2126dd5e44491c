import { isUtf8 } from 'node:buffer'
import { decompress } from './compression.js'
import { unguarded } from './counter-guard.js'
import { SerializationError } from './errors.js'
import {
  CODEC_BIGINT,
  CODEC_BUFFER,
  CODEC_BYTES,
  CODEC_JSON,
  CODEC_V8,
  FLAG_GUARD,
  FLAG_INTEGER,
  FLAG_LONG,
  FLAG_PICKLE,
  FLAG_TEXT,
  FLAG_ZLIB,
} from './flags.js'
import { bigintFrom, counterFrom, integerFrom, longFrom } from './number-codec.js'
import { restore } from './restoration.js'
import { readStructured } from './structured-codec.js'

/** What a zlib stream may contain. Without other flags it is text: the Python clients never compress integers. */
const WITHIN_ZLIB: ReadonlyMap<number, number> = new Map([
  [FLAG_ZLIB, FLAG_TEXT],
  ...[FLAG_TEXT, FLAG_INTEGER, FLAG_LONG, CODEC_BYTES, CODEC_BUFFER, CODEC_JSON, CODEC_V8].map(
    inner => [FLAG_ZLIB | inner, inner] as const,
  ),
])

export function decode(flags: number, data: Uint8Array | string, maxDecodedBytes: number): unknown {
  if ((flags & FLAG_ZLIB) === 0) return read(flags, data)
  const inner = WITHIN_ZLIB.get(flags)
  if (inner === undefined) throw unknownFlags(flags)
  const payload = decompress(bytesOf(data), maxDecodedBytes)
  return payload instanceof Promise ? payload.then(whole => read(inner, whole)) : read(inner, payload)
}

function read(flags: number, data: Uint8Array | string): unknown {
  try {
    return readPayload(flags, data)
  } catch (error) {
    if (error instanceof SerializationError) throw error
    throw new SerializationError(`the payload cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function readPayload(flags: number, data: Uint8Array | string): unknown {
  switch (flags) {
    case 0: {
      const text = textOf(data)
      return counterFrom(text) ?? text
    }
    case FLAG_TEXT:
      return textOf(data)
    case FLAG_INTEGER:
      return integerFrom(textOf(data))
    case FLAG_LONG:
      return longFrom(textOf(data))
    case FLAG_GUARD:
      return textOf(withoutGuard(data))
    case CODEC_BYTES:
      return new Uint8Array(bytesOf(data))
    case CODEC_BUFFER:
      return bufferCopy(bytesOf(data))
    case CODEC_BYTES | FLAG_GUARD:
      return new Uint8Array(bytesOf(withoutGuard(data)))
    case CODEC_BUFFER | FLAG_GUARD:
      return bufferCopy(bytesOf(withoutGuard(data)))
    case CODEC_JSON:
      return fromJson(textOf(data))
    case CODEC_V8: {
      const { value, restoration } = readStructured(bytesOf(data))
      if (restoration !== undefined) restore(restoration)
      return value
    }
    case CODEC_BIGINT:
      return bigintFrom(textOf(data))
    default:
      throw unknownFlags(flags)
  }
}

/** Without JSON.parse's own message, which quotes the payload. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SerializationError('the payload is not JSON, though its flags say so')
  }
}

function textOf(data: Uint8Array | string): string {
  if (typeof data === 'string') return data
  // Decoding replaces bytes that are not UTF-8, which would be a different value.
  if (!isUtf8(data)) throw new SerializationError('the payload is not UTF-8, though its flags say text')
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data
}

/** In its own memory: Buffer.from(bytes) would take it from the pool that all small Buffers share. */
function bufferCopy(bytes: Uint8Array): Buffer {
  return Buffer.from(new Uint8Array(bytes).buffer)
}

function withoutGuard(data: Uint8Array | string): Uint8Array | string {
  const payload = unguarded(data)
  if (payload === undefined) throw new SerializationError('the guard byte before the payload is missing')
  return payload
}

function unknownFlags(flags: number): SerializationError {
  if (flags === FLAG_PICKLE || flags === (FLAG_PICKLE | FLAG_ZLIB)) {
    return new SerializationError('the payload is a Python pickle, which is never read; store it as text or JSON')
  }
  return new SerializationError(`the flags ${flags} are not a known format`)
}
