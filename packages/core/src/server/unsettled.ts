import { unwatch, watchDeadline } from './deadlines.js'

/** Counts what is under way, and tells when nothing is. */
export class Unsettled {
  #count = 0
  #waiting: (() => void)[] | undefined

  get isEmpty(): boolean {
    return this.#count === 0
  }

  began(): void {
    this.#count++
  }

  ended(count = 1): void {
    this.#count -= count
    if (this.#count === 0 && this.#waiting !== undefined) this.#release()
  }

  /** Resolves true when nothing is under way, at once where nothing is; false when the deadline passed before. */
  none(deadline: number): Promise<boolean> {
    if (this.#count === 0) return Promise.resolve(true)
    return new Promise(resolve => {
      const pending = { deadline, expire: () => resolve(false) }
      watchDeadline(pending)
      this.#waiting ??= []
      this.#waiting.push(() => {
        unwatch(pending)
        resolve(true)
      })
    })
  }

  #release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const resolve of waiting) resolve()
  }
}
