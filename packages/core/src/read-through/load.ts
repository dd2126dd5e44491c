import type { Ttl } from '../input/ttl.js'
import type { LoaderContext } from '../loader.js'
import type { Run } from './run.js'
import { Wishes } from './wishes.js'

/** What the loader of one key is handed. */
export class Load<T> implements LoaderContext<T> {
  readonly key: string
  readonly wishes: Wishes = new Wishes()
  stale: T | undefined
  readonly #run: Run

  constructor(key: string, run: Run) {
    this.key = key
    this.#run = run
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  // Fields, not methods: loaders take the context apart, as in `({ key, setTtl }) => …`.
  readonly setTtl = (ttl: Ttl): void => this.wishes.setTtl(ttl, 'getOrSet', this.key)

  readonly setTags = (tags: string | readonly string[]): void => this.wishes.setTags(tags, 'getOrSet', this.key)

  readonly noStore = (): void => {
    this.wishes.isStorable = false
  }

  readonly notModified = (): T => this.wishes.keep(this.stale, 'getOrSet', this.key)
}
