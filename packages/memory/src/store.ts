import {
  epochNow,
  type Limits,
  Listeners,
  now,
  type ServerStats,
  type Space,
  type Store,
  type StoreEvent,
} from '@anycache/core'
import type { Format, Serializer } from '@anycache/serializer'
import type { LRUCache } from 'lru-cache'
import type { Clock } from './clock.js'
import { Entries, entryOverhead } from './entries.js'
import type { Entry } from './entry.js'
import { type MemoryOptions, resolveMemoryOptions } from './options.js'
import { referenceSerializer } from './reference-serializer.js'
import { MemorySpace } from './space.js'

/** Ms since 1970 by a clock of its own; `undefined` for the process' clock. */
function epochOf(clock: Clock): (() => number) | undefined {
  if (clock.now === now) return undefined
  const offset = epochNow() - clock.now()
  return () => clock.now() + offset
}

/** Entries in this process, in one least-recently-used order for all namespaces. Lost when the process ends. */
export class MemoryStore implements Store {
  readonly driver = 'memory'
  readonly servers: readonly string[] = []
  readonly limits: Limits
  /** Present with `isolation: 'reference'`. */
  declare readonly serializer?: Serializer
  /** Present with a `clock`: moves as it does. */
  declare readonly epochNow?: () => number
  readonly #entries: Entries
  readonly #now: () => number
  readonly #listeners = new Listeners()

  /** Throws `InvalidArgumentError` for options that cannot be used. */
  constructor(options: MemoryOptions = {}) {
    const resolved = resolveMemoryOptions(options)
    this.#entries = new Entries(resolved, resolved.clock, this.#listeners.report)
    this.#now = epochOf(resolved.clock) ?? epochNow
    if (this.#now !== epochNow) this.epochNow = this.#now
    if (resolved.isolation === 'reference') this.serializer = referenceSerializer
    this.limits = {
      maxItemBytes: resolved.maxBytes === undefined ? Number.POSITIVE_INFINITY : resolved.maxBytes - entryOverhead,
      ttlGranularity: 1,
      ttlLag: 50,
      cas: true,
      keys: true,
      clear: true,
      remote: false,
      shared: false,
    }
  }

  /** The lru-cache beneath, its keys as `keyFor` shows them, its values as encoded. */
  get client(): LRUCache<string, Entry> {
    return this.#entries.lru
  }

  space(path: readonly string[], format: Format): Space {
    return new MemorySpace(this.#entries, path, format, this.#now)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.#listeners.add(listener)
  }

  ping(): void {}

  flush(): void {
    this.#entries.lru.clear()
  }

  /** `entries` and `bytes` include what has expired and was not asked for since. A `section` names nothing here: no figures. */
  serverStats(section?: string): ServerStats[] {
    if (section !== undefined) return [{ server: 'memory', stats: {} }]
    const { lru, evictions } = this.#entries
    const stats: Record<string, number> = { entries: lru.size, evictions }
    if (lru.max > 0) stats.maxEntries = lru.max
    if (lru.maxSize > 0) {
      stats.bytes = lru.calculatedSize
      stats.maxBytes = lru.maxSize
    }
    return [{ server: 'memory', stats }]
  }

  /** Lets go of every entry. */
  close(): void {
    this.#entries.lru.clear()
  }
}
