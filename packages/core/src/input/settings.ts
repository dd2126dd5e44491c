import { createSerializer, type Serializer, type SerializerOptions } from '@anycache/serializer'
import { InvalidArgumentError } from '../errors.js'
import type { Store } from '../store.js'
import { checkNamespace } from './keys.js'
import { checkOptions } from './options.js'
import { besideCounters } from './own-serializer.js'
import { shown } from './shown.js'
import { type Duration, milliseconds, type Ttl, ttlMs } from './ttl.js'

/** How a cache is opened over a store. Checked by hand; anything wrong is an `InvalidArgumentError`. */
export interface CacheOptions {
  /** The part of the keyspace this cache owns. Letters, digits, `_`, `.`, `-`. Default: none, and keys travel bare. */
  readonly namespace?: string
  /** The ttl of entries that name none. Default Infinity. */
  readonly ttl?: Ttl
  /** Shortens every ttl by a random share of it, up to this one (0 to 1), so that entries written together do not expire together. Default 0. */
  readonly jitter?: number
  /** How long a call may wait for the server, connecting included. Default 500 ms. */
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

const known = [
  'namespace',
  'ttl',
  'jitter',
  'timeout',
  'onError',
  'serializer',
  'maxValueBytes',
  'keyspace',
  'allowFlush',
  'name',
  'source',
] as const

export function resolveSettings(store: Store, options: CacheOptions): Settings {
  checkOptions('cacheOver', options, known)
  const { namespace, ttl, jitter, timeout, onError, maxValueBytes, allowFlush, keyspace, name, source } = options
  if (namespace !== undefined) checkNamespace(namespace)
  if (maxValueBytes !== undefined && !(typeof maxValueBytes === 'number' && maxValueBytes > 0)) {
    throw new InvalidArgumentError(`maxValueBytes must be a positive number of bytes, got ${shown(maxValueBytes)}`)
  }
  if (allowFlush !== undefined && typeof allowFlush !== 'boolean') {
    throw new InvalidArgumentError(`allowFlush must be true or false, got ${shown(allowFlush)}`)
  }
  if (store.serializer !== undefined && (options.serializer !== undefined || maxValueBytes !== undefined)) {
    const name = options.serializer === undefined ? 'maxValueBytes' : 'serializer'
    throw new InvalidArgumentError(
      `${name} has no meaning over this store, which encodes values its own way; leave it out`,
    )
  }
  return {
    ttl: ttl === undefined ? Number.POSITIVE_INFINITY : ttlMs(ttl),
    jitter: jitter === undefined ? 0 : checkJitter(jitter),
    timeout: timeout === undefined ? 500 : milliseconds(timeout, 'timeout'),
    onError: onError === undefined ? 'open' : checkOnError(onError),
    serializer: store.serializer ?? serializerOf(options.serializer),
    maxValueBytes: maxValueBytes ?? Number.POSITIVE_INFINITY,
    allowFlush: allowFlush ?? false,
    keyspace: checkText(keyspace, 'keyspace'),
    name: checkText(name, 'name'),
    source: checkText(source, 'source'),
    path: namespace === undefined ? [] : [namespace],
  }
}

export function checkJitter(jitter: unknown, op?: string): number {
  if (typeof jitter === 'number' && jitter >= 0 && jitter <= 1) return jitter
  throw new InvalidArgumentError(`jitter must be a share of the ttl from 0 to 1, got ${shown(jitter)}`, { op })
}

export function checkOnError(onError: unknown, op?: string): 'open' | 'throw' {
  if (onError === 'open' || onError === 'throw') return onError
  throw new InvalidArgumentError(`onError must be "open" or "throw", got ${shown(onError)}`, { op })
}

function checkText(text: unknown, option: string): string | undefined {
  if (text === undefined || typeof text === 'string') return text
  throw new InvalidArgumentError(`${option} must be a string, got ${shown(text)}`)
}

function serializerOf(given: Serializer | SerializerOptions | undefined): Serializer {
  if (typeof (given as Partial<Serializer> | null | undefined)?.encode === 'function') {
    if (typeof (given as Partial<Serializer>).decode === 'function') return besideCounters(given as Serializer)
    throw new InvalidArgumentError('serializer has encode but no decode; pass both, or options for the built-in one')
  }
  return createSerializer(given as SerializerOptions | undefined)
}
