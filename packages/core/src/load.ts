/** What a loader is handed. */
export interface LoaderContext {
  readonly key: string
  /** Fires when the last caller has left, or the cache was closed. Pass it on to `fetch` or the database. */
  readonly signal: AbortSignal
  /** The ttl of the value being loaded, when only the value tells it. */
  setTtl(ttl: import('./ttl.js').Ttl): void
  /** The value is returned but not stored. */
  noStore(): void
}

/** Where a value of `getOrSet` came from: the cache, this caller's load, or a load it joined. */
export interface LoadOutcome {
  readonly source: 'hit' | 'load' | 'joined'
  readonly key: string
  /** Whether the loaded value was stored. Always true for a hit. */
  readonly stored: boolean
}
