import { unwatch, watchDeadline } from '@anycache/core'

/** Counts the calls that somebody waits for. */
export class Unsettled {
  #count = 0
  #noneLeft: (() => void) | undefined

  began(): void {
    this.#count++
  }

  ended(): void {
    if (--this.#count === 0) this.#noneLeft?.()
  }

  /** Resolves when the last one has ended, at once where there is none, and at the deadline at the latest. */
  none(deadline: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise(resolve => {
      const patience = { deadline, expire: resolve }
      watchDeadline(patience)
      this.#noneLeft = () => {
        unwatch(patience)
        resolve()
      }
    })
  }
}
