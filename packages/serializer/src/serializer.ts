import { decode } from './decode.js'
import { encode } from './encode.js'
import type { Encoded } from './flags.js'
import { resolveOptions, type SerializerOptions } from './options.js'

/** Turns values into flags and payloads, and back. */
export interface Serializer {
  /**
   * The value as flags and payload; a Promise only where more than 32 KB are compressed. Once it has returned, the
   * caller may change the value. Throws ERR_CACHE_SERIALIZATION for what cannot be stored, naming where it is.
   */
  encode(value: unknown): Encoded | Promise<Encoded>
  /**
   * The value, sharing no memory with `data`, which must not change until then; a Promise only for a large compressed
   * payload. Throws, or rejects with, ERR_CACHE_SERIALIZATION for what cannot be read.
   */
  decode(flags: number, data: Uint8Array | string): unknown
}

/**
 * A serializer whose values come back deep-equal and of the same type, in the formats of docs/reference/wire-format.md.
 * Throws ERR_CACHE_INVALID_ARGUMENT for an unknown or wrong option.
 */
export function createSerializer(options?: SerializerOptions): Serializer {
  const { compression, maxDecodedBytes } = resolveOptions(options)
  return {
    encode: value => encode(value, compression),
    decode: (flags, data) => decode(flags, data, maxDecodedBytes),
  }
}
