import type { Format, Serializer } from '@anycache/serializer'
import type { CacheError } from './errors.js'

/** What lies under a key: memcached's 32-bit flags and the payload. Text payloads may be strings; a store writes them as UTF-8. */
export interface Item {
  readonly flags: number
  readonly data: Uint8Array | string
  /**
   * What core notes of the entry, opaque to the store, which gives it back with the item, byte for byte. There exactly where `flags` hold
   * `FLAG_METADATA` and the space's format has metadata.
   */
  readonly metadata?: Uint8Array | undefined
}

declare const casTokenBrand: unique symbol
/** Names one version of one entry, as memcached's `cas unique` does. Opaque: only the store that made it can read it. */
export type CasToken = string & { readonly [casTokenBrand]: true }

/**
 * An item as read. `casToken` is there where the call was {@link Call.versioned versioned}, and wherever it costs nothing. It may be a
 * getter: stores compute it only when it is asked for. Stored bytes that make no item at all are one with the flags `FLAGS_TORN`.
 */
export interface StoredItem extends Item {
  readonly casToken?: CasToken
}

/** The answer to a versioned read. */
export interface VersionedItem extends StoredItem {
  readonly casToken: CasToken
}

/**
 * When a write may take effect: whatever is there, only if nothing is, only if something is, or only over that version. What counts as
 * absent ({@link Space}) is nothing to `absent` and `present`; a casToken compares with whatever lies there.
 */
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
 * `stored` under a casToken carries the new one; elsewhere it may, where that costs nothing.
 */
export type Written =
  | { readonly outcome: 'stored'; readonly casToken?: CasToken }
  | { readonly outcome: 'exists' | 'missing' | 'conflict' | 'too-large' }

/** What became of a claim: the key is this caller's until the lease ends, or what stands in its way. */
export type Claimed = { readonly won: CasToken } | { readonly found: VersionedItem }

/** What became of a touch. `has-metadata`: the entry was there, and core rewrites it, since its metadata may hold a deadline of its own. */
export type Touched = 'touched' | 'missing' | 'has-metadata'

/** Where an outage left the delete of a key undone: nothing may be said of what lies there. Adapters never answer it; {@link remembering} does. */
export const owed: unique symbol = Symbol.for('anycache.owed')
export type Owed = typeof owed

export type Counted = { readonly value: number } | { readonly refused: 'missing' | 'not-a-counter' | 'out-of-range' }

export interface Call {
  /** When to give up, on the clock of `performance.now()`; connecting included. */
  readonly deadline: number
  /** The answer must carry a casToken, so it comes from where versions are kept, never from a nearer copy. Stores of one tier may ignore it. */
  readonly versioned?: true | undefined
  /**
   * Which keys lie together: of several servers the one for this text holds the key. Default: the key itself. A key has one route: every call on
   * it names the same. Stores of one server may ignore it.
   */
  readonly route?: string | undefined
  /**
   * Where an outage left the key's delete undone: true has the server asked all the same, the owed delete going first; otherwise the
   * answer is {@link owed}, or "missing". Adapters need not look: {@link remembering} deals with it.
   */
  readonly asks?: boolean
}

/** A store may answer at once: memory does, and a hit then costs no promise of the store's. Failures are thrown or rejected alike. */
export type Answer<T> = T | Promise<T>

/** One of many: an entry whose server failed carries its own failure, and costs no other entry. */
export type Failed = { readonly failure: CacheError }

/** Whether one of many failed. */
export function isFailed(answer: unknown): answer is Failed {
  return typeof answer === 'object' && answer !== null && 'failure' in answer
}

/**
 * One namespace of a store, bound once: prefix, hashing and generation live here.
 * Verbs on one key take effect in call order. Verbs of one tick may share a batch.
 * Every verb throws a `ConnectionError`, `TimeoutError`, `ServerError` or `OverloadedError` with `server` and `outcome`; policy is core's.
 *
 * Some items count as absent: leases, and entries whose soft deadline has passed (`countsAsAbsent` of the serializer says which). Reads
 * hand them out, and core judges them; every other verb treats them as if nothing were there: `remove` answers false and yet deletes. They
 * are judged by this process' clock ({@link Store.epochNow}), never by the server's, so that one process sees an entry alike in every verb.
 */
