/** Milliseconds to the first try after a failure. */
export const firstDelay = 100
/** Milliseconds from try to try at most: a server that is back is found within a second. */
export const longestDelay = 700

/** The delays between tries at something that keeps failing: each step is longer than the last, by default twice as long, up to the longest. */
export class Backoff {
  readonly #first: number
  readonly #longest: number
  readonly #growth: number
  #steps = 0

  constructor(first: number = firstDelay, longest: number = longestDelay, growth: number = 2) {
    this.#first = first
    this.#longest = Math.max(longest, first)
    this.#growth = growth
  }

  /** Milliseconds to the next try. */
  next(): number {
    const step = Math.min(this.#first * this.#growth ** this.#steps++, this.#longest)
    // Half fixed, half random: a fleet that lost one server, or waits for one holder, must not ask in one wave.
    return step * (0.5 + Math.random() / 2)
  }

  /** A try succeeded: the next delay is the first one. */
  reset(): void {
    this.#steps = 0
  }
}
