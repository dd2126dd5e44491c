import { randomBytes } from 'node:crypto'
import {
  type Cache,
  type CacheOptions,
  type Call,
  cacheOver,
  type Limits,
  type Space,
  type Store,
} from '@anycache/core'

/** Where the stores of a suite come from, and how time passes for them. */
export interface Backend {
  /** A new, unconnected store on the backend under test. */
  readonly store: () => Store | Promise<Store>
  /** The clock of the store where it has one of its own, such as `fakeClock()`. Default: real time, and the cases wait. */
  readonly clock?: { advance(ms: number): void }
}

/** {@link CacheOptions}, where `namespace: undefined` asks for none. */
type Opening = Omit<CacheOptions, 'namespace'> & { readonly namespace?: string | undefined }

/** What one case works with: a namespace nobody else uses, and stores that are closed when the case ends. */
export class Trial {
  /** Under {@link Trial.namespace}, rejecting in an outage, so that a lost server fails the case and is no miss. */
  readonly cache: Cache
  readonly namespace: string
  readonly store: Store
  readonly #backend: Backend
  readonly #opened: Cache[] = []

  constructor(store: Store, backend: Backend) {
    this.store = store
    this.#backend = backend
    this.namespace = `conformance-${randomBytes(6).toString('hex')}`
    this.cache = this.open()
  }

  get limits(): Limits {
    return this.store.limits
  }

  /** The store's own view of the namespace: for bytes that no serializer would write. */
  get space(): Space {
    return this.store.space([this.namespace])
  }

  /** Another cache over the same store; of the same namespace, unless `options` name one. */
  open(options: Opening = {}): Cache {
    return cacheOver(this.store, this.#withDefaults(options))
  }

  /** A cache over a store of its own on the same backend, as another process has it. Closed when the case ends. */
  async another(options: Opening = {}): Promise<Cache> {
    const cache = cacheOver(await this.#backend.store(), this.#withDefaults(options))
    this.#opened.push(cache)
    return cache
  }

  /** A call of the store's that has time enough. */
  call(): Call {
    return { deadline: performance.now() + 10_000 }
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.#backend
    if (clock !== undefined) clock.advance(ms)
    else await new Promise(resolve => setTimeout(resolve, ms))
  }

  /** Lets a ttl that began before this call run out, the backend's lag included. */
  async expire(ttl: number): Promise<void> {
    await this.pass(ttl + this.limits.ttlLag + 150)
  }

  /** Whether time passes by itself. */
  get realTime(): boolean {
    return this.#backend.clock === undefined
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map(cache => cache.close()))
  }

  #withDefaults(options: Opening): CacheOptions {
    const { namespace, ...rest } = { namespace: this.namespace, timeout: '10s', onError: 'throw', ...options } as const
    return namespace === undefined ? rest : { ...rest, namespace }
  }
}
