import type { Cache } from 'anycache'

/** Something that happened to the cache. Repetitions in a row are counted, not listed. */
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

  /** Calls `log` for each happening that does not repeat the last one. */
  constructor(cache: Cache, log: (line: string) => void) {
    this.#cache = cache
    const note = (what: string): void => {
      if (this.#note(what)) log(`cache: ${what}`)
    }
    cache.on('connect', ({ server }) => note(`connected to ${server}`))
    cache.on('disconnect', ({ server }) => note(`disconnected from ${server}`))
    cache.on('breaker', ({ server, state }) => {
      // Every probe of a dead server half-opens the breaker and opens it again; report only that it opened.
      if (state === 'half-open' || this.#open.has(server) === (state === 'open')) return
      if (state === 'open') this.#open.add(server)
      else this.#open.delete(server)
      note(`breaker ${state} for ${server}`)
    })
    cache.on('invalidate', ({ tags }) => note(`invalidated ${tags.join(', ')}`))
    cache.on('load', ({ ok, background, error }) => {
      if (ok) return
      note(`a ${background ? 'refresh' : 'load'} failed: ${error instanceof Error ? error.message : String(error)}`)
    })
    cache.on('error', ({ error }) => {
      // Our own pings would only repeat, every two seconds, the errors of other calls.
      if (error.op !== 'ping') note(error.server ? `${error.code} from ${error.server}` : error.code)
    })
  }

  /** Latest first. */
  get recent(): readonly Happening[] {
    return this.#recent
  }

  /** Pings the backend; overlapping checks share one ping. */
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
