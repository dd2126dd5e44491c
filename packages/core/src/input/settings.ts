import { createSerializer, type Serializer, type SerializerOptions } from '@anycache/serializer'
import { InvalidArgumentError } from '../errors.js'
import type { ReadThroughOptions } from '../options.js'
import type { Store } from '../store.js'
import { checkNamespace } from './keys.js'
import { checkBoolean, checkJitter, checkOnError, checkTable, checkTtl, optionTable } from './option-checks.js'
import { besideCounters } from './own-serializer.js'
import { type ReadThrough, readThroughChecks, resolveReadThrough } from './read-through-options.js'
import { shown } from './shown.js'
import { type Duration, defaultTimeout, milliseconds, type Ttl, ttlMs } from './ttl.js'

/** How a cache is opened over a store. Checked by hand; anything wrong is an `InvalidArgumentError`. */
export interface CacheOptions {
  /** The part of the keyspace this cache owns. Letters, digits, `_`, `.`, `-`. Default: none, and keys travel bare. */
  readonly namespace?: string
  /** The ttl of entries that are written without one: ms, `'5m'` or Infinity. Default Infinity. */
  readonly ttl?: Ttl
  /** Shortens every ttl by a random share of it, up to this one (0 to 1), so that entries written together do not expire together. Default 0. */
  readonly jitter?: number
  /** What `getOrSet`, `getOrSetMany` and `wrap` do where a call names nothing else. Default: those of {@link ReadThroughOptions}. */
  readonly readThrough?: ReadThroughOptions
  /** How long a call may wait for the server, connecting included: ms or `'250ms'`. Default 500 ms. */
  readonly timeout?: Duration
  /** `'open'` (default): an outage looks like a miss. `'throw'`: it rejects. */
  readonly onError?: 'open' | 'throw'
  /** A serializer for all but whole numbers ≥ 0, which are digits everywhere; or options for the one of `@anycache/serializer`. */
  readonly serializer?: Serializer | SerializerOptions
  /** Encoded values over this many bytes are not sent. Default: only the server's own limit. */
  readonly maxValueBytes?: number
  /**
   * Names what the store's keys stand for, such as `redis://cache-1:6379/0`. Caches of one process with the same keyspace share their loads,
   * and what one of them writes supersedes a load of the other, though they stand over different stores. Default: the store itself.
   */
  readonly keyspace?: string
  /** Permits `flush()`, which empties the whole backend. Default false. */
  readonly allowFlush?: boolean
  /** Shown by `info()`. */
  readonly name?: string
  /** Shown by `info()`: which source of config won. */
  readonly source?: string
}

/** {@link CacheOptions}, resolved once. Durations in ms. */
export interface Settings {
  readonly ttl: number
  readonly jitter: number
  readonly readThrough: ReadThrough
  readonly timeout: number
  readonly onError: 'open' | 'throw'
  readonly serializer: Serializer
  readonly maxValueBytes: number
  readonly allowFlush: boolean
  readonly keyspace: string | undefined
  readonly name: string | undefined
  readonly source: string | undefined
  readonly path: readonly string[]
}

const readThroughTable = optionTable(readThroughChecks)
const cacheOptions = optionTable({
  namespace: checkNamespace,
  ttl: checkTtl,
  jitter: checkJitter,
  readThrough: options => checkTable('readThrough', options, readThroughTable),
  timeout: milliseconds,
  onError: checkOnError,
  serializer: () => {},
  maxValueBytes: checkBytes,
  keyspace: checkText,
  allowFlush: checkBoolean,
  name: checkText,
  source: checkText,
})

export function resolveSettings(store: Store, options: CacheOptions): Settings {
  checkTable('cacheOver', options, cacheOptions)
  const {
    namespace,
    ttl,
    jitter,
    timeout = defaultTimeout,
    onError,
    maxValueBytes,
    allowFlush,
    keyspace,
    name,
    source,
  } = options
  if (store.serializer !== undefined && (options.serializer !== undefined || maxValueBytes !== undefined)) {
    const option = options.serializer === undefined ? 'maxValueBytes' : 'serializer'
    throw new InvalidArgumentError(
      `${option} has no meaning over this store, which encodes values its own way; leave it out`,
    )
  }
  const serializer = store.serializer ?? serializerOf(options.serializer)
  const readThrough = resolveReadThrough(options.readThrough)
  checkMetadata(serializer, readThrough)
  return {
    ttl: ttl === undefined ? Number.POSITIVE_INFINITY : ttlMs(ttl),
    jitter: jitter ?? 0,
    readThrough,
    timeout: milliseconds(timeout, 'timeout'),
    onError: onError ?? 'open',
    serializer,
    maxValueBytes: maxValueBytes ?? Number.POSITIVE_INFINITY,
    allowFlush: allowFlush ?? false,
    keyspace,
    name,
    source,
    path: namespace === undefined ? [] : [namespace],
  }
}

function checkText(text: unknown, option: string): void {
  if (typeof text !== 'string') throw new InvalidArgumentError(`${option} must be a string, got ${shown(text)}`)
}

function checkBytes(bytes: unknown, option: string): void {
  if (typeof bytes === 'number' && bytes > 0) return
  throw new InvalidArgumentError(`${option} must be a positive number of bytes, got ${shown(bytes)}`)
}

/** Throws where the entries could not say how old they are, and the cache is to act on that. */
function checkMetadata({ format }: Serializer, readThrough: ReadThrough): void {
  if (format === undefined || format.metadata) return
  const names = ['staleWhileRevalidate', 'staleIfError', 'refreshAhead', 'earlyRefresh'] as const
  const name = names.find(name => readThrough[name] > 0)
  if (name === undefined) return
  throw new InvalidArgumentError(
    `readThrough.${name} needs entries with metadata, and the serializer's format has none; ` +
      'leave it out, or use a serializer whose format has metadata: true',
  )
}

function serializerOf(given: Serializer | SerializerOptions | undefined): Serializer {
  if (typeof (given as Partial<Serializer> | null | undefined)?.encode === 'function') {
    if (typeof (given as Partial<Serializer>).decode === 'function') return besideCounters(given as Serializer)
    throw new InvalidArgumentError('serializer has encode but no decode; pass both, or options for the built-in one')
  }
  return createSerializer(given as SerializerOptions | undefined)
}
