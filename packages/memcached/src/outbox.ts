import { nextTick, queueMicrotask } from '@anycache/core'
import type { Request } from './request.js'

/** Adds to a batch what it holds back until the moment of writing. */
export interface Composer {
  compose(batch: Request[]): void
}

/** Gathers what is asked in one tick, for one write. */
export class Outbox {
  readonly #write: (batch: Request[]) => void
  #batch: Request[] = []
  #composers: Composer[] = []
  #isScheduled = false
  readonly #flush = (): void => this.#compose()
  readonly #afterMicrotasks = (): void => nextTick(this.#flush)

  constructor(write: (batch: Request[]) => void) {
    this.#write = write
  }

  add(request: Request): void {
    // A flush concerns what was asked before it, and nothing else.
    this.#gather()
    this.#batch.push(request)
    this.schedule()
  }

  /** Lets the composer add to this tick's batch. */
  schedule(composer?: Composer): void {
    if (composer !== undefined) this.#composers.push(composer)
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Behind the microtasks: the continuations of one answer's many readers then share the next write.
    queueMicrotask(this.#afterMicrotasks)
  }

  #compose(): void {
    this.#isScheduled = false
    this.#gather()
    const batch = this.#batch
    this.#batch = []
    if (batch.length > 0) this.#write(batch)
  }

  #gather(): void {
    if (this.#composers.length === 0) return
    const composers = this.#composers
    this.#composers = []
    for (const composer of composers) composer.compose(this.#batch)
  }
}
