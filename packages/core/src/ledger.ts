import { now } from './timers.js'

/** How long an undone delete is remembered, in ms. */
const lifetime = 5 * 60_000
/** Keys remembered per namespace; past it the whole namespace reads as misses until it was cleared. */
const capacity = 100_000

interface Entry {
  until: number
  /** A newer failure on the same key is another entry to whoever replays the older one. */
  readonly version: number
  /** Writes of the key under way: a replayed delete could overtake them. Shared with the entry that replaces this one. */
  readonly superseding: { count: number }
}

interface Page {
  readonly keys: Map<string, Entry>
  /** Set when there were more keys than the page holds. */
  overflowUntil: number | undefined
  /** The newest failure noted here. */
  version: number
}

/** The keys whose delete is owed to a server, by namespace prefix. */
export class Ledger {
  readonly #pages = new Map<string, Page>()
  #version = 0
  /** Writes under way whose failure would be remembered. */
  uncertain = 0

  /** Namespaces that owe anything. Zero nearly always, and then nobody looks further. */
  get size(): number {
    return this.#pages.size
  }

  /** Nothing is owed and nothing may come to be: reads need no second look. */
  get calm(): boolean {
    return this.#pages.size === 0 && this.uncertain === 0
  }

  prefixes(): string[] {
    return [...this.#pages.keys()]
  }

  has(prefix: string): boolean {
    return this.#pages.has(prefix)
  }

  owes(prefix: string, key: string): boolean {
    const page = this.#pages.get(prefix)
    if (page === undefined) return false
    if (page.overflowUntil !== undefined && page.overflowUntil > now()) return true
    const entry = page.keys.get(key)
    return entry !== undefined && entry.until > now()
  }

  /** Owed, and no write is under way that leaves nothing of the old value. */
  hides(prefix: string, key: string): boolean {
    return this.owes(prefix, key) && !this.#pages.get(prefix)?.keys.get(key)?.superseding.count
  }

  overflowed(prefix: string): boolean {
    return this.#pages.get(prefix)?.overflowUntil !== undefined
  }

  remember(prefix: string, key: string): void {
    let page = this.#pages.get(prefix)
    if (page === undefined) {
      page = { keys: new Map(), overflowUntil: undefined, version: 0 }
      this.#pages.set(prefix, page)
    }
    const until = now() + lifetime
    const version = ++this.#version
    page.version = version
    const superseding = page.keys.get(key)?.superseding ?? { count: 0 }
    if (page.overflowUntil !== undefined || (page.keys.size >= capacity && !page.keys.has(key))) {
      page.overflowUntil = until
      page.keys.clear()
      return
    }
    page.keys.set(key, { until, version, superseding })
  }

  /** A write of a remembered key is being sent. Returns what to call when it settled; `done`: the old value is gone. */
  supersede(prefix: string, key: string): (done: boolean) => void {
    const entry = this.#pages.get(prefix)?.keys.get(key)
    if (entry === undefined) return () => {}
    entry.superseding.count++
    return done => {
      entry.superseding.count--
      if (done) this.forget(prefix, key, entry.version)
    }
  }

  forget(prefix: string, key: string, version: number): void {
    const page = this.#pages.get(prefix)
    if (page?.keys.get(key)?.version !== version) return
    page.keys.delete(key)
    this.#dropEmpty(prefix, page)
  }

  /** The keys owed, with the version that {@link Ledger.forget} wants. */
  entries(prefix: string): [key: string, version: number][] {
    const page = this.#pages.get(prefix)
    return page === undefined ? [] : [...page.keys].map(([key, { version }]) => [key, version])
  }

  /** Whether that failure is still owed, and a delete sent now overtakes nobody's write. */
  isReplayable(prefix: string, key: string, version: number): boolean {
    const entry = this.#pages.get(prefix)?.keys.get(key)
    return entry?.version === version && entry.superseding.count === 0 && entry.until > now()
  }

  /** The moment from which {@link Ledger.clear} counts: what fails later stays owed. */
  get version(): number {
    return this.#version
  }

  /** The namespace and those nested in it were cleared by a call made at `since`. The empty prefix: everything was. */
  clear(prefix: string, since: number): void {
    const nested = prefix === '' ? '' : `${prefix.slice(0, -1)}/`
    for (const [other, page] of this.#pages) {
      if (other !== prefix && !other.startsWith(nested)) continue
      if (page.overflowUntil !== undefined && page.version <= since) page.overflowUntil = undefined
      for (const [key, { version }] of page.keys) if (version <= since) page.keys.delete(key)
      this.#dropEmpty(other, page)
    }
  }

  /** Drops what is too old to be owed. */
  expire(): void {
    const moment = now()
    for (const [prefix, page] of this.#pages) {
      if (page.overflowUntil !== undefined && page.overflowUntil <= moment) page.overflowUntil = undefined
      for (const [key, entry] of page.keys) if (entry.until <= moment) page.keys.delete(key)
      this.#dropEmpty(prefix, page)
    }
  }

  #dropEmpty(prefix: string, page: Page): void {
    if (page.keys.size === 0 && page.overflowUntil === undefined) this.#pages.delete(prefix)
  }
}
