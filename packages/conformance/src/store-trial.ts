import { randomBytes } from 'node:crypto'
import type {
  Call,
  CasToken,
  Claimed,
  Condition,
  Counted,
  Item,
  Limits,
  Space,
  Store,
  StoredItem,
  Touched,
  Written,
} from '@anycache/core'
import { FLAG_LEASE, type Format, nativeFormat } from '@anycache/serializer'

/** Where the stores of a suite come from, and how time passes for them. */
export interface Backend {
  /** A new, unconnected store on the backend under test. */
  readonly store: () => Store | Promise<Store>
  /** The clock of the store where it has one of its own, such as `fakeClock()`. Default: real time, and the cases wait. */
  readonly clock?: { advance(ms: number): void }
}

/** What one case works with: a store, a space of its own in it, and short forms of the verbs of that space. */
export class StoreTrial {
  readonly store: Store
  readonly namespace: string
  readonly space: Space
  readonly #backend: Backend
  readonly #opened: Store[] = []

  constructor(store: Store, backend: Backend, namespace: string = `conformance-${randomBytes(6).toString('hex')}`) {
    this.store = store
    this.#backend = backend
    this.namespace = namespace
    this.space = store.space([namespace], nativeFormat)
  }

  get limits(): Limits {
    return this.store.limits
  }

  /** A namespace nested in the one of the trial. */
  nested(...names: string[]): Space {
    return this.store.space([this.namespace, ...names], nativeFormat)
  }

  /** The same namespace in another format; undefined where the store refuses to keep it. */
  formatted(format: Format): Space | undefined {
    try {
      return this.store.space([this.namespace], format)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_CACHE_NOT_SUPPORTED') return undefined
      throw error
    }
  }

  /** A store of its own on the same backend, as another process has it. Closed when the case ends. */
  async another(): Promise<Store> {
    const store = await this.#backend.store()
    this.#opened.push(store)
    return store
  }

  /** The trial's namespace in {@link another} store. */
  async elsewhere(): Promise<Space> {
    return (await this.another()).space([this.namespace], nativeFormat)
  }

  /** A call that has time enough. */
  call(more: Partial<Call> = {}): Call {
    return { deadline: performance.now() + 10_000, ...more }
  }

  async get(key: string, space: Space = this.space): Promise<StoredItem | undefined> {
    return found(await space.get(key, this.call({ versioned: true })))
  }

  /** The items under these keys, in their order. Fails where a key's server failed. */
  async getMany(keys: readonly string[]): Promise<(StoredItem | undefined)[]> {
    return (await this.space.getMany(keys, this.call({ versioned: true }))).map(found)
  }

  /** What lies under the key, which must hold something, as text. */
  async text(key: string): Promise<string> {
    const item = await this.get(key)
    if (item === undefined) throw new Error(`nothing lies under ${key}`)
    return Buffer.from(item.data as Uint8Array).toString()
  }

  async token(key: string): Promise<CasToken> {
    const casToken = (await this.get(key))?.casToken
    if (casToken === undefined) throw new Error(`a versioned read of ${key} gave no casToken`)
    return casToken
  }

  async write(
    key: string,
    item: Item | string,
    when: Condition = 'always',
    ttl: number = Number.POSITIVE_INFINITY,
  ): Promise<Written> {
    return this.space.write({ key, item: itemOf(item), ttl, when }, this.call())
  }

  /** Writes what must be stored. */
  async put(key: string, item: Item | string, ttl?: number): Promise<void> {
    const { outcome } = await this.write(key, item, 'always', ttl)
    if (outcome !== 'stored') throw new Error(`${key} could not be written: ${outcome}`)
  }

  /** A claim by a new holder. */
  async claim(key: string, ttl = 60_000, item: Item = lease()): Promise<Claimed> {
    return this.space.claim(key, item, ttl, this.call())
  }

  /** The token of a claim that must be won. */
  async won(key: string, ttl?: number): Promise<CasToken> {
    const claimed = await this.claim(key, ttl)
    if ('found' in claimed) throw new Error(`the claim of ${key} found flags ${claimed.found.flags}`)
    return claimed.won
  }

  async remove(key: string, only?: CasToken): Promise<boolean> {
    return this.space.remove(key, only, this.call())
  }

  async take(key: string): Promise<Item | undefined> {
    return this.space.take(key, this.call())
  }

  async touch(key: string, ttl: number): Promise<Touched> {
    return this.space.touch(key, ttl, this.call())
  }

  async count(key: string, by: number, create?: { value: number; ttl?: number }): Promise<Counted> {
    const created = create && { ttl: Number.POSITIVE_INFINITY, ...create }
    return this.space.count(key, by, created, this.call())
  }

  /** Everything that `keys` lists, once each: a cursor may meet a key twice while the server moves it. */
  async keys(pattern = '*', space: Space = this.space): Promise<string[]> {
    const keys = new Set<string>()
    for await (const key of space.keys(pattern, () => this.call())) keys.add(key)
    return [...keys].sort()
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

  /** Now, by the clock that judges soft deadlines, in ms since 1970. */
  epochNow(): number {
    return this.store.epochNow?.() ?? Date.now()
  }

  /** Whether time passes by itself. */
  get realTime(): boolean {
    return this.#backend.clock === undefined
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map(store => store.close(this.call())))
  }
}

/** The lease of a new holder. */
export function lease(): Item {
  return { flags: FLAG_LEASE, data: randomBytes(16) }
}

export function itemOf(item: Item | string): Item {
  return typeof item === 'string' ? { flags: 0, data: item } : item
}

/** An item that was read. Fails for `owed`, which no adapter answers. */
export function found(answer: unknown): StoredItem | undefined {
  if (answer === undefined || (typeof answer === 'object' && answer !== null && 'flags' in answer)) {
    return answer as StoredItem | undefined
  }
  if (typeof answer === 'object' && answer !== null && 'failure' in answer) throw answer.failure
  throw new Error(`a read answered neither an item nor undefined, but ${String(answer)}`)
}
