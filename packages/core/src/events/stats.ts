/** What this process did, in counts. */
export interface CacheStats {
  /** Reads that found a value within its ttl. */
  readonly hits: number
  /** All misses, outages included. */
  readonly misses: number
  /** Misses because nothing was there. */
  readonly absentMisses: number
  /** Misses because the entry was past its ttl, though kept for read-through. */
  readonly staleMisses: number
  /** Misses because a tag of the entry was invalidated. */
  readonly invalidatedMisses: number
  /** Misses because the bytes could not be read. */
  readonly undecodableMisses: number
  /** Misses because the value did not fit the schema, or was of another `version`. */
  readonly unfitMisses: number
  /** Misses of which nothing is known: the server was failing, or a delete is owed to it. */
  readonly outageMisses: number
  /** Values that read-through served past their ttl. Those served at once, while a refresh runs, are neither hits nor misses. */
  readonly stale: number
  /** Values asked of loaders: one of many keys counts once for each of them. */
  readonly loads: number
  /** Those of them whose loader threw or rejected. */
  readonly loadErrors: number
  /** Loads that began in the background: nobody waited for them. Counted in `loads`, too. */
  readonly refreshes: number
  /** Callers who shared another's load. */
  readonly joins: number
  /** Entries stored, and increments and decrements. */
  readonly writes: number
  /** Entries that were there and were deleted. */
  readonly deletes: number
  /** Tags invalidated. */
  readonly invalidations: number
  /** `evict` events. */
  readonly evictions: number
  /** `error` events. */
  readonly errors: number
  /** Payload bytes received in hits, as stored. Text held in memory counts its UTF-16 length. */
  readonly bytesRead: number
  /** Payload bytes sent to be stored. */
  readonly bytesWritten: number
}
