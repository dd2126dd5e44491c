import { type Ttl, ttlMs } from '../input/ttl.js'
import type { LoaderContext } from '../loader.js'

/** One run of a loader: what it asked for, and the way to stop it. */
export class Load implements LoaderContext {
  readonly key: string
  ttl: number | undefined
  storable = true
  readonly #controller = new AbortController()

  constructor(key: string) {
    this.key = key
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  // Fields, not methods: loaders take the context apart, as in `({ key, setTtl }) => …`.
  readonly setTtl = (ttl: Ttl): void => {
    this.ttl = ttlMs(ttl, 'getOrSet', this.key)
  }

  readonly noStore = (): void => {
    this.storable = false
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }
}
