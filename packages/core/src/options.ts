import type { Duration, Ttl } from './input/ttl.js'
import type { LoadOutcome } from './loader.js'
import type { StandardSchema } from './schema.js'

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
   * Tags of the entry: `invalidateTags` of any of them makes it a miss. Non-empty strings. Default: none; `update`, `append` and
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
  /**
   * How long to wait for a load at all, the time to ask for the lease and for another process' load included. Then the call is served the stale
   * value that `staleIfError` permits, or rejects with `ERR_CACHE_TIMEOUT`. Default Infinity.
   */
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
   * loads for itself, and a load may undo an invalidation by another process. Default 10 s. Without effect where only this process sees the
   * entries, or the server keeps no versions (`limits.cas`).
   */
  readonly lease?: Duration | false | undefined
  /** True: a loader's `null` is returned but not stored. Default false. */
  readonly skipNull?: boolean | undefined
}

export interface LoadOptions<T = unknown> extends WriteOptions, ReadThroughOptions {
  /** Shortens each ttl by a random share of it, up to this one (0 to 1). Default: the cache's `jitter`. */
  readonly jitter?: number | undefined
  /**
   * Runs the loader even on a hit, and stores what it gives in the place of what was there when the load began: nothing, where another process has
   * changed that. On Redis a rewrite of an entry without metadata with the same bytes goes unnoticed. Default false.
   */
  readonly force?: boolean | undefined
  /** Called with what the loader gave; `false`: returned but not stored. */
  readonly shouldCache?: ((value: T) => boolean) | undefined
  /** Checks what is read and what is loaded, as `typed` does. Default: the cache's own, if any. */
  readonly schema?: StandardSchema<unknown, T> | undefined
  /** Ends this caller's wait with the signal's reason. The load goes on for others; the loader's signal fires when the last one left. */
  readonly signal?: AbortSignal | undefined
  /** Called once for each key, before the call resolves, with where the value came from. */
  readonly onOutcome?: ((outcome: LoadOutcome) => void) | undefined
}

export interface LockOptions extends CallOptions {
  /** How long the lock is held unless it is renewed or released: ms or `'30s'`. Default 10 s. */
  readonly ttl?: Duration | undefined
  /** How long to wait for another holder: ms, `'5s'`, or 0 for not at all. Default 0. Each look at the lock has the call's `timeout` of its own. */
  readonly wait?: Duration | undefined
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface TypedOptions {
  /**
   * Of the shape of the values: entries that were written under another version, or none, are misses. A number, or a string of 1 to 256 characters.
   * Default: none, and every entry that fits is a hit.
   */
  readonly version?: string | number | undefined
}
