import type { Cache } from 'anycache'

/** Something that happened to the cache. The same thing again in a row is counted, not repeated. */
export type Happening = { readonly at: Date; readonly what: string; readonly times: number }

/** Whether the backend answers right now. */
export type Health =
  | { readonly reachable: true; readonly ms: number }
  | { readonly reachable: false; readonly why: string }

const remembered = 8

/** Watches a cache: its recent errors, connections and breaker, and whether its backend answers. */
export class Monitor {
  readonly #cache: Cache
  readonly #recent: Happening[] = []
  /** The servers whose breaker is open. */
  readonly #open = new Set<string>()
  #checking: Promise<Health> | undefined

  /** `log` is told of each happening that is not the last one again. */
  constructor(cache: Cache, log: (line: string) => void) {
    this.#cache = cache
    const note = (what: string): void => {
      if (this.#note(what)) log(`cache: ${what}`)
    }
    cache.on('connect', ({ server }) => note(`connected to ${server}`))
    cache.on('disconnect', ({ server }) => note(`disconnected from ${server}`))
    cache.on('breaker', ({ server, state }) => {
      // Every probe of a dead server half-opens the breaker and opens it again; what happened is that it opened once.
      if (state === 'half-open' || this.#open.has(server) === (state === 'open')) return
      if (state === 'open') this.#open.add(server)
      else this.#open.delete(server)
      note(`breaker ${state} for ${server}`)
    })
    cache.on('error', ({ error }) => {
      // Our own pings would only repeat, every two seconds, what the calls have found.
      if (error.op !== 'ping') note(error.server ? `${error.code} from ${error.server}` : error.code)
    })
  }

  /** The latest first. */
  get recent(): readonly Happening[] {
    return this.#recent
  }

  /** Asks the backend for a sign of life; checks that overlap are one. */
  check(): Promise<Health> {
    this.#checking ??= this.#ping().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #ping(): Promise<Health> {
    const began = performance.now()
    try {
      await this.#cache.ping({ timeout: 250 })
      return { reachable: true, ms: performance.now() - began }
    } catch (error) {
      return { reachable: false, why: error instanceof Error ? error.message : String(error) }
    }
  }

  #note(what: string): boolean {
    const last = this.#recent[0]
    if (last?.what === what) {
      this.#recent[0] = { at: new Date(), what, times: last.times + 1 }
      return false
    }
    this.#recent.unshift({ at: new Date(), what, times: 1 })
    this.#recent.length = Math.min(this.#recent.length, remembered)
    return true
  }
}
