import {
  type CasToken,
  type Claimed,
  type Condition,
  type Counted,
  type Item,
  patternOf,
  prefixOf,
  type Space,
  type StoredItem,
  type Touched,
  ValueTooLargeError,
  type Write,
  type Written,
} from '@anycache/core'
import { countsAsAbsent, type Format } from '@anycache/serializer'
import type { Entries } from './entries.js'
import type { Entry } from './entry.js'

// Names and the colon that ends them: a bare key may hold a slash as well.
const nestedForm = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*:/
const counterForm = /^(?:0|[1-9]\d{0,15})$/
const stored: Written = { outcome: 'stored' }
const exists: Written = { outcome: 'exists' }
const missing: Written = { outcome: 'missing' }
const conflict: Written = { outcome: 'conflict' }
const tooLarge: Written = { outcome: 'too-large' }

/** One namespace over the entries of its store. Every verb answers at once, so calls take effect in call order. */
export class MemorySpace implements Space {
  readonly #entries: Entries
  readonly #path: readonly string[]
  readonly #prefix: string
  readonly #format: Format
  readonly #epochNow: () => number

  /** `epochNow`: the clock of soft deadlines. */
  constructor(entries: Entries, path: readonly string[], format: Format, epochNow: () => number) {
    this.#entries = entries
    this.#epochNow = epochNow
    this.#format = format
    this.#path = [...path]
    this.#prefix = prefixOf(path)
  }

  get(key: string): StoredItem | undefined {
    return this.#entries.live(this.#prefix + key)
  }

  getMany(keys: readonly string[]): (StoredItem | undefined)[] {
    return keys.map(key => this.#entries.live(this.#prefix + key))
  }

  write({ key, item, ttl, when }: Write): Written {
    const wireKey = this.#prefix + key
    const refusal = when === 'always' ? undefined : this.#refusal(when, this.#entries.live(wireKey))
    if (refusal !== undefined) return refusal
    const entry = this.#entries.put(wireKey, item, this.#entries.expiryOf(ttl))
    if (entry !== undefined) return typeof when === 'string' ? stored : { outcome: 'stored', casToken: entry.casToken }
    if (when === 'always') this.#entries.lru.delete(wireKey)
    return tooLarge
  }

  writeMany(writes: readonly Write[]): Written[] {
    return writes.map(write => this.write(write))
  }

  claim(key: string, lease: Item, ttl: number): Claimed {
    const wireKey = this.#prefix + key
    const found = this.#entries.live(wireKey)
    if (found !== undefined) return { found }
    const entry = this.#entries.put(wireKey, lease, this.#entries.expiryOf(ttl))
    if (entry !== undefined) return { won: entry.casToken }
    throw new ValueTooLargeError('the lease and its key are larger than maxBytes; open the store with a larger one')
  }

  remove(key: string, only: CasToken | undefined): boolean {
    const wireKey = this.#prefix + key
    const entry = this.#entries.peek(wireKey)
    if (only !== undefined && entry?.casToken !== only) return false
    this.#entries.lru.delete(wireKey)
    return only !== undefined || this.#isPresent(entry)
  }

  removeMany(keys: readonly string[]): boolean[] {
    return keys.map(key => this.remove(key, undefined))
  }

  take(key: string): Item | undefined {
    const wireKey = this.#prefix + key
    const entry = this.#entries.peek(wireKey)
    this.#entries.lru.delete(wireKey)
    return entry
  }

  touch(key: string, ttl: number): Touched {
    const entry = this.#entries.live(this.#prefix + key)
    if (!this.#isPresent(entry)) return 'missing'
    if (entry.metadata !== undefined) return 'has-metadata'
    entry.expiresAt = this.#entries.expiryOf(ttl)
    return 'touched'
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined): Counted {
    const wireKey = this.#prefix + key
    const entry = this.#entries.live(wireKey)
    if (!this.#isPresent(entry)) {
      if (create === undefined) return { refused: 'missing' }
      if (create.value > Number.MAX_SAFE_INTEGER) return { refused: 'out-of-range' }
      return this.#countTo(wireKey, create.value, this.#entries.expiryOf(create.ttl))
    }
    const current = this.#counterIn(entry)
    if (current === undefined) return { refused: 'not-a-counter' }
    if (current + by > Number.MAX_SAFE_INTEGER) return { refused: 'out-of-range' }
    return this.#countTo(wireKey, Math.max(0, current + by), entry.expiresAt)
  }

  #countTo(wireKey: string, value: number, expiresAt: number): Counted {
    const item = { flags: this.#format.counterFlags[0], data: String(value) }
    if (this.#entries.put(wireKey, item, expiresAt) !== undefined) return { value }
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
      // Looked at only now: the caller may be slow, and the entry gone by then.
      if (this.#isPresent(this.#entries.peek(this.#prefix + key))) yield key
    }
  }

  wireKey(key: string): string {
    return this.#prefix + key
  }

  serverOf(): string {
    return 'memory'
  }

  /** Why a write may not take effect, or undefined. */
  #refusal(when: Exclude<Condition, 'always'>, found: Entry | undefined): Written | undefined {
    if (when === 'absent') return this.#isPresent(found) ? exists : undefined
    if (when === 'present') return this.#isPresent(found) ? undefined : missing
    if (found === undefined) return missing
    return found.casToken === when.casToken ? undefined : conflict
  }

  #isPresent(found: Entry | undefined): found is Entry {
    return found !== undefined && !(this.#format.metadata && countsAsAbsent(found, this.#epochNow()))
  }

  /** The count an entry holds: canonical digits as whole numbers are written, or undefined. */
  #counterIn({ flags, data }: Entry): number | undefined {
    if (!this.#format.counterFlags.includes(flags)) return undefined
    const text = typeof data === 'string' ? data : Buffer.from(data).toString('latin1')
    if (!counterForm.test(text)) return undefined
    const count = Number(text)
    return count <= Number.MAX_SAFE_INTEGER ? count : undefined
  }
}
