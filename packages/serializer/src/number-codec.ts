import { SerializationError } from './errors.js'
import { CODEC_JSON, FLAG_INTEGER } from './flags.js'

const COUNTER = /^(0|[1-9]\d{0,19}) *$/
const INTEGER = /^[+-]?\d+ *$/
const BIGINT = /^(0|-?[1-9]\d*)n$/

/** The number as text with its flags; undefined for what neither digits nor JSON can carry: NaN and ±Infinity. */
export function encodeNumber(value: number): { flags: number; data: string } | undefined {
  if (Object.is(value, -0)) return { flags: CODEC_JSON, data: '-0.0' }
  if (Number.isSafeInteger(value)) return { flags: FLAG_INTEGER, data: String(value) }
  if (!Number.isFinite(value)) return undefined
  // Beyond 2^53, bare digits would be a counter to memcached: 2^60 is written as 1.152921504606847e+18.
  return { flags: CODEC_JSON, data: Number.isInteger(value) ? value.toExponential() : String(value) }
}

/** The number that digits without flags mean, whichever client wrote them; `decr` pads with spaces. Undefined for other text. */
export function counterFrom(text: string): number | bigint | undefined {
  const first = text.charCodeAt(0)
  if (first < 0x30 || first > 0x39 || !COUNTER.test(text)) return undefined
  return exact(text)
}

/** A decimal integer of any sign and size: a number if that is exact, else a BigInt. */
export function integerFrom(text: string): number | bigint {
  if (!INTEGER.test(text)) throw new SerializationError('the payload is not a decimal integer, though its flags say so')
  return exact(text)
}

/** A Python long: always a BigInt. */
export function longFrom(text: string): bigint {
  if (!INTEGER.test(text)) throw new SerializationError('the payload is not a decimal integer, though its flags say so')
  return BigInt(text.trimEnd())
}

/** Our own BigInt: `-123n`. */
export function bigintFrom(text: string): bigint {
  if (!BIGINT.test(text)) throw new SerializationError('the payload is not a BigInt, though its flags say so')
  return BigInt(text.slice(0, -1))
}

function exact(text: string): number | bigint {
  const number = Number(text)
  // "-0" is 0 to every client that writes it.
  return Number.isSafeInteger(number) ? number + 0 : BigInt(text.trimEnd())
}
