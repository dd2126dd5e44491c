import type { CacheEvents } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import type { Duration, Ttl } from './input/ttl.js'
import type { LoaderContext, LoadOutcome, ManyLoaderContext } from './loader.js'
import type { StandardSchema } from './schema.js'
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
  /**
   * Tags of the entry: {@link Cache.invalidateTags} of any of them makes it a miss. Non-empty strings. Default: none; `update`, `append` and
   * `prepend` keep the tags that the entry has. A tagged number is not a counter.
   */
  readonly tags?: string | readonly string[] | undefined
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

/** How read-through deals with time: per call, or for the whole cache under `readThrough`. */
export interface ReadThroughOptions {
  /**
   * How long past its ttl an entry is served while a refresh runs in the background (RFC 5861): a {@link Ttl}, or 0 for not at all. Default 0.
   * An entry is kept as long as the call that stored it said.
   */
  readonly staleWhileRevalidate?: Ttl | undefined
  /**
   * How long past its ttl an entry is served where its loader fails (RFC 5861): a {@link Ttl}, or 0 for not at all. Default 0. After a failure
   * the loader of the key is not called again for one second while there is a stale value to serve.
   */
  readonly staleIfError?: Ttl | undefined
  /** How long to wait for a loader where `staleIfError` permits the stale value; then that is served, and the load ends in the background. Default Infinity. */
  readonly softTimeout?: Duration | undefined
  /** How long to wait for a loader at all: then the call rejects with `TimeoutError`, or is served the stale value that `staleIfError` permits. Default Infinity. */
  readonly hardTimeout?: Duration | undefined
  /** The share of the ttl, between 0 and 1, after which a hit starts a refresh in the background. 0 and 1: never. Default 0. */
  readonly refreshAhead?: number | undefined
  /**
   * How eagerly hits start a refresh in the background before the ttl ends, by chance: the longer the load took and the nearer the end, the
   * likelier (XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", 2015). Its β: 1 is usual, 0 never.
   * Default 0.
   */
  readonly earlyRefresh?: number | undefined
  /**
   * How long one process may load a key while the others wait or serve stale, unless it renews; also how long they wait at most. False: each process
   * loads for itself, and an invalidation by another process may be undone by a load. Default 10 s. Meaningless where only this process sees the
   * entries, or the server keeps no versions (`limits.cas`).
   */
  readonly lease?: Duration | false | undefined
  /** A loader's `null` is returned but not stored. Default false. */
  readonly skipNull?: boolean | undefined
}

export interface LoadOptions<T = unknown> extends WriteOptions, ReadThroughOptions {
  /** Shortens each ttl by a random share of it, up to this one (0 to 1). Default: the cache's `jitter`. */
  readonly jitter?: number | undefined
  /** Runs the loader even on a hit, and stores what it gives. Default false. */
  readonly force?: boolean | undefined
  /** Called with what the loader gave; `false`: returned but not stored. */
  readonly shouldCache?: ((value: T) => boolean) | undefined
  /** Checks what is read and what is loaded, as {@link Cache.typed} does. Default: the cache's own, if any. */
  readonly schema?: StandardSchema<unknown, T> | undefined
  /** Ends this caller's wait with the signal's reason. The load goes on for others; the loader's signal fires when the last one left. */
  readonly signal?: AbortSignal | undefined
  /** Called once for each key, before the call resolves, with where the value came from. */
  readonly onOutcome?: ((outcome: LoadOutcome) => void) | undefined
}

export type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>

/** What a loader of many keys gives: values by key. Keys that are missing, or `undefined`, stay misses. */
export type LoadedMany<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>
export type ManyLoader<T> = (
  missing: readonly string[],
  context: ManyLoaderContext<T>,
) => LoadedMany<T> | Promise<LoadedMany<T>>

