import type { Format, Serializer } from '@anycache/serializer'
import { type CacheError, isOutage } from '../errors.js'
import { prefixOf } from '../input/keys.js'
import { checkOptions } from '../input/options.js'
import { type Duration, defaultTimeout, milliseconds } from '../input/ttl.js'
import type { Answer, Call, Limits, ServerStats, Space, Store, StoreEvent } from '../store.js'
import { now } from '../timers.js'
import { Ledger, type OwedDelete } from './ledger.js'
import { RememberingSpace } from './remembering-space.js'
import { type Progress, Replay } from './replay.js'

const wrapped = new WeakMap<Store, RememberingStore>()

export interface RememberingOptions {
  /** How long a replayed batch may take. Of several wrappings of one store the longest counts. Default 500 ms. */
  readonly timeout?: Duration
}

/**
 * The store, with a memory for what an outage leaves undone. A delete, set or touch that a server did not do is remembered as a delete of its
 * key: reads of the key answer {@link owed} until the delete is done, so that no old value comes back, and it is sent when the
 * server answers again, or before the next call on the key that needs an answer. Remembered in this process alone, for 5 minutes, and 100,000
 * keys per namespace; with more, the whole namespace reads as owed until it was cleared.
 *
 * `cacheOver` does this by itself for a store that sets {@link Store.remember}. A store over other stores calls it for each of them that may be
 * down alone, such as the server of a tiered store: around the whole it would hide what the other tiers still know.
 * One store has one memory: wrapping it again, or wrapping what this returned, gives the same store. Closing it closes the store beneath.
 */
export function remembering(store: Store, options: RememberingOptions = {}): Store {
  checkOptions('remembering', options, ['timeout'])
  const { timeout = defaultTimeout } = options
  const inner = beneath(store)
  const known = wrapped.get(inner) ?? new RememberingStore(inner)
  wrapped.set(inner, known)
  known.timeout = Math.max(known.timeout, milliseconds(timeout, 'remembering: timeout'))
  return known
}

/** The store beneath one that remembers; any other store itself. */
export function beneath(store: Store): Store {
  return store instanceof RememberingStore ? store.inner : store
}

/** Closes the store, and ends the replay of what is owed to it. */
export async function closeWithMemory(store: Store, call: Call): Promise<void> {
  await (wrapped.get(store) ?? store).close(call)
}

class RememberingStore implements Store {
  readonly inner: Store
  declare readonly serializer?: Serializer
  declare readonly epochNow?: () => number
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
    this.inner = inner
    if (inner.serializer !== undefined) this.serializer = inner.serializer
    if (inner.epochNow !== undefined) this.epochNow = inner.epochNow
    inner.listen(event => this.#hear(event))
  }

  get driver(): string {
    return this.inner.driver
  }

  get servers(): readonly string[] {
    return this.inner.servers
  }

  get limits(): Limits {
    return this.inner.limits
  }

  get client(): unknown {
    return this.inner.client
  }

  space(path: readonly string[], format: Format): Space {
    const inner = this.inner.space(path, format)
    return new RememberingSpace(inner, this.#ledger, prefixOf(path), server => {
      this.#spaces.set(prefixOf(path), inner)
      if (this.#isClosed) return
      this.#replayOf(server).wake()
      if (this.#ledger.overflowed(prefixOf(path))) this.#clears.wake()
    })
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.inner.listen(listener)
  }

  ping(call: Call): Answer<void> {
    return this.inner.ping(call)
  }

  async flush(call: Call): Promise<void> {
    const since = this.#ledger.version
    await this.inner.flush(call)
    this.#ledger.clear('', since)
  }

  serverStats(section: string | undefined, call: Call): Answer<readonly ServerStats[]> {
    return this.inner.serverStats(section, call)
  }

  async close(call: Call): Promise<void> {
    this.#stop()
    await this.inner.close(call)
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
