import { InvalidArgumentError } from '../errors.js'
import type { ReadThroughOptions } from '../options.js'
import { shown } from './shown.js'
import { milliseconds, ttlMs } from './ttl.js'

/** {@link ReadThroughOptions}, resolved: durations in ms, 0 or Infinity for none. */
export interface ReadThrough {
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly softTimeout: number
  readonly hardTimeout: number
  readonly refreshAhead: number
  readonly earlyRefresh: number
  readonly lease: number | false
  readonly skipNull: boolean
}

const defaults: ReadThrough = {
  staleWhileRevalidate: 0,
  staleIfError: 0,
  softTimeout: Number.POSITIVE_INFINITY,
  hardTimeout: Number.POSITIVE_INFINITY,
  refreshAhead: 0,
  earlyRefresh: 0,
  lease: 10_000,
  skipNull: false,
}

/** What checks and converts each of them. */
const conversions: {
  readonly [Name in keyof ReadThrough]: (value: unknown, name: string, op?: string, key?: string) => ReadThrough[Name]
} = {
  staleWhileRevalidate: staleWindow,
  staleIfError: staleWindow,
  softTimeout: patience,
  hardTimeout: patience,
  refreshAhead: share,
  earlyRefresh: beta,
  lease: leaseMs,
  skipNull: flag,
}

export const readThroughNames = Object.keys(conversions) as readonly (keyof ReadThrough)[]
/** The checks of the options, by name. */
export const readThroughChecks: typeof conversions = conversions

/** The options of a call over the cache's own; the latter themselves where the call names none. */
export function resolveReadThrough(options: ReadThroughOptions | undefined, own: ReadThrough = defaults): ReadThrough {
  if (options === undefined) return own
  let resolved: Record<string, unknown> | undefined
  for (const name of readThroughNames) {
    const value = options[name]
    if (value === undefined) continue
    resolved ??= { ...own }
    resolved[name] = conversions[name](value, name)
  }
  return resolved === undefined ? own : (resolved as unknown as ReadThrough)
}

/** A stale window in ms; 0 for none. */
function staleWindow(value: unknown, name: string, op?: string, key?: string): number {
  if (value === 0) return 0
  try {
    return ttlMs(value)
  } catch {
    const wanted = '0, ms, a string like "30s", or Infinity'
    throw new InvalidArgumentError(`${name} must be ${wanted}, got ${shown(value)}`, { op, key })
  }
}

function patience(value: unknown, name: string, op?: string, key?: string): number {
  return value === Number.POSITIVE_INFINITY ? value : milliseconds(value, name, op, key, 'Infinity, ')
}

function leaseMs(value: unknown, name: string, op?: string, key?: string): number | false {
  return value === false ? false : milliseconds(value, name, op, key, 'false, ')
}

function share(value: unknown, name: string, op?: string, key?: string): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError(`${name} must be a share of the ttl from 0 to 1, got ${shown(value)}`, { op, key })
}

function beta(value: unknown, name: string, op?: string, key?: string): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new InvalidArgumentError(`${name} must be a number from 0 on, 1 being usual, got ${shown(value)}`, { op, key })
}

function flag(value: unknown, name: string, op?: string, key?: string): boolean {
  if (typeof value === 'boolean') return value
  throw new InvalidArgumentError(`${name} must be true or false, got ${shown(value)}`, { op, key })
}
