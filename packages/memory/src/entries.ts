import { randomBytes } from 'node:crypto'
import type { Item, StoreEvent } from '@anycache/core'
import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.js'
import { Entry } from './entry.js'
import type { Bounds } from './options.js'

/**
 * What an entry costs on top of its key and payload: the object, its place in the map and in the LRU list. Seen on Node 20, x64, with
 * 200 000 entries: 142 bytes without a ttl, 157 with one, and 24 in lru-cache's arrays; rounded up.
 */
export const entryOverhead = 190

/** All entries of a store under their wire keys: one LRU for every namespace, bounded as a whole. */
export class Entries {
  readonly lru: LRUCache<string, Entry>
  evictions = 0
  readonly #clock: Clock
  readonly #maxBytes: number | undefined
  readonly #report: (event: StoreEvent) => void
  readonly #id = randomBytes(9).toString('base64url')
  readonly #evicted: string[] = []
  #version = 0

  constructor(bounds: Bounds, clock: Clock, report: (event: StoreEvent) => void) {
    this.#clock = clock
    this.#maxBytes = bounds.maxBytes
    this.#report = report
    this.lru = new LRUCache<string, Entry>({
      // Expiry is the entry's own: lru-cache's ttl takes a clock that reads 0 for "no ttl" and costs an object at every write.
      max: bounds.maxEntries ?? 0,
      maxSize: bounds.maxBytes ?? 0,
      noDisposeOnSet: true,
      dispose: (entry, key, reason) => {
        if (reason !== 'evict' || this.#isExpired(entry)) return
        this.evictions++
        this.#evicted.push(key)
      },
    })
  }

  /** The living entry under a wire key. What has expired is dropped on the way. */
  live(key: string): Entry | undefined {
    const entry = this.lru.get(key)
    if (entry === undefined || !this.#isExpired(entry)) return entry
    this.lru.delete(key)
    return undefined
  }

  /** The same, where looking is not a use of the entry. */
  peek(key: string): Entry | undefined {
    const entry = this.lru.peek(key)
    return entry === undefined || this.#isExpired(entry) ? undefined : entry
  }

  /** Holds an item until `expiresAt`. Undefined: it is over the bound by itself, and nothing changed. */
  put(key: string, item: Item, expiresAt: number): Entry | undefined {
    const entry = new Entry(item, expiresAt, this.#id, ++this.#version)
    if (this.#maxBytes === undefined) {
      this.lru.set(key, entry)
    } else {
      const size = sizeOf(key, item)
      if (size > this.#maxBytes) return undefined
      this.lru.set(key, entry, { size })
    }
    if (this.#evicted.length > 0) this.#reportEvicted()
    return entry
  }

  /** When an entry that is written now with this ttl expires. */
  expiryOf(ttl: number): number {
    return ttl === Number.POSITIVE_INFINITY ? ttl : this.#clock.now() + ttl
  }

  #isExpired(entry: Entry): boolean {
    return entry.expiresAt !== Number.POSITIVE_INFINITY && entry.expiresAt <= this.#clock.now()
  }

  #reportEvicted(): void {
    // Only now: a listener may write, and the LRU list is whole again.
    for (const key of this.#evicted.splice(0)) this.#report({ type: 'evict', key })
  }
}

/** UTF-8 bytes of key and text, as a server would count them, metadata, and the overhead of an entry. */
function sizeOf(key: string, { data, metadata }: Item): number {
  const payload = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
  return entryOverhead + Buffer.byteLength(key) + payload + (metadata?.byteLength ?? 0)
}
