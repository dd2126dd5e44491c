import type { Serializer } from '@anycache/serializer'
import type { CacheError } from './errors.js'

/** What lies under a key: memcached's 32-bit flags and the payload. Text payloads may be strings; a store writes them as UTF-8. */
export interface Item {
  readonly flags: number
  readonly data: Uint8Array | string
}

declare const casTokenBrand: unique symbol
/** Names one version of one entry, as memcached's `cas unique` does. Opaque: only the store that made it can read it. */
export type CasToken = string & { readonly [casTokenBrand]: true }

/** An item as read. `casToken` may be a getter: stores compute it only when it is asked for. */
export interface StoredItem extends Item {
  readonly casToken: CasToken
}

/** When a write may take effect: whatever is there, only if nothing is, only if something is, or only over that version. */
export type Condition = 'always' | 'absent' | 'present' | { readonly casToken: CasToken }

export interface Write {
  readonly key: string
  readonly item: Item
  /** Milliseconds from now, at least 1, or Infinity. Round up, never down: expiry must not come early. */
  readonly ttl: number
  readonly when: Condition
}

/**
 * What became of a write. `exists` answers `absent`, `missing` answers `present` and a casToken, `conflict` a casToken.
 * After `too-large` under `always` the key is absent; under any other condition it is untouched.
 */
export type Written =
  | { readonly outcome: 'stored'; readonly casToken?: CasToken }
  | { readonly outcome: 'exists' | 'missing' | 'conflict' | 'too-large' }

export type Counted = { readonly value: number } | { readonly refused: 'missing' | 'not-a-counter' | 'out-of-range' }

export interface Call {
  /** When to give up, on the clock of `performance.now()`; connecting included. */
  readonly deadline: number
  /**
   * Where an outage left the key's delete undone: true asks the server all the same, the owed delete going first; otherwise the key reads
   * as a miss. Adapters need not look: core deals with it.
   */
  readonly asks?: boolean
}

/** A store may answer at once: memory does, and a hit then costs no promise of the store's. Failures are thrown or rejected alike. */
export type Answer<T> = T | Promise<T>

/** One of many: an entry whose server failed carries its own failure, and costs no other entry. */
export type Failed = { readonly failure: CacheError }

/**
 * One namespace of a store, bound once: prefix, hashing and generation live here.
 * Verbs on one key take effect in call order. Verbs of one tick may share a batch.
 * Every verb throws a `ConnectionError`, `TimeoutError`, `ServerError` or `OverloadedError` with `server` and `outcome`; policy is core's.
 */
export interface Space {
  get(key: string, call: Call): Answer<StoredItem | undefined>
  /** In the order of `keys`, which are distinct. Never throws for one server's trouble. */
  getMany(keys: readonly string[], call: Call): Answer<readonly (StoredItem | undefined | Failed)[]>
  write(write: Write, call: Call): Answer<Written>
  writeMany(writes: readonly Write[], call: Call): Answer<readonly (Written | Failed)[]>
  /** Deletes; with `only`, just that version. True: it was there. */
  remove(key: string, only: CasToken | undefined, call: Call): Answer<boolean>
  removeMany(keys: readonly string[], call: Call): Answer<readonly (boolean | Failed)[]>
  /** Reads and deletes in one step: of two concurrent takes exactly one gets the item. */
  take(key: string, call: Call): Answer<Item | undefined>
  touch(key: string, ttl: number, call: Call): Answer<boolean>
  /**
   * Adds `by` (negative: subtracts, stopping at 0) to a counter, atomically. Absent: creates it at `create.value` with `create.ttl`,
   * or answers `missing` without `create`. A `create.value` past 2^53−1 answers `out-of-range`, but only where it would be created.
   * The ttl of a living counter stays.
   */
  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Answer<Counted>
  /** Everything of this namespace and those nested in it, nothing else. `nextCall()` is called at each step and gives a new deadline. */
  clear(nextCall: () => Call): Answer<void>
  /** The namespace's own keys that match a `?` and `*` pattern, by cursor. Absent where the backend has no way to list keys. */
  keys?(pattern: string, nextCall: () => Call): AsyncIterable<string>
  /** The key as the server sees it. */
  wireKey(key: string, call: Call): Answer<string>
  /** The server that holds the key, without credentials. */
  serverOf(key: string): string
  /** True while the key reads as a miss because an outage left its delete undone. Adapters leave it out: core adds it. */
  owes?(key: string): boolean
  /** Notes that the delete of the key is owed, since a write or delete of it was given up unsent. Adapters leave it out: core adds it. */
  owe?(key: string): void
}

/** What a backend can carry. Ask these, never a driver's name. */
export interface Limits {
  /** Largest payload in bytes that the backend stores, as far as is known now: a server may tell a truer one once connected. */
  readonly maxItemBytes: number
  /** Expiry happens in steps of this many ms. */
  readonly ttlGranularity: number
  /** Expiry may come this many ms late; it never comes early. */
  readonly ttlLag: number
  /** Whether versions can be compared. False: CAS verbs reject with `NotSupportedError`. */
  readonly cas: boolean
  /** Whether `keys()` works. */
  readonly keys: boolean
  /** Whether other processes see the entries. */
  readonly shared: boolean
}

/** What a store tells without being asked. */
export type StoreEvent =
  | { readonly type: 'connect'; readonly server: string }
  | { readonly type: 'disconnect'; readonly server: string; readonly error: CacheError | undefined }
  | { readonly type: 'breaker'; readonly server: string; readonly state: 'open' | 'half-open' | 'closed' }
  /** For space, not for time. `key` is the key as the store sees it. */
  | { readonly type: 'evict'; readonly key: string }

/** One backend. About 200 lines; `@anycache/conformance` says whether they are right. */
export interface Store {
  /** What `info().driver` says: `memory`, `redis`, `memcached`. */
  readonly driver: string
  /** The servers, as `host:port` or a socket path, without credentials. Empty in process. */
  readonly servers: readonly string[]
  readonly limits: Limits
  /** The client beneath, the way out to all a backend can do beyond a cache. */
  readonly client: unknown
  /** Present where only the store's own serializer will do (memory by reference). */
  readonly serializer?: Serializer
  /** The namespace with this path of names; the empty path is the whole keyspace. */
  space(path: readonly string[]): Space
  listen(listener: (event: StoreEvent) => void): () => void
  /** Resolves when every server has answered. */
  ping(call: Call): Answer<void>
  /** Empties the whole backend. */
  flush(call: Call): Answer<void>
  /** One entry per server, also where none answers: core rejects then. */
  serverStats(section: string | undefined, call: Call): Answer<readonly ServerStats[]>
  /** Settles what is in flight within its deadlines, then frees what the store itself opened. Twice is fine. */
  close(call: Call): Answer<void>
}

/** One server's own statistics, or why it did not tell them. */
export interface ServerStats {
  readonly server: string
  readonly stats: Readonly<Record<string, string | number>>
  readonly error?: CacheError
}
