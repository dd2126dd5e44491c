import { decode } from './decode.js'
import { encode } from './encode.js'
import { type Encoded, FLAG_INTEGER } from './flags.js'
import { resolveOptions, type SerializerOptions } from './options.js'

/** What a serializer tells stores about its bytes. */
export interface Format {
  /** Flags under which digits are a counter. A new counter gets the first of them. */
  readonly counterFlags: readonly [number, ...number[]]
  /** Whether bits 12 and 13 of the flags are core's: metadata and leases. False where another client gives them a meaning of its own. */
  readonly metadata: boolean
  /** Whether keys are sent as they are, neither hashed nor given a generation, since another client looks for them. */
  readonly plainKeys: boolean
}

/** The format of anycache's own bytes. A counter that a count has made has no flags: PHP and Dalli read no number with flags 2. */
export const nativeFormat: Format = { counterFlags: [0, FLAG_INTEGER], metadata: true, plainKeys: false }

/** Turns values into flags and payloads, and back. Bits 12 and 13 of the flags are core's, unless the format says otherwise. */
export interface Serializer {
  /** Default: {@link nativeFormat}. */
  readonly format?: Format
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
