/** How long an undone delete is remembered, in ms. */
const lifetime = 5 * 60_000
/** Keys remembered per namespace; past it the whole namespace reads as misses until it was cleared. */
const capacity = 100_000

interface Entry {
  until: number
  /** A newer failure on the same key is another entry to whoever replays the older one. */
  readonly version: number
  /** Writes of the key under way: a replayed delete could overtake them. */
  superseding: number
}

interface Page {
  readonly keys: Map<string, Entry>
  /** Set when there were more keys than the page holds. */
  overflowUntil: number | undefined
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
    if (page.overflowUntil !== undefined && page.overflowUntil > performance.now()) return true
    const entry = page.keys.get(key)
    return entry !== undefined && entry.until > performance.now()
  }

  /** Owed, and no write is under way that leaves nothing of the old value. */
  hides(prefix: string, key: string): boolean {
    return this.owes(prefix, key) && !this.#pages.get(prefix)?.keys.get(key)?.superseding
  }

  overflowed(prefix: string): boolean {
    return this.#pages.get(prefix)?.overflowUntil !== undefined
  }

  remember(prefix: string, key: string): void {
    let page = this.#pages.get(prefix)
    if (page === undefined) {
      page = { keys: new Map(), overflowUntil: undefined }
      this.#pages.set(prefix, page)
    }
    const until = performance.now() + lifetime
    const superseding = page.keys.get(key)?.superseding ?? 0
    if (page.overflowUntil !== undefined || (page.keys.size >= capacity && !page.keys.has(key))) {
      page.overflowUntil = until
      page.keys.clear()
      return
    }
    page.keys.set(key, { until, version: ++this.#version, superseding })
  }

  /** A write of a remembered key is being sent. Returns what to call when it settled; `done`: the old value is gone. */
  supersede(prefix: string, key: string): (done: boolean) => void {
    const entry = this.#pages.get(prefix)?.keys.get(key)
    if (entry === undefined) return () => {}
    entry.superseding++
    return done => {
      const now = this.#pages.get(prefix)?.keys.get(key)
      entry.superseding--
      if (now !== undefined && now !== entry) now.superseding--
      if (done) this.forget(prefix, key, entry.version)
    }
  }

  forget(prefix: string, key: string, version: number): void {
    const page = this.#pages.get(prefix)
    if (page?.keys.get(key)?.version !== version) return
    page.keys.delete(key)
    this.#dropEmpty(prefix, page)
  }

  /** The keys to delete now, with the version that {@link Ledger.forget} wants. */
  replayable(prefix: string): [key: string, version: number][] {
    const page = this.#pages.get(prefix)
    if (page === undefined) return []
    const now = performance.now()
    return [...page.keys]
      .filter(([, entry]) => entry.superseding === 0 && entry.until > now)
      .map(([key, { version }]) => [key, version])
  }

  /** The namespace and those nested in it were cleared. The empty prefix: everything was. */
  clear(prefix: string): void {
    if (prefix === '') this.#pages.clear()
    const nested = `${prefix.slice(0, -1)}/`
    for (const other of this.#pages.keys()) if (other === prefix || other.startsWith(nested)) this.#pages.delete(other)
  }

  /** Drops what is too old to be owed. */
  expire(): void {
    const now = performance.now()
    for (const [prefix, page] of this.#pages) {
      if (page.overflowUntil !== undefined && page.overflowUntil <= now) page.overflowUntil = undefined
      for (const [key, entry] of page.keys) if (entry.until <= now) page.keys.delete(key)
      this.#dropEmpty(prefix, page)
    }
  }

  #dropEmpty(prefix: string, page: Page): void {
    if (page.keys.size === 0 && page.overflowUntil === undefined) this.#pages.delete(prefix)
  }
}
