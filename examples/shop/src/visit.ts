import type { LoadOutcome } from 'anycache'

/** Where an entry came from: the cache, this visitor's query, another visitor's, or the cache though it is past its ttl. */
export type Source = LoadOutcome['source']

/** How one block of a page got its data: the source of each of its entries. */
export type Read = { readonly block: string; readonly sources: readonly Source[]; readonly ms: number }

/** One page view: what it read, and how long that took. */
export class Visit {
  readonly #began = performance.now()
  readonly #reads = new Map<string, Read>()

  /** Milliseconds since the page was requested. */
  get ms(): number {
    return performance.now() - this.#began
  }

  note(read: Read): void {
    this.#reads.set(read.block, read)
  }

  read(block: string): Read | undefined {
    return this.#reads.get(block)
  }
}
