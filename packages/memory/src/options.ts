import { checkOptions, InvalidArgumentError, now, shown } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import type { Clock } from './clock.js'

/** What a {@link MemoryStore} takes. With neither bound given it holds at most 10 000 entries and 64 MiB. */
export interface MemoryOptions {
  /**
   * Most entries held; one more evicts the least recently used. A whole number from 1 to 16 777 216 (the most a `Map` holds).
   * Default: 10 000, or none where `maxBytes` is given.
   */
  readonly maxEntries?: number
  /**
   * Most bytes held, as a number or `'64mb'`: keys and entries as encoded (text as UTF-8), plus 190 bytes of overhead per entry.
   * At least 1024. A value over it by itself is not stored. Not with `isolation: 'reference'`, whose values have no size.
   * Default: 64 MiB, or none where `maxEntries` is given.
   */
  readonly maxBytes?: number | string
  /**
   * `'copy'`: entries are held encoded, and every read decodes a copy of its own. `'reference'`: the very value that was written
   * comes back, shared by all; nothing is encoded, so nothing is refused or copied, functions included. Default `'copy'`.
   */
  readonly isolation?: 'copy' | 'reference'
  /** The time by which entries expire. Default: `performance.now()`, as it was before a test faked it. For tests: `fakeClock()` of `@anycache/conformance/testing`. */
  readonly clock?: Clock
}

export interface Bounds {
  readonly maxEntries: number | undefined
  readonly maxBytes: number | undefined
}

export interface ResolvedMemoryOptions extends Bounds {
  readonly isolation: 'copy' | 'reference'
  readonly clock: Clock
}

const optionNames = ['maxEntries', 'maxBytes', 'isolation', 'clock'] as const
const mostEntries = 2 ** 24
// A smaller store holds no entry of a useful size.
const leastBytes = 1024
const defaultEntries = 10_000
const defaultBytes = 64 * 2 ** 20

/** The options with their defaults. Throws `InvalidArgumentError` for what cannot be used. */
export function resolveMemoryOptions(options: MemoryOptions): ResolvedMemoryOptions {
  checkOptions('MemoryStore', options, optionNames)
  const { maxEntries, isolation = 'copy', clock = { now } } = options
  if (isolation !== 'copy' && isolation !== 'reference') {
    throw new InvalidArgumentError(`MemoryStore: isolation must be "copy" or "reference", got ${shown(isolation)}`)
  }
  if (typeof clock?.now !== 'function') {
    throw new InvalidArgumentError(`MemoryStore: clock must have a now() that returns ms, got ${shown(clock)}`)
  }
  if (maxEntries !== undefined && !(Number.isInteger(maxEntries) && maxEntries >= 1 && maxEntries <= mostEntries)) {
    throw new InvalidArgumentError(
      `MemoryStore: maxEntries must be a whole number from 1 to ${mostEntries}, got ${shown(maxEntries)}`,
    )
  }
  const maxBytes = options.maxBytes === undefined ? undefined : parseBytes(options.maxBytes, 'MemoryStore: maxBytes')
  if (maxBytes !== undefined && maxBytes < leastBytes) {
    throw new InvalidArgumentError(
      `MemoryStore: maxBytes must be at least ${leastBytes}, got ${shown(options.maxBytes)}`,
    )
  }
  if (isolation === 'reference') {
    if (maxBytes !== undefined) {
      throw new InvalidArgumentError(
        'MemoryStore: maxBytes needs isolation "copy", since a reference has no size; bound the store by maxEntries',
      )
    }
    return { maxEntries: maxEntries ?? defaultEntries, maxBytes, isolation, clock }
  }
  if (maxEntries === undefined && maxBytes === undefined) {
    return { maxEntries: defaultEntries, maxBytes: defaultBytes, isolation, clock }
  }
  return { maxEntries, maxBytes, isolation, clock }
}
