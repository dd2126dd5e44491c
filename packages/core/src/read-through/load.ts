import { type Ttl, ttlMs } from '../input/ttl.js'
import type { LoaderContext } from '../loader.js'
import type { Run } from './run.js'

/** What the loader of one key is handed, and what it asked for. */
export class Load<T> implements LoaderContext<T> {
  readonly key: string
  ttl: number | undefined
  storable = true
  readonly #run: Run

  constructor(key: string, run: Run) {
    this.key = key
    this.#run = run
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  // Fields, not methods: loaders take the context apart, as in `({ key, setTtl }) => …`.
  readonly setTtl = (ttl: Ttl): void => {
    this.ttl = ttlMs(ttl, 'getOrSet', this.key)
  }

  readonly stale: T | undefined = undefined

  readonly setTags = (): void => {
    throw new Error('not yet')
  }

  readonly notModified = (): T => {
    throw new Error('not yet')
  }

  readonly noStore = (): void => {
    this.storable = false
  }
}
