import type { Cache } from 'anycache'

/** Readers and writers of a set of keys whose values name their key, so that a reply to the wrong caller shows. */
export class Traffic {
  readonly #cache: Cache
  readonly #keys: readonly string[]
  readonly #workers: Promise<void>[] = []
  #stopped = false
  /** Calls that resolved, by their result. */
  hits = 0
  misses = 0
  /** Values that belong to another key. */
  readonly wrong: unknown[] = []
  /** Calls that rejected: none should, the cache fails open. */
  readonly rejected: unknown[] = []

  constructor(cache: Cache, keys: number) {
    this.#cache = cache
    this.#keys = Array.from({ length: keys }, (_, i) => `key ${i}`)
  }

  static value(key: string): { of: string; padding: string } {
    return { of: key, padding: key.repeat(20) }
  }

  start(workers: number): void {
    for (let worker = 0; worker < workers; worker++) this.#workers.push(this.#work(worker))
  }

  /** Resolves when every call has settled. A call that never does fails the test by its time limit. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  async #work(seed: number): Promise<void> {
    for (let i = seed; !this.#stopped; i++) {
      const key = this.#keys[(i * 7) % this.#keys.length] as string
      try {
        if (i % 3 === 0) await this.#cache.set(key, Traffic.value(key))
        else if (i % 3 === 1) this.#check(key, await this.#cache.get(key))
        else for (const [name, value] of await this.#cache.getMany(this.#keys.slice(0, 10))) this.#check(name, value)
      } catch (error) {
        this.rejected.push(error)
      }
      // Calls refused at once must not starve the timers that end the outage.
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }

  #check(key: string, value: unknown): void {
    if (value === undefined) this.misses++
    else if ((value as { of: unknown }).of === key && (value as { padding: string }).padding === key.repeat(20))
      this.hits++
    else this.wrong.push({ key, value })
  }
}