export interface Space {
  get(key: string, call: Call): Answer<StoredItem | Owed | undefined>
  /** In the order of `keys`, which are distinct. Never throws for one server's trouble. */
  getMany(keys: readonly string[], call: Call): Answer<readonly (StoredItem | Owed | undefined | Failed)[]>
  write(write: Write, call: Call): Answer<Written>
  writeMany(writes: readonly Write[], call: Call): Answer<readonly (Written | Failed)[]>
  /**
   * Takes the key for a load, or says what stands in the way, in one step: stores the lease where nothing lies, not even another's lease.
   * `ttl` as in {@link Write}. A value of another type than items is found as one with the flags `FLAGS_TORN`.
   */
  claim(key: string, lease: Item, ttl: number, call: Call): Answer<Claimed>
  /** Deletes. True: it was there. With `only`: just that version, which counts as there whatever it is. */
  remove(key: string, only: CasToken | undefined, call: Call): Answer<boolean>
  removeMany(keys: readonly string[], call: Call): Answer<readonly (boolean | Failed)[]>
  /** Reads and deletes in one step: of two concurrent takes exactly one gets the item. */
  take(key: string, call: Call): Answer<Item | undefined>
  touch(key: string, ttl: number, call: Call): Answer<Touched>
  /**
   * Adds `by` (negative: subtracts, stopping at 0) to a counter, atomically. Absent: creates it at `create.value` with `create.ttl`,
   * or answers `missing` without `create`. A `create.value` past 2^53−1 answers `out-of-range`, but only where it would be created.
   * The ttl of a living counter stays. A counter is digits under one of the format's `counterFlags`; a new one gets the first of them.
   */
  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Answer<Counted>
  /**
   * Everything of this namespace and those nested in it, nothing else; names that hold `~` are core's own and stay. `nextCall()` is called at
   * each step and gives a new deadline.
   */
  clear(nextCall: () => Call): Answer<void>
  /** The namespace's own keys that match a `?` and `*` pattern, by cursor. Never called where {@link Limits.keys} is false. */
  keys(pattern: string, nextCall: () => Call): AsyncIterable<string>
  /** The key as the server sees it. */
  wireKey(key: string, call: Call): Answer<string>
  /** The server that holds the key, or what this {@link Call.route route} leads to, without credentials. */
  serverOf(key: string, route?: string): string
  /** Notes that the delete of the key is owed, since a write or delete of it was given up unsent. Adapters leave it out: {@link remembering} adds it. */
  owe?(key: string, route?: string): void
}

/** What a backend can carry. Ask these, never a driver's name. */
export interface Limits {
  /** Largest payload in bytes that the backend stores, as far as is known now: a server may name another one once it is connected. */
  readonly maxItemBytes: number
  /** Expiry happens in steps of this many ms. */
  readonly ttlGranularity: number
  /** Expiry may come this many ms late; it never comes early. */
  readonly ttlLag: number
  /** Whether versions can be compared. False: CAS verbs reject with `NotSupportedError`. */
  readonly cas: boolean
  /** Whether `keys()` works. */
  readonly keys: boolean
  /** Whether a cache without a namespace may be cleared: what lies outside every namespace is this store's alone. */
  readonly clear: boolean
  /** Whether answers come from elsewhere, so that they may be late or fail: calls then have deadlines. */
  readonly remote: boolean
  /** Whether other processes see the entries. */
  readonly shared: boolean
}

/** What a store reports by itself. Types may be added: ignore one you do not know. */
export type StoreEvent =
  | { readonly type: 'connect'; readonly server: string }
  | { readonly type: 'disconnect'; readonly server: string; readonly error: CacheError | undefined }
  | { readonly type: 'breaker'; readonly server: string; readonly state: 'open' | 'half-open' | 'closed' }
  /** For space, not for time. `key` is the key as the store sees it. */
  | { readonly type: 'evict'; readonly key: string }

/** One backend. About 250 lines; `describeStore` and `describeCache` of `@anycache/conformance` say whether they are right. */
export interface Store {
  /** What `info().driver` says: `memory`, `redis`, `memcached`. */
  readonly driver: string
  /** The servers, as `host:port` or a socket path, without credentials. Empty in process. May change while the store is open. */
  readonly servers: readonly string[]
  readonly limits: Limits
  /** The client beneath, the way out to all a backend can do beyond a cache. */
  readonly client: unknown
  /** Present where only the store's own serializer will do (memory by reference). */
  readonly serializer?: Serializer
  /**
   * Asks for what an outage leaves undone to be remembered and replayed: a cache then stands over {@link remembering} of the store. One that
   * sees to it itself, as a store over other stores does for each of them, leaves it out.
   */
  readonly remember?: true
  /** Now, in ms since 1970, where the store has a clock of its own, as for tests. Default: the process' clock. */
  readonly epochNow?: () => number
  /**
   * The namespace with this path of names; the empty path is the whole keyspace. `format`: what its serializer says of its bytes. Throws
   * `NotSupportedError` for a format that the store cannot keep. Names that hold `~` are core's own.
   */
  space(path: readonly string[], format: Format): Space
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

/** One server's own statistics, or why there are none. */
export interface ServerStats {
  readonly server: string
  readonly stats: Readonly<Record<string, string | number>>
  readonly error?: CacheError
}
