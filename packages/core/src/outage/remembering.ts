import type { Format } from '@anycache/serializer'
import { type CacheError, isOutage } from '../errors.js'
import { prefixOf } from '../input/keys.js'
import type { Answer, Call, Limits, ServerStats, Space, Store, StoreEvent } from '../store.js'
import { now } from '../timers.js'
import { Ledger, type OwedDelete } from './ledger.js'
import { RememberingSpace } from './remembering-space.js'
import { type Progress, Replay } from './replay.js'

const wrapped = new WeakMap<Store, RememberingStore>()

/**
 * The store, remembering the deletes, sets and touches that an outage left undone: each as a delete of its key, replayed when the
 * server answers again. Until then the key reads as a miss. Every cache over one store shares one memory; the most patient one's
 * `timeout`, in ms, is what a replayed batch may take.
 */
export function remembering(store: Store, timeout: number): Store {
  let known = wrapped.get(store)
  if (known === undefined) {
    known = new RememberingStore(store)
    wrapped.set(store, known)
  }
  known.timeout = Math.max(known.timeout, timeout)
  return known
}

class RememberingStore implements Store {
  readonly #inner: Store
  readonly #ledger = new Ledger()
  readonly #spaces = new Map<string, Space>()
  /** By server. */
  readonly #replays = new Map<string, Replay>()
  /** Of namespaces that owe more than can be remembered; a clear concerns all servers. */
  readonly #clears = new Replay(() => this.#clearOverflows())
  readonly #openBreakers = new Set<string>()
  #isClosed = false
  timeout = 0

  constructor(inner: Store) {
    this.#inner = inner
    inner.listen(event => this.#hear(event))
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

  space(path: readonly string[], format: Format): Space {
    const inner = this.#inner.space(path, format)
    return new RememberingSpace(inner, this.#ledger, prefixOf(path), server => {
      this.#spaces.set(prefixOf(path), inner)
      if (this.#isClosed) return
      this.#replayOf(server).wake()
      if (this.#ledger.overflowed(prefixOf(path))) this.#clears.wake()
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
    this.#stop()
    await this.#inner.close(call)
  }

  #hear(event: StoreEvent): void {
    if (event.type === 'breaker' && event.state === 'open') {
      this.#openBreakers.add(event.server)
      this.#replays.get(event.server)?.suspend()
      this.#clears.suspend()
      return
    }
    if (event.type === 'breaker' && event.state === 'closed') this.#openBreakers.delete(event.server)
    else if (event.type !== 'connect' || this.#openBreakers.has(event.server)) return
    // Also where nothing is owed: a replay that stayed suspended would not send what is owed later.
    if (this.#isClosed) return
    this.#replays.get(event.server)?.resume()
    if (this.#openBreakers.size === 0) this.#clears.resume()
  }

  #replayOf(server: string): Replay {
    let replay = this.#replays.get(server)
    if (replay === undefined) {
      replay = new Replay(most => this.#replayTo(server, most))
      this.#replays.set(server, replay)
      if (this.#openBreakers.has(server)) replay.suspend()
    }
    return replay
  }

  async #replayTo(server: string, most: number): Promise<Progress> {
    const due = this.#ledger.due(server, most)
    // Those left are being overwritten now, and may hide others behind them.
    if (due.length === 0) return this.#ledger.owesTo(server) ? 'failed' : 'done'
    const together = new Map<string, OwedDelete[]>()
    for (const owed of due) {
      const { prefix, route } = owed
      // A lone surrogate is in no key, prefix or route.
      const batch = route === undefined ? prefix : `${prefix}\ud800${route}`
      const others = together.get(batch)
      if (others === undefined) together.set(batch, [owed])
      else others.push(owed)
    }
    try {
      const done = await Promise.all(Array.from(together.values(), owed => this.#remove(owed)))
      return done.some(count => count > 0) ? 'more' : 'failed'
    } catch (error) {
      this.#complain(error)
      return 'failed'
    }
  }

  /** Deletes these keys on their server. Resolves how many it deleted. */
  async #remove(due: readonly OwedDelete[]): Promise<number> {
    const { prefix, route } = due[0] as OwedDelete
    const space = this.#spaces.get(prefix)
    if (space === undefined) return 0
    const answers = await space.removeMany(
      due.map(({ key }) => key),
      this.#call(route),
    )
    let done = 0
    for (const [i, owed] of due.entries()) {
      const answer = answers[i]
      if (typeof answer === 'boolean') {
        this.#ledger.forget(owed)
        done++
      } else {
        // A key that its server refuses must not hold up the others.
        this.#ledger.postpone(owed)
        if (answer !== undefined) this.#complain(answer.failure)
      }
    }
    if (!this.#ledger.has(prefix)) this.#spaces.delete(prefix)
    return done
  }

  async #clearOverflows(): Promise<Progress> {
    let progress: Progress = 'done'
    for (const last of this.#ledger.overflows()) {
      const { prefix, key, route } = last
      const space = this.#spaces.get(prefix)
      if (space === undefined) continue
      if (prefix === '') {
        // A bare keyspace is shared and cannot be cleared: it reads as misses until the deletes are too old.
        progress = 'failed'
        continue
      }
      const since = this.#ledger.version
      try {
        // One key shows whether the server takes deletes: on a read-only server a clear would scan all its keys for nothing.
        const [answer] = await space.removeMany([key], this.#call(route))
        if (typeof answer === 'object') throw answer.failure
        await space.clear(() => this.#call())
        this.#ledger.clear(prefix, since)
      } catch (error) {
        progress = 'failed'
        this.#complain(error)
      }
    }
    return progress
  }

  /** A store that was closed, perhaps under its caches, refuses a call as a whole or each of its keys. */
  #complain(error: unknown): void {
    if ((error as Partial<CacheError>).code === 'ERR_CACHE_CLOSED') this.#stop()
    else if (!isOutage(error)) process.emitWarning(error instanceof Error ? error : String(error))
  }

  #call(route?: string): Call {
    return { deadline: now() + this.timeout, route }
  }

  /** A closed store is not replayed to, not even when it was closed under open caches. */
  #stop(): void {
    this.#isClosed = true
    for (const replay of [...this.#replays.values(), this.#clears]) replay.close()
  }
}
