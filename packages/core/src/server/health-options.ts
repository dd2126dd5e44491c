import { parseBytes } from '@anycache/serializer'
import { InvalidArgumentError } from '../errors.js'
import { shown } from '../input/shown.js'
import { type Duration, defaultTimeout, milliseconds } from '../input/ttl.js'
import { type BreakerOptions, checkBreaker } from './breaker.js'

const defaultMaxInFlightBytes = 64 * 2 ** 20

/** What every store over servers takes, to bound what an ill server costs. */
export interface HealthOptions {
  /** How long connecting may take, and a probe of a silent server at most. Default 500 ms. */
  readonly timeout?: Duration
  /**
   * When calls to a failing server are suspended; `false`: never. Default: after 5 failures in a row, or when no connection can be made.
   */
  readonly breaker?: BreakerOptions | false
  /**
   * Bytes of requests to one server that may be queued or unanswered, as a number or `'64mb'`; more are refused with `OverloadedError`,
   * unsent. Each request counts its key, its value and 256 bytes more. A single request may be larger. Default 64 MiB.
   */
  readonly maxInFlightBytes?: number | string
}

/** The names of {@link HealthOptions}, for `checkOptions`. */
export const healthOptionNames = ['timeout', 'breaker', 'maxInFlightBytes'] as const

/** {@link HealthOptions}, resolved once. */
export interface HealthSettings {
  readonly timeout: number
  readonly breaker: BreakerOptions | false | undefined
  readonly maxInFlightBytes: number
}

/** The options with their defaults. Throws `InvalidArgumentError`; `where` names the store. */
export function resolveHealth(where: string, options: HealthOptions): HealthSettings {
  const { timeout = defaultTimeout, breaker, maxInFlightBytes = defaultMaxInFlightBytes } = options
  const bytes = parseBytes(maxInFlightBytes, `${where}: maxInFlightBytes`)
  if (bytes < 1) {
    throw new InvalidArgumentError(`${where}: maxInFlightBytes must be at least 1, got ${shown(maxInFlightBytes)}`)
  }
  return {
    timeout: milliseconds(timeout, `${where}: timeout`),
    breaker: checkBreaker(where, breaker),
    maxInFlightBytes: bytes,
  }
}
