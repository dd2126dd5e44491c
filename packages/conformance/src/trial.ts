import { type Cache, type CacheOptions, cacheOver, type Limits, type Store } from '@anycache/core'
import { eventually } from './eventually.js'
import { type Backend, StoreTrial } from './store-trial.js'

/** {@link CacheOptions}, where `namespace: undefined` asks for none. */
type Opening = Omit<CacheOptions, 'namespace'> & { readonly namespace?: string | undefined }

/** What one case works with: a namespace of its own, and stores that are closed when the case ends. */
export class Trial {
  /** Under {@link Trial.namespace}, rejecting in an outage, so that a lost server fails the case and is no miss. */
  readonly cache: Cache
  readonly namespace: string
  readonly store: Store
  /** The same namespace as its store keeps it: for items that no cache writes. */
  readonly raw: StoreTrial
  readonly #backend: Backend
  readonly #opened: Cache[] = []

  constructor(store: Store, backend: Backend) {
    this.store = store
    this.#backend = backend
    this.raw = new StoreTrial(store, backend)
    this.namespace = this.raw.namespace
    this.cache = this.open()
  }

  get limits(): Limits {
    return this.store.limits
  }

  /** Another cache over the same store; of the same namespace, unless `options` name one. */
  open(options: Opening = {}): Cache {
    return cacheOver(this.store, this.#withDefaults(options))
  }

  /** A cache over a store of its own on the same backend, as another process has it. Closed when the case ends. */
  async another(options: Opening = {}): Promise<Cache> {
    const cache = cacheOver(await this.#backend.store(), this.#withDefaults(options))
    this.#opened.push(cache)
    // A connection may take longer than a store waits for it while all cases that wait begin at once.
    await eventually(() => answers(cache), Boolean)
    return cache
  }

  /** Lets `ms` pass. */
  pass(ms: number): Promise<void> {
    return this.raw.pass(ms)
  }

  /** Lets a ttl that began before this call run out, the backend's lag included. */
  expire(ttl: number): Promise<void> {
    return this.raw.expire(ttl)
  }

  /** Whether time passes by itself. */
  get realTime(): boolean {
    return this.raw.realTime
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map(cache => cache.close()))
  }

  #withDefaults(options: Opening): CacheOptions {
    const { namespace, ...rest } = { namespace: this.namespace, timeout: '10s', onError: 'throw', ...options } as const
    return namespace === undefined ? rest : { ...rest, namespace }
  }
}

async function answers(cache: Cache): Promise<boolean> {
  return cache.ping().then(
    () => true,
    () => false,
  )
}