export interface LockOptions extends CallOptions {
  /** How long the lock is held unless it is renewed or released. Default 10 s. */
  readonly ttl?: Duration | undefined
  /** How long to wait for another holder; 0: not at all. Default 0. */
  readonly wait?: Duration | undefined
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A lock that is held: `await using lock = await cache.lock('report')`. */
export interface Lock extends AsyncDisposable {
  readonly key: string
  /**
   * A number above that of every earlier holder of the key. Give it to what the lock guards, which refuses lower ones: the lock alone does not keep
   * out a holder that was paused past its ttl.
   */
  readonly fence: number
  /** Holds it for `ttl` from now; default: the ttl it was taken with. False: it is not ours any more. */
  renew(ttl?: Duration, options?: CallOptions): Promise<boolean>
  /** Gives it back. False: it was not ours any more. */
  release(options?: CallOptions): Promise<boolean>
}

export interface TypedOptions {
  /** Of the shape of the values: entries that were written under another version, or none, are misses. Default: none, and every entry that fits is a hit. */
  readonly version?: string | number | undefined
}

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
  /**
   * {@link Cache.getOrSet} for many keys: one loader call for those that are neither in the cache nor being loaded. In request order, keyed by what
   * was passed; what the loader did not give is not among them.
   */
  getOrSetMany<T>(keys: Iterable<string>, loader: ManyLoader<T>, options?: LoadOptions<T>): Promise<Map<string, T>>
  /** The function, cached: {@link Cache.getOrSet} under the key made of its arguments. */
  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: NoInfer<(...args: A) => string> },
  ): (...args: A) => Promise<T>

  /**
   * Makes every entry with one of these tags a miss, in every process, from the next read on. Tags belong to the cache as it was opened and
   * are shared with its nested namespaces. Rejects in an outage.
   */
  invalidateTags(tags: string | readonly string[], options?: CallOptions): Promise<void>
  /**
   * A lock that one holder has at a time, in all processes on the server; `undefined` where another one held it for all of `wait`. It saves work that would
   * be done twice, and cannot guarantee that it never is: a server may lose its memory. `NotSupportedError` without `limits.cas`.
   */
  lock(key: string, options?: LockOptions): Promise<Lock | undefined>

  /**
   * The same cache with values of one shape, checked by a schema of zod, valibot, arktype or any library of Standard Schema. A stored value that does
   * not fit is a miss; one to be written, or loaded, rejects with `InvalidArgumentError`. What is stored is what was written; a read gives what
   * the schema makes of it.
   */
  typed<Input, Output>(schema: StandardSchema<Input, Output>, options?: TypedOptions): TypedCache<Input, Output>
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

/** A {@link Cache} whose values have one shape: what is written is an `Input`, what is read an `Output`. */
export interface TypedCache<Input, Output = Input>
  extends Omit<
    Cache,
    | 'get'
    | 'getMany'
    | 'getEntry'
    | 'set'
    | 'setMany'
    | 'add'
    | 'replace'
    | 'compareAndSet'
    | 'update'
    | 'take'
    | 'getOrSet'
    | 'getOrSetMany'
    | 'wrap'
    | 'namespace'
  > {
  get(key: string, options?: CallOptions): Promise<Output | undefined>
  getMany(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, Output>>
  getEntry(key: string, options?: CallOptions): Promise<{ value: Output; casToken: CasToken } | undefined>
  set(key: string, value: Input, options?: WriteOptions): Promise<boolean>
  setMany(entries: Iterable<readonly [string, Input]>, options?: WriteOptions): Promise<string[]>
  add(key: string, value: Input, options?: WriteOptions): Promise<boolean>
  replace(key: string, value: Input, options?: WriteOptions): Promise<boolean>
  compareAndSet(
    key: string,
    value: Input,
    casToken: CasToken,
    options?: WriteOptions,
  ): Promise<'stored' | 'conflict' | 'missing'>
  update(
    key: string,
    change: (current: Output | undefined) => Input | undefined | Promise<Input | undefined>,
    options?: WriteOptions,
  ): Promise<Output | undefined>
  take(key: string, options?: CallOptions): Promise<Output | undefined>
  getOrSet(
    key: string,
    loader: (context: LoaderContext<Output, Input>) => Input | Promise<Input>,
    options?: Omit<LoadOptions<Input>, 'schema'>,
  ): Promise<Output>
  getOrSetMany(
    keys: Iterable<string>,
    loader: (
      missing: readonly string[],
      context: ManyLoaderContext<Output, Input>,
    ) => LoadedMany<Input> | Promise<LoadedMany<Input>>,
    options?: Omit<LoadOptions<Input>, 'schema'>,
  ): Promise<Map<string, Output>>
  wrap<A extends unknown[]>(
    fn: (...args: A) => Input | Promise<Input>,
    options: Omit<LoadOptions<Input>, 'schema'> & { readonly key: NoInfer<(...args: A) => string> },
  ): (...args: A) => Promise<Output>
  namespace(name: string): TypedCache<Input, Output>
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
