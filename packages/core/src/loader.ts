import type { Ttl } from './input/ttl.js'

/** What a loader is handed. */
export interface LoaderContext {
  readonly key: string
  /** Fires when the last caller has left. Pass it on to `fetch` or the database. */
  readonly signal: AbortSignal
  /** The ttl of the value being loaded, where it depends on the value. */
  setTtl(ttl: Ttl): void
  /** The value is returned but not stored. */
  noStore(): void
}

/** Where a value of `getOrSet` came from: the cache, this caller's load, or a load it joined. */
export interface LoadOutcome {
  readonly source: 'hit' | 'load' | 'joined'
  readonly key: string
  /** Whether the value stands in the cache: always on a hit; after a load, if it was stored. */
  readonly stored: boolean
}
