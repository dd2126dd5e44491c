import { randomBytes } from 'node:crypto'
import type { Condition, Item, StoreEvent, Written } from '@anycache/core'
import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.js'
import { Entry } from './entry.js'
import type { Bounds } from './options.js'

/**
 * What an entry costs beside its key and payload: the object, its place in the map and in the LRU list. Seen on Node 20, x64, with
 * 200 000 entries: 134 bytes without a ttl, 149 with one, and 24 in lru-cache's arrays; rounded up.
 */
export const entryOverhead = 180

const stored: Written = { outcome: 'stored' }
const exists: Written = { outcome: 'exists' }
const missing: Written = { outcome: 'missing' }
const conflict: Written = { outcome: 'conflict' }
const tooLarge: Written = { outcome: 'too-large' }

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

  /** Whether the key holds a living entry. Not a use of it. */
  isLive(key: string): boolean {
    const entry = this.lru.peek(key)
    return entry !== undefined && !this.#isExpired(entry)
  }

  write(key: string, item: Item, ttl: number, when: Condition): Written {
    if (when !== 'always') {
      const current = this.live(key)
      if (when === 'absent') {
        if (current !== undefined) return exists
      } else if (current === undefined) {
        return missing
      } else if (when !== 'present' && when.casToken !== current.casToken) {
        return conflict
      }
    }
    const { flags, data } = item
    if (this.put(key, flags, typeof data === 'string' ? data : owned(data), this.expiryOf(ttl))) return stored
    if (when === 'always') this.lru.delete(key)
    return tooLarge
  }

  /** Holds a payload until `expiresAt`. False: it is over the bound by itself, and nothing changed. */
  put(key: string, flags: number, data: Uint8Array | string, expiresAt: number): boolean {
    const entry = new Entry(flags, data, expiresAt, this.#id, ++this.#version)
    if (this.#maxBytes === undefined) {
      this.lru.set(key, entry)
    } else {
      const size = sizeOf(key, data)
      if (size > this.#maxBytes) return false
      this.lru.set(key, entry, { size })
    }
    if (this.#evicted.length > 0) this.#tellEvicted()
    return true
  }

  remove(key: string): boolean {
    const isLive = this.isLive(key)
    this.lru.delete(key)
    return isLive
  }

  /** When an entry that is written now with this ttl expires. */
  expiryOf(ttl: number): number {
    return ttl === Number.POSITIVE_INFINITY ? ttl : this.#clock.now() + ttl
  }

  #isExpired(entry: Entry): boolean {
    return entry.expiresAt !== Number.POSITIVE_INFINITY && entry.expiresAt <= this.#clock.now()
  }

  #tellEvicted(): void {
    // Only now: a listener may write, and the LRU list is whole again.
    for (const key of this.#evicted.splice(0)) this.#report({ type: 'evict', key })
  }
}

/** UTF-8 bytes of key and text, as a server would count them, and what the entry costs beside. */
function sizeOf(key: string, data: Uint8Array | string): number {
  const payload = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
  return entryOverhead + Buffer.byteLength(key) + payload
}

/** The bytes without the rest of a larger buffer: a slice of Node's pool would hold all of it in memory, uncounted. */
function owned(data: Uint8Array): Uint8Array {
  return data.byteLength * 2 < data.buffer?.byteLength ? new Uint8Array(data) : data
}
