import type { CacheEvents } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import type { Duration, Ttl } from './input/ttl.js'
import type { LoadedMany, LoaderContext, ManyLoaderContext } from './loader.js'
import type {
  CallOptions,
  CountingOptions,
  CountOptions,
  LoadOptions,
  LockOptions,
  TypedOptions,
  WriteOptions,
} from './options.js'
import type { StandardSchema } from './schema.js'
import type { CasToken, Limits, ServerStats } from './store.js'

/** A lock that is held: `await using lock = await cache.lock('report')`. */
export interface Lock extends AsyncDisposable {
  /** As it was given. */
  readonly key: string
  /**
   * A number above that of every earlier holder of the key. Give it to what the lock guards, which refuses lower ones: the lock alone does not keep
   * out a holder that was paused past its ttl.
   */
  readonly fence: number
  /** Holds it for `ttl` from now; default: the ttl it was taken with. False: it is not ours any more. Rejects in an outage, and may be tried again. */
  renew(ttl?: Duration, options?: CallOptions): Promise<boolean>
  /** Gives it back. False: it was not ours any more. Rejects in an outage, and may be tried again; without that it ends with its ttl. */
  release(options?: CallOptions): Promise<boolean>
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
   * It returns the new value, or `undefined` to leave the entry as it is. Resolves what is then under the key, as the next `get` gives it.
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
  /** Gives the entry a new ttl, counted from now; its tags and the length of its stale window stay. True: it was there. */
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

  /**
   * The cached value, or what `loader` gives, stored. One load per key at a time, in all processes on a server; a loader's error reaches every caller
   * unchanged, and is not remembered. `context.stale` has a type where the call names one: `getOrSet<Page>(…)`.
   */
  getOrSet<T, Stale = T>(
    key: string,
    loader: (context: LoaderContext<Stale, never>) => T | Promise<T>,
    options?: LoadOptions<T>,
  ): Promise<T>
  /**
   * {@link Cache.getOrSet} for many keys: one loader call for those that are neither in the cache nor being loaded. In request order, keyed by what
   * was passed; what the loader did not give is not among them.
   */
  getOrSetMany<T, Stale = T>(
    keys: Iterable<string>,
    loader: (
      missing: readonly string[],
      context: ManyLoaderContext<Stale, never>,
    ) => LoadedMany<T> | Promise<LoadedMany<T>>,
    options?: LoadOptions<T>,
  ): Promise<Map<string, T>>
  /** The function, cached: {@link Cache.getOrSet} under the key made of its arguments. */
  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: NoInfer<(...args: A) => string> },
  ): (...args: A) => Promise<T>

  /**
   * Makes every entry with one of these tags a miss, in every process, from the next read on. Tags belong to the cache as it was opened and
   * are shared with its nested namespaces. Rejects in an outage; this process then makes it good when the server is back.
   */
  invalidateTags(tags: string | readonly string[], options?: CallOptions): Promise<void>
  /**
   * A lock that one holder has at a time, in all processes on the server; `undefined` where another one held it for all of `wait`. It saves work that would
   * be done twice, and cannot guarantee that it never is: a server may lose its memory. Rejects in an outage, whatever `onError` says.
   * `NotSupportedError` without `limits.cas`.
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
