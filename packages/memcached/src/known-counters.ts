import type { Version } from './request.js'

const mostCounters = 1000

/** A counter as this process last counted it. */
export class KnownCounter {
  /** `undefined` where the server keeps none (-C). */
  version: Version | undefined
  /** Counts on their way that compare nothing: others were, or had just come, when they were sent. */
  underWay = 0
  /** A count has come this very moment. */
  isFresh = false
  /** One of those under way met something else. */
  isSpoiled = false
  /** Something that was asked after those under way replaces it, or deletes it. */
  isReplaced = false
}

/** Keys found to be counters with room, and not written by this process since. */
export class KnownCounters {
  readonly #counters = new Map<string, KnownCounter>()

  get(key: string): KnownCounter | undefined {
    return this.#counters.get(key)
  }

  set(key: string, counter: KnownCounter): void {
    this.#counters.set(key, counter)
    if (this.#counters.size <= mostCounters) return
    for (const oldest of this.#counters.keys()) {
      this.forget(oldest)
      return
    }
  }

  forget(key: string): void {
    this.#counters.delete(key)
  }
}
