import type { CacheEvents } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import type { Duration, Ttl } from './input/ttl.js'
import type { LoaderContext, LoadOutcome } from './loader.js'
import type { CasToken, Limits, ServerStats } from './store.js'

/** What every call takes. */
export interface CallOptions {
  /** How long the call may wait for the server, connecting included. Default: the cache's `timeout`. */
  readonly timeout?: Duration | undefined
  /**
   * What an outage looks like: `'open'`, a miss or "not done"; `'throw'`, a rejection. Default: the cache's `onError`.
   * Verbs whose answer a program acts on (`add`, `increment`, `take`, …) reject either way.
   */
  readonly onError?: 'open' | 'throw' | undefined
}

export interface WriteOptions extends CallOptions {
  /** How long the entry lives: ms, `'30s'`, or Infinity. Default: the cache's `ttl`. */
  readonly ttl?: Ttl | undefined
}

export interface CountOptions extends CallOptions {
  /** What an absent counter is taken to be before `by` is applied. A whole number from 0 to 2^53−1. Default 0. */
  readonly initial?: number | undefined
  /** The ttl of a counter that this call creates; a living one keeps its own. Default: the cache's `ttl`. */
  readonly ttl?: Ttl | undefined
  /** `false`: an absent counter stays absent and the call resolves `undefined`. Default true. */
  readonly create?: boolean | undefined
}

/** {@link CountOptions} under which an absent counter is created, so that there is always a count. */
export type CountingOptions = CountOptions & { readonly create?: true | undefined }

export interface LoadOptions<T = unknown> extends WriteOptions {
  /** Shortens each ttl by a random share of it, up to this one (0 to 1). Default: the cache's `jitter`. */
  readonly jitter?: number | undefined
  /** Runs the loader even on a hit, and stores what it gives. Default false. */
  readonly force?: boolean | undefined
  /** A loader's `null` is returned but not stored. Default false. */
  readonly skipNull?: boolean | undefined
  /** Called with what the loader gave; `false`: returned but not stored. */
  readonly shouldCache?: ((value: T) => boolean) | undefined
  /** Ends this caller's wait with the signal's reason. The load goes on for others; the loader's signal fires when the last one left. */
  readonly signal?: AbortSignal | undefined
  /** Called once, before the call resolves, with where the value came from. */
  readonly onOutcome?: ((outcome: LoadOutcome) => void) | undefined
}

export type Loader<T> = (context: LoaderContext) => T | Promise<T>

/** One cache, the same answers on every backend. Keys are non-empty, well-formed strings; values are what the docs' page on values lists. */
export interface Cache {
  /** The value under `key`, or `undefined` on a miss. */
  get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined>
  /** The hits, in request order, keyed by what was passed. One batch per server. */
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>>
  /** The value with a token for {@link Cache.compareAndSet}: memcached's `gets`. */
  getEntry<T = unknown>(key: string, options?: CallOptions): Promise<{ value: T; casToken: CasToken } | undefined>
  /** True when `get` would hit. */
  has(key: string, options?: CallOptions): Promise<boolean>

