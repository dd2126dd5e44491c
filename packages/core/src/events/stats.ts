/** What this process did, in counts. */
export interface CacheStats {
  readonly hits: number
  /** All misses, outages included. */
  readonly misses: number
  /** Misses of which nothing is known: the server was ill. */
  readonly outageMisses: number
  /** Loaders run. */
  readonly loads: number
  /** Loaders that threw or rejected. */
  readonly loadErrors: number
  /** Callers who shared another's load. */
  readonly joins: number
  /** Entries stored. */
  readonly writes: number
  /** Entries that were there and were deleted. */
  readonly deletes: number
  readonly evictions: number
  /** `error` events. */
  readonly errors: number
  /** Payload bytes received in hits, as stored. Text held in memory counts its UTF-16 length. */
  readonly bytesRead: number
  /** Payload bytes sent to be stored. */
  readonly bytesWritten: number
}
