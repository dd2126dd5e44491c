import type { CacheError } from '@anycache/core'
import type { Connection } from '../connection/connection.js'
import type { Exchange } from '../connection/traffic.js'

/** What waits in the queue for its turn on the wire. */
export interface Entry {
  /** Roughly the bytes it holds until it is answered. */
  readonly size: number
  /** Better written by itself than joined with others. */
  readonly big: boolean
  send(exchange: Exchange): void
  reject(error: CacheError): void
}

/** What an entry needs of the queue it is in. */
export interface Lane {
  readonly connection: Connection
  /** Its bytes are no longer held, and so many of its callers no longer wait. */
  release(size: number, callers: number): void
  /** These go to the end of the queue. */
  resend(entries: readonly Entry[]): void
  /** It was lost before anything that waits now was sent. */
  repeat(entry: Entry): void
  /** What waited for a lone write to end is sent. */
  resume(): void
}
