import type { Admission, CacheError } from '@anycache/core'
import type { Connection } from '../connection/connection.js'
import type { ClientExchange } from '../connection/exchanges.js'

/** What waits in a batcher for its turn on the wire. */
export interface Batchable {
  /** Better written by itself than joined with others. */
  readonly big: boolean
  /** The batcher that holds it. Another one takes over where the server says that the key is elsewhere. */
  carrier: Carrier
  send(exchange: ClientExchange): void
  reject(error: CacheError): void
}

/** A batcher, as what it holds sees it. */
export interface Carrier {
  readonly connection: Connection
  /** Counts the calls that it let in. One that moves on to another batcher stays counted where it was let in. */
  readonly admission: Admission
  /** These go to the end of the queue. */
  resend(batchables: readonly Batchable[]): void
  /** It was lost before anything that waits now was sent. */
  repeat(batchable: Batchable): void
  /** Whether the error reply means that another server has the key: its batcher then sends the call. */
  redirect(batchable: Batchable, error: unknown): boolean
  /** What waited for a lone write to end is sent. */
  resume(): void
}
