import { type Duration, longestTimer, milliseconds, type Ttl, ttlMs } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import { z } from 'zod'
import type { ByteSize } from './config.js'

// Each `error` is the message up to "got …": what the option must be.

export const text: z.ZodString = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty text' })
export const flag: z.ZodBoolean = z.boolean({ error: 'must be true or false' })

const durationPattern = '^\\d+(\\.\\d+)?(ms|s|m|h|d)$'
const durationForms = [
  { type: 'number', exclusiveMinimum: 0, maximum: longestTimer },
  { type: 'string', pattern: durationPattern },
] as const
export const duration: z.ZodCustom<Duration, Duration> = z
  .custom<Duration>(value => isDuration(value), {
    error: 'must be positive ms or text such as "250ms", "30s", "5m" (at most 2^31−1 ms, 24.8 days)',
  })
  .meta({ anyOf: durationForms })
export const ttl: z.ZodCustom<Ttl, Ttl> = z
  .custom<Ttl>(value => accepts(() => ttlMs(value)), {
    error: 'must be positive ms, text such as "250ms", "30s", "5m", "2h", "7d" (at most 2^31 s), or Infinity',
  })
  .meta({
    anyOf: [
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'string', pattern: durationPattern },
    ],
  })
/** A ttl, or 0 for none. */
export const staleWindow: z.ZodCustom<Ttl, Ttl> = z
  .custom<Ttl>(value => value === 0 || accepts(() => ttlMs(value)), {
    error: 'must be 0, ms, text such as "250ms", "30s", "5m", "2h", "7d" (at most 2^31 s), or Infinity',
  })
  .meta({
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: durationPattern },
    ],
  })
/** A duration, or Infinity. */
export const patience: z.ZodCustom<Duration, Duration> = z
  .custom<Duration>(value => value === Number.POSITIVE_INFINITY || isDuration(value), {
    error: 'must be positive ms or text such as "250ms", "30s", "5m" (at most 2^31−1 ms, 24.8 days), or Infinity',
  })
  .meta({ anyOf: durationForms })
/** A duration, or false. */
export const lease: z.ZodCustom<Duration | false, Duration | false> = z
  .custom<Duration | false>(value => value === false || isDuration(value), {
    error: 'must be false, positive ms or text such as "250ms", "30s", "5m" (at most 2^31−1 ms, 24.8 days)',
  })
  .meta({ anyOf: [{ const: false }, ...durationForms] })
const shareError = 'must be a share of the ttl from 0 to 1'
export const share: z.ZodNumber = z
  .number({ error: shareError })
  .min(0, { error: shareError })
  .max(1, { error: shareError })
export const byteSize: z.ZodCustom<ByteSize, ByteSize> = z
  .custom<ByteSize>(value => isByteSize(value), {
    error: 'must be a whole number of bytes from 1, or text such as "4kb", "64mb"',
  })
  .meta({
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)? ?([kKmMgG]?[bB])?$' },
    ],
  })

export function whole(from: number, to: number, what = 'a whole number'): z.ZodInt {
  const error = `must be ${what} from ${from}${to === Number.MAX_SAFE_INTEGER ? '' : ` to ${to}`}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T): z.ZodEnum<{ [V in T[number]]: V }> {
  return z.enum(values, { error: `must be ${values.map(value => JSON.stringify(value)).join(' or ')}` })
}

export function object<T extends z.ZodRawShape>(shape: T, or = ''): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: `must be ${or}an object with ${Object.keys(shape).join(', ')}` })
}

export function orFalse<T extends z.ZodType>(options: T, error: string): z.ZodUnion<[z.ZodLiteral<false>, T]> {
  return z.union([z.literal(false), options], { error })
}

function accepts(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

function isDuration(value: unknown): boolean {
  return accepts(() => milliseconds(value, ''))
}

function isByteSize(value: unknown): boolean {
  return accepts(() => {
    if (parseBytes(value as ByteSize) < 1) throw new RangeError()
  })
}