  /** Stores the value. False: it was not stored (outage, or over the item limit), and the old value will not be returned again. */
  set(key: string, value: unknown, options?: WriteOptions): Promise<boolean>
  /** Stores all; resolves the keys that were NOT stored. Everything is checked and encoded before anything is sent. */
  setMany(entries: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<string[]>
  /** Stores the value only if nothing is under the key. True: stored. */
  add(key: string, value: unknown, options?: WriteOptions): Promise<boolean>
  /** Stores the value only if something is under the key. True: stored. */
  replace(key: string, value: unknown, options?: WriteOptions): Promise<boolean>
  /** Stores the value only if the key still holds the version behind casToken. `'conflict'`: someone else wrote first; `'missing'`: it is gone. */
  compareAndSet(
    key: string,
    value: unknown,
    casToken: CasToken,
    options?: WriteOptions,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /**
   * Reads, changes and writes back until no one else wrote in between; `change` may run several times.
   * It returns the new value, or `undefined` to leave the entry as it is. Resolves what then stands under the key, as the next `get` gives it.
   * Calls made on the key meanwhile, `change`'s own among them, do not wait for it.
   * Rejects with `ConflictError` when it keeps losing.
   */
  update<T = unknown>(
    key: string,
    change: (current: T | undefined) => T | undefined | Promise<T | undefined>,
    options?: WriteOptions,
  ): Promise<T | undefined>
  /** Joins text to text, bytes to bytes. False: nothing there. Rewrites the entry, so its ttl starts again. */
  append(key: string, suffix: string | Uint8Array, options?: WriteOptions): Promise<boolean>
  /** {@link Cache.append}, at the front. */
  prepend(key: string, prefix: string | Uint8Array, options?: WriteOptions): Promise<boolean>
  /** Gives the entry a new ttl, counted from now. True: it was there. */
  touch(key: string, ttl: Ttl, options?: CallOptions): Promise<boolean>
  /** Adds `by`, a whole number ≥ 0, atomically; resolves the new count. `undefined` only with `create: false` on an absent counter. */
  increment(key: string, by?: number, options?: CountingOptions): Promise<number>
  increment(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  /** Subtracts `by`, stopping at 0. An absent counter is created at `max(0, initial − by)`. */
  decrement(key: string, by?: number, options?: CountingOptions): Promise<number>
  decrement(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  /** Reads and deletes in one step: of two concurrent takes exactly one gets the value. */
  take<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined>
  /** True: it was there. */
  delete(key: string, options?: CallOptions): Promise<boolean>
  /** How many of the keys were there. */
  deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number>
  /**
   * Everything of this namespace and those nested in it, nothing else. Once resolved, no process sees what was there before.
   * Refused (`NotSupportedError`) on a cache without a namespace over a shared server.
   */
  clear(options?: CallOptions): Promise<void>
  /** The whole backend, other applications' entries too. Refused unless the cache was opened with `allowFlush: true`. */
  flush(options?: CallOptions): Promise<void>

  /** The cached value, or what `loader` gives, stored. One load per key at a time in this process; a loader's error reaches every caller unchanged. */
  getOrSet<T>(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T>
  /** The function, cached: {@link Cache.getOrSet} under the key made of its arguments. */
  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: NoInfer<(...args: A) => string> },
  ): (...args: A) => Promise<T>

  /** The same cache under a nested namespace: its keys apart, its settings and connections shared. Names match `[A-Za-z0-9_.-]+`. */
  namespace(name: string): Cache
  /** The key as the server sees it. */
  keyFor(key: string, options?: CallOptions): Promise<string>
  /** This namespace's own keys, not those of nested ones. `?` is one character, `*` any run. `NotSupportedError` where the backend cannot list keys. */
  keys(pattern?: string, options?: CallOptions): AsyncIterable<string>

  /** Calls `listener` at each `event`, without values; returns the function that stops it. A throwing listener never disturbs an operation. */
  on<E extends keyof CacheEvents>(event: E, listener: (detail: CacheEvents[E]) => void): () => void
  /** Counts of this process since the cache was opened, nested namespaces included. */
  stats(): CacheStats
  /** Each server's own statistics: Redis `INFO`, memcached `stats`; `section` as the server names it. */
  serverStats(section?: string, options?: CallOptions): Promise<ServerStats[]>
  /** Resolves when every server answered; rejects with why not. */
  ping(options?: CallOptions): Promise<void>
  /** The cache as it was opened: driver, servers (without credentials), namespace, limits. */
  info(): CacheInfo
  /** Lets operations in flight settle, frees what was opened, and rejects later calls with `ClosedError`. Twice is fine. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface CacheInfo {
  /** The name given in config, if any. */
  readonly name: string | undefined
  /** `memory`, `redis`, `memcached`, `null`. */
  readonly driver: string
  /** `host:port` or socket paths, without credentials. */
  readonly servers: readonly string[]
  /** Names joined by `/`; `undefined` for none. */
  readonly namespace: string | undefined
  /** Default ttl in ms; Infinity for none. */
  readonly ttl: number
  /** Default timeout in ms. */
  readonly timeout: number
  readonly onError: 'open' | 'throw'
  readonly limits: Limits
  /** Which source of config won, as `createCache` found it: `'argument'`, `'CACHE_URL'`, …; `undefined` for `cacheOver`. */
  readonly source: string | undefined
}
