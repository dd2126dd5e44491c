import { InvalidArgumentError } from '../errors.js'
import { longestTimer } from '../timers.js'
import { shown } from './shown.js'

/** A duration: milliseconds, or a number with a unit. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** How long an entry lives: a {@link Duration}, or `Infinity` for no expiry. */
export type Ttl = Duration

/** How long a call, a connection or a probe may take where nothing else is said, in ms. */
export const defaultTimeout = 500

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const durationForm = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** The longest finite ttl: 2^31 seconds, in ms. */
export const maxTtl: number = 2 ** 31 * 1000

/**
 * Milliseconds of a duration that a timer can carry: more than 0, at most 2^31−1 (24.8 days), since Node fires a longer timer at once.
 * Throws `InvalidArgumentError` for anything else. `others`: what else the option may be, for the message.
 */
export function milliseconds(duration: unknown, name: string, op?: string, key?: string, others = ''): number {
  const ms = read(duration)
  if (ms !== undefined && ms > 0 && ms <= longestTimer) return ms
  const isTooLong = ms !== undefined && ms > longestTimer && ms !== Number.POSITIVE_INFINITY
  const wanted = isTooLong ? `at most ${longestTimer} ms (24.8 days)` : `${others}positive ms or a string like "30s"`
  throw new InvalidArgumentError(`${name} must be ${wanted}, got ${shown(duration)}`, { op, key })
}

/** Milliseconds of a ttl, at least 1, or Infinity. Throws `InvalidArgumentError` for what is not a ttl. */
export function ttlMs(ttl: unknown, op?: string, key?: string): number {
  const ms = read(ttl)
  if (ms === Number.POSITIVE_INFINITY) return ms
  if (ms === undefined || Number.isNaN(ms)) {
    throw new InvalidArgumentError(
      `ttl must be ms, a string like "250ms", "30s", "5m", "2h" or "7d", or Infinity, got ${shown(ttl)}`,
      { op, key },
    )
  }
  if (ms <= 0) {
    throw new InvalidArgumentError(`ttl must be positive, got ${shown(ttl)}; pass Infinity for no expiry`, { op, key })
  }
  if (ms > maxTtl) {
    throw new InvalidArgumentError(`ttl must be at most 2^31 s, got ${shown(ttl)}; pass Infinity for no expiry`, {
      op,
      key,
    })
  }
  return ms < 1 ? 1 : ms
}

function read(duration: unknown): number | undefined {
  if (typeof duration === 'number') return duration
  if (typeof duration !== 'string') return undefined
  const match = durationForm.exec(duration)
  return match === null ? undefined : Number(match[1]) * units[match[2] as keyof typeof units]
}
