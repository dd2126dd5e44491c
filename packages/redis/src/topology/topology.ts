import type { Batcher } from '../batching/batcher.js'

/** The servers of a store, and which of them holds a key. */
export interface Topology {
  /** The batchers of the primaries, among which the keys are spread. May change while the store is open. */
  readonly masters: readonly Batcher[]
  /** What the client puts in front of each key. SCAN is the one command for which it does not. */
  readonly keyPrefix: string
  /** The batcher of the server that holds the key, as far as is known now. */
  batcherFor(wireKey: string): Batcher
  /** Settles what is in flight, until the deadline at most, then frees what the store opened. */
  close(deadline: number): Promise<void>
}
