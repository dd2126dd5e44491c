import { ClosedError, isOutage } from './errors.js'
import { prefixOf } from './keys.js'
import { Ledger } from './ledger.js'
import { RememberingSpace } from './remembering-space.js'
import type { Answer, Call, Limits, ServerStats, Space, Store, StoreEvent } from './store.js'
import { clearTimeout, now, setTimeout } from './timers.js'

const wrapped = new WeakMap<Store, RememberingStore>()

/**
 * The store, remembering the deletes, sets and touches that an outage left undone: each as a delete of its key, replayed when the
 * server answers again. Until then the key reads as a miss. Every cache over one store shares one memory.
 */
export function remembering(store: Store): Store {
  let known = wrapped.get(store)
  if (known === undefined) {
    known = new RememberingStore(store)
    wrapped.set(store, known)
  }
  return known
}

/** Milliseconds between replays while nothing tells that a server came back. */
const replayInterval = 250
/** Keys sent in one replayed batch. */
const replayBatch = 500

class RememberingStore implements Store {
  readonly #inner: Store
  readonly #ledger = new Ledger()
  readonly #spaces = new Map<string, Space>()
  #timer: NodeJS.Timeout | undefined
  #replaying = false
  #closed = false

  constructor(inner: Store) {
    this.#inner = inner
    inner.listen(event => {
      if (event.type === 'connect' || (event.type === 'breaker' && event.state === 'closed')) void this.#replay()
    })
  }

  get driver(): string {
    return this.#inner.driver
  }

  get servers(): readonly string[] {
    return this.#inner.servers
  }

  get limits(): Limits {
    return this.#inner.limits
  }

  get client(): unknown {
    return this.#inner.client
  }

  space(path: readonly string[]): Space {
    const inner = this.#inner.space(path)
    return new RememberingSpace(inner, this.#ledger, prefixOf(path), () => {
      this.#spaces.set(prefixOf(path), inner)
      this.#schedule()
    })
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.#inner.listen(listener)
  }

  ping(call: Call): Answer<void> {
    return this.#inner.ping(call)
  }

  async flush(call: Call): Promise<void> {
    const since = this.#ledger.version
    await this.#inner.flush(call)
    this.#ledger.clear('', since)
  }

  serverStats(section: string | undefined, call: Call): Answer<readonly ServerStats[]> {
    return this.#inner.serverStats(section, call)
  }

  async close(call: Call): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#inner.close(call)
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#ledger.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#replay()
    }, replayInterval)
    this.#timer.unref()
  }

  /** Sends what is remembered. Never rejects; what fails stays remembered. */
  async #replay(): Promise<void> {
    if (this.#replaying || this.#closed || this.#ledger.size === 0) return
    this.#replaying = true
    this.#ledger.expire()
    for (const prefix of this.#ledger.prefixes()) {
      try {
        await this.#replayPrefix(prefix)
      } catch (error) {
        // One namespace that cannot be cleared yet must not hold up what others owe. A store closed under its cache owes nothing more.
        if (error instanceof ClosedError) this.#closed = true
        else if (!isOutage(error)) process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
    this.#replaying = false
    this.#schedule()
  }

  async #replayPrefix(prefix: string): Promise<void> {
    const space = this.#spaces.get(prefix)
    if (space === undefined) return
    const extend = (): Call => ({ deadline: now() + 500 })
    if (prefix !== '' && this.#ledger.overflowed(prefix)) {
      const since = this.#ledger.version
      await space.clear(extend)
      this.#ledger.clear(prefix, since)
      return
    }
    const entries = this.#ledger.entries(prefix)
    for (let i = 0; i < entries.length; i += replayBatch) {
      // Asked batch by batch: while an earlier one was under way, a key may have been written anew.
      const due = entries
        .slice(i, i + replayBatch)
        .filter(([key, version]) => this.#ledger.isReplayable(prefix, key, version))
      if (due.length === 0) continue
      const answers = await space.removeMany(
        due.map(([key]) => key),
        extend(),
      )
      for (const [j, [key, version]] of due.entries()) {
        if (typeof answers[j] === 'boolean') this.#ledger.forget(prefix, key, version)
      }
    }
    if (!this.#ledger.has(prefix)) this.#spaces.delete(prefix)
  }
}
