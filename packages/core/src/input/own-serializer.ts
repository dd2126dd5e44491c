import { types } from 'node:util'
import {
  type Encoded,
  FLAG_INTEGER,
  FLAG_LEASE,
  FLAG_METADATA,
  FLAGS_TORN,
  type Format,
  nativeFormat,
  type Serializer,
} from '@anycache/serializer'
import { InvalidArgumentError, SerializationError } from '../errors.js'
import { shown } from './shown.js'

const longestCounter = 20
// memcached's decr leaves blanks behind a number that has lost a digit.
const counterForm = /^(?:0|[1-9]\d{0,15}) *$/

/**
 * An application's serializer for all but whole numbers from 0 to 2^53−1: servers count those by themselves, so they are digits under
 * the format's counter flags whatever the serializer would make of them, and digits under those are read as such.
 */
export function besideCounters(own: Serializer): Serializer {
  const format = own.format ?? nativeFormat
  checkFormat(format)
  const { counterFlags } = format
  const written = counterFlags.includes(FLAG_INTEGER) ? FLAG_INTEGER : counterFlags[0]
  const counterIn = (flags: number, data: Uint8Array | string): number | undefined =>
    counterFlags.includes(flags) ? countIn(data) : undefined
  const checked = (encoded: Encoded): Encoded => {
    checkEncoded(encoded, format.metadata)
    const count = counterIn(encoded.flags, encoded.data)
    // JSON is digits for −0 and for what toJSON makes a number, and reads them as that number.
    if (count === undefined || own.decode(encoded.flags, encoded.data) === count) return encoded
    throw new SerializationError(
      `the serializer makes bare digits under flags ${encoded.flags} of what is no whole number, and every read would give a number; ` +
        'have it give other flags',
    )
  }
  return {
    format,
    encode(value) {
      if (Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)) {
        return { flags: written, data: String(value) }
      }
      const encoded = own.encode(value)
      return encoded instanceof Promise ? encoded.then(checked) : checked(encoded)
    },
    decode: (flags, data) => counterIn(flags, data) ?? own.decode(flags, data),
  }
}

function countIn(data: Uint8Array | string): number | undefined {
  if (data.length > longestCounter) return undefined
  const text = typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
  if (!counterForm.test(text)) return undefined
  const count = Number(text)
  return count <= Number.MAX_SAFE_INTEGER ? count : undefined
}

function checkFormat(format: Format): void {
  const { counterFlags, metadata, plainKeys } = format
  const isCounter = (flags: unknown): boolean => isFlags(flags) && !(metadata && areOurs(flags))
  if (Array.isArray(counterFlags) && counterFlags.length > 0 && counterFlags.every(isCounter)) {
    if (typeof metadata === 'boolean' && typeof plainKeys === 'boolean') return
  }
  throw new InvalidArgumentError(
    "the serializer's format must be { counterFlags: one or more flags, metadata: true or false, plainKeys: true or false }; " +
      'with metadata, bits 12 and 13 of the flags are 0',
  )
}

function isFlags(flags: unknown): flags is number {
  return Number.isInteger(flags) && (flags as number) >= 0 && (flags as number) < FLAGS_TORN
}

/** Whether they say that there is metadata, or a lease. */
function areOurs(flags: number): boolean {
  return (flags & (FLAG_METADATA | FLAG_LEASE)) !== 0
}

function checkEncoded(encoded: Encoded, hasMetadata: boolean): void {
  const { flags, data } = (encoded ?? {}) as Partial<Encoded>
  if (isFlags(flags)) {
    if (typeof data === 'string' || types.isUint8Array(data)) {
      if (!hasMetadata || !areOurs(flags)) return
      throw new SerializationError(
        `the serializer gives flags ${flags}, and bits 12 and 13 are the cache's own; have it leave them 0`,
      )
    }
  }
  const got = typeof data === 'string' ? 'text' : types.isUint8Array(data) ? 'bytes' : shown(data)
  throw new SerializationError(
    `the serializer's encode must give { flags: 0 to 2^32−2, data: text or a Uint8Array }, got flags ${shown(flags)} and data ${got}`,
  )
}
