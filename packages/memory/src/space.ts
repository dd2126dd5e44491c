import {
  type CasToken,
  type Counted,
  type Item,
  patternOf,
  prefixOf,
  type Space,
  type StoredItem,
  ValueTooLargeError,
  type Write,
  type Written,
} from '@anycache/core'
import type { Entries } from './entries.js'
import type { Entry } from './entry.js'

// Names and the colon that ends them: a bare key may hold a slash as well.
const nestedForm = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*:/
const counterForm = /^(?:0|[1-9]\d{0,15})$/

/** One namespace over the entries of its store. Every verb answers at once, so calls take effect in call order. */
export class MemorySpace implements Space {
  readonly #entries: Entries
  readonly #path: readonly string[]
  readonly #prefix: string

  constructor(entries: Entries, path: readonly string[]) {
    this.#entries = entries
    this.#path = [...path]
    this.#prefix = prefixOf(path)
  }

  get(key: string): StoredItem | undefined {
    return this.#entries.live(this.#prefix + key)
  }

  getMany(keys: readonly string[]): (StoredItem | undefined)[] {
    return keys.map(key => this.#entries.live(this.#prefix + key))
  }

  write(write: Write): Written {
    return this.#entries.write(this.#prefix + write.key, write.item, write.ttl, write.when)
  }

  writeMany(writes: readonly Write[]): Written[] {
    return writes.map(write => this.write(write))
  }

  remove(key: string, only: CasToken | undefined): boolean {
    const wireKey = this.#prefix + key
    if (only !== undefined && this.#entries.live(wireKey)?.casToken !== only) return false
    return this.#entries.remove(wireKey)
  }

  removeMany(keys: readonly string[]): boolean[] {
    return keys.map(key => this.#entries.remove(this.#prefix + key))
  }

  take(key: string): Item | undefined {
    const wireKey = this.#prefix + key
    const entry = this.#entries.live(wireKey)
    if (entry !== undefined) this.#entries.remove(wireKey)
    return entry
  }

  touch(key: string, ttl: number): boolean {
    const entry = this.#entries.live(this.#prefix + key)
    if (entry === undefined) return false
    entry.expiresAt = this.#entries.expiryOf(ttl)
    return true
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined): Counted {
    const wireKey = this.#prefix + key
    const entry = this.#entries.live(wireKey)
    if (entry === undefined) {
      if (create === undefined) return { refused: 'missing' }
      if (create.value > Number.MAX_SAFE_INTEGER) return { refused: 'out-of-range' }
      return this.#countTo(wireKey, create.value, this.#entries.expiryOf(create.ttl))
    }
    const current = counterOf(entry)
    if (current === undefined) return { refused: 'not-a-counter' }
    if (current + by > Number.MAX_SAFE_INTEGER) return { refused: 'out-of-range' }
    return this.#countTo(wireKey, Math.max(0, current + by), entry.expiresAt)
  }

  #countTo(wireKey: string, value: number, expiresAt: number): Counted {
    if (this.#entries.put(wireKey, 2, String(value), expiresAt)) return { value }
    throw new ValueTooLargeError('the counter and its key are larger than maxBytes; open the store with a larger one')
  }

  clear(): void {
    const { lru } = this.#entries
    if (this.#prefix === '') {
      lru.clear()
      return
    }
    const nested = `${this.#path.join('/')}/`
    for (const wireKey of [...lru.keys()]) {
      const isOwn = wireKey.startsWith(this.#prefix)
      if (isOwn || (wireKey.startsWith(nested) && nestedForm.test(wireKey.slice(nested.length)))) lru.delete(wireKey)
    }
  }

  async *keys(pattern: string): AsyncIterable<string> {
    const matches = patternOf(pattern)
    const found: string[] = []
    for (const wireKey of this.#entries.lru.keys()) {
      if (!wireKey.startsWith(this.#prefix)) continue
      const key = wireKey.slice(this.#prefix.length)
      if (matches.test(key)) found.push(key)
    }
    for (const key of found) {
      // Looked at anew: the caller may be slow, and the entry gone by now.
      if (this.#entries.isLive(this.#prefix + key)) yield key
    }
  }

  wireKey(key: string): string {
    return this.#prefix + key
  }

  serverOf(): string {
    return 'memory'
  }
}

/** The count an entry holds: canonical digits as whole numbers are written, or undefined. */
function counterOf(entry: Entry): number | undefined {
  if (entry.flags !== 2 && entry.flags !== 0) return undefined
  const text = typeof entry.data === 'string' ? entry.data : Buffer.from(entry.data).toString('latin1')
  if (!counterForm.test(text)) return undefined
  const count = Number(text)
  return count <= Number.MAX_SAFE_INTEGER ? count : undefined
}
