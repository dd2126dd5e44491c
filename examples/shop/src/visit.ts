/** How one block of a page got its data. */
export type Read = {
  readonly block: string
  /** How many of the `total` entries the cache had. */
  readonly hits: number
  readonly total: number
  /** Waited for another visitor's query instead of running one. */
  readonly joined: boolean
  readonly ms: number
}

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
