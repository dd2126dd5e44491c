import type { Connection } from './connection.js'

/** What waits in the queue for its turn on the wire. */
export interface Entry {
  /** Roughly the bytes it holds until it is answered. */
  readonly size: number
  /** Better written by itself than joined with others. */
  readonly big: boolean
  send(): void
  reject(error: Error): void
}

/** What an entry needs of the queue it is in. */
export interface Lane {
  readonly connection: Connection
  /** The server replied, be it an error. `late`: after the deadline, when nobody had a use for it. */
  answered(size: number, late: boolean): void
  /** It is no longer waited for. */
  release(size: number): void
  /** These go to the end of the queue. */
  resend(entries: readonly Entry[]): void
}
