import {
  type Answer,
  type CacheError,
  type Call,
  type Duration,
  InvalidArgumentError,
  type Limits,
  milliseconds,
  type ServerStats,
  type Space,
  type Store,
  type StoreEvent,
} from '@anycache/core'
import type { Format, Serializer } from '@anycache/serializer'
import { ChaosSpace, type ChaosVerb, chaosVerbs } from './chaos-space.js'
import { Damage } from './damage.js'
import { Turmoil } from './turmoil.js'

/** A store whose server falls ill when a test says so. */
export interface ChaosStore extends Store {
  /** How often each verb was called, whatever became of it. `getMany` and its like count once however many keys they carry. */
  readonly calls: Readonly<Record<ChaosVerb, number>>
  /** Nobody listens: calls fail at once with `ConnectionError`, those that wait too. Reports a `disconnect` event. */
  down(): void
  /**
   * The server is well again: ends `down`, `freeze`, `slow`, `failNext` and `corrupt`. Calls that `freeze` and `slow` held back take
   * effect, in call order, even if nobody waits for them any more. Reports a `connect` event when it was down.
   */
  up(): void
  /** Connections stay open and nothing is answered: calls wait for `up()`, or reject with `TimeoutError` at their deadline. */
  freeze(): void
  /** Every call takes effect this much later, ms or `'1s'`, in call order. One whose deadline is sooner rejects with `TimeoutError`. */
  slow(by: Duration): void
  /**
   * The next `count` calls (default 1) fail and take no effect. Default error: a `ConnectionError` whose outcome is `'unknown'`,
   * as when a connection breaks before the reply.
   */
  failNext(count?: number, error?: CacheError): void
  /** What is under `key`, in every namespace, reads as bytes that cannot be decoded until it is written again; without a key, everything. */
  corrupt(key?: string): void
}

/**
 * Wraps a store so that a test can make its server ill: `const store = chaosStore(new MemoryStore())`, then
 * `cacheOver(store, { namespace: 'test' })`. It behaves like a server that others use as well: calls have deadlines, deletes that an outage
 * left undone are remembered, and `clear()` needs a namespace.
 */
export function chaosStore(store: Store): ChaosStore {
  return new Chaos(store)
}

class Chaos implements ChaosStore {
  readonly calls = Object.fromEntries(chaosVerbs.map(verb => [verb, 0])) as Record<ChaosVerb, number>
  readonly servers: readonly string[]
  declare readonly serializer?: Serializer
  declare readonly epochNow?: () => number
  readonly remember = true
  readonly #inner: Store
  readonly #server: string
  readonly #turmoil: Turmoil
  readonly #damage = new Damage()
  readonly #listeners = new Set<(event: StoreEvent) => void>()

  constructor(inner: Store) {
    this.#inner = inner
    this.#server = inner.servers[0] ?? 'chaos'
    this.servers = inner.servers.length > 0 ? inner.servers : [this.#server]
    this.#turmoil = new Turmoil(this.#server)
    if (inner.serializer !== undefined) this.serializer = inner.serializer
    if (inner.epochNow !== undefined) this.epochNow = inner.epochNow
  }

  get driver(): string {
    return this.#inner.driver
  }

  get limits(): Limits {
    return { ...this.#inner.limits, clear: false, remote: true, shared: true }
  }

  get client(): unknown {
    return this.#inner.client
  }

  down(): void {
    if (this.#turmoil.isDown) return
    this.#turmoil.goDown()
    this.#report({ type: 'disconnect', server: this.#server, error: undefined })
  }

  up(): void {
    const wasDown = this.#turmoil.isDown
    this.#damage.end()
    this.#turmoil.end()
    if (wasDown) this.#report({ type: 'connect', server: this.#server })
  }

  freeze(): void {
    this.#turmoil.freeze()
  }

  slow(by: Duration): void {
    this.#turmoil.slow(milliseconds(by, 'by'))
  }

  failNext(count = 1, error?: CacheError): void {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new InvalidArgumentError(`failNext takes a whole number of calls from 1, got ${count}`)
    }
    this.#turmoil.failNext(count, error)
  }

  corrupt(key?: string): void {
    this.#damage.spread(key)
  }

  space(path: readonly string[], format: Format): Space {
    const { calls } = this
    return new ChaosSpace(this.#inner.space(path, format), path, this.#turmoil, this.#damage, calls, this.#server)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    const stop = this.#inner.listen(listener)
    this.#listeners.add(listener)
    return () => {
      stop()
      this.#listeners.delete(listener)
    }
  }

  ping(call: Call): Answer<void> {
    this.calls.ping++
    return this.#turmoil.pass(call, () => this.#inner.ping(call))
  }

  flush(call: Call): Answer<void> {
    this.calls.flush++
    return this.#turmoil.pass(call, () => this.#inner.flush(call))
  }

  serverStats(section: string | undefined, call: Call): Answer<readonly ServerStats[]> {
    this.calls.serverStats++
    return this.#turmoil.pass(call, () => this.#inner.serverStats(section, call))
  }

  close(call: Call): Answer<void> {
    this.#turmoil.close()
    return this.#inner.close(call)
  }

  #report(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
