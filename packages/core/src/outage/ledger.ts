import { now } from '../timers.js'

/** How long an undone delete is remembered, in ms. */
const lifetime = 5 * 60_000
/** Keys remembered per namespace; past it the whole namespace reads as misses until it was cleared. */
const capacity = 100_000

/** The delete of one key that a server has not done. A newer failure on the same key is another one of these. */
export interface OwedDelete {
  readonly prefix: string
  readonly key: string
  /** What the key's server was chosen by, where that was not the key. */
  readonly route: string | undefined
  readonly server: string
  readonly until: number
  readonly version: number
  /** Writes of the key under way: a replayed delete could overtake them. Shared with the one that replaces this. */
  readonly superseding: { count: number }
}

/** The owed deletes of one namespace. */
interface Page {
  readonly keys: Map<string, OwedDelete>
  /** Set when there were more keys than the page holds: the newest of them. */
  overflow: OwedDelete | undefined
  /** Keys that were written or deleted since the page overflowed, so that nothing old lies under them. */
  readonly settled: Set<string>
  /** The newest failure noted here. */
  version: number
}

/** The keys whose delete is owed to a server: by namespace prefix for reads, by server for the replay. */
export class Ledger {
  readonly #pages = new Map<string, Page>()
  /** The oldest first. */
  readonly #byServer = new Map<string, Set<OwedDelete>>()
  #version = 0
  /** Writes under way whose failure would be remembered. */
  uncertain = 0

  /** Namespaces with an owed delete. Nearly always zero, and then no other check is needed. */
  get size(): number {
    return this.#pages.size
  }

  /** No delete is owed and no write is under way that could make one owed, so reads can skip the check. */
  get calm(): boolean {
    return this.#pages.size === 0 && this.uncertain === 0
  }

  /** Whether more deletes are owed in the namespace than are remembered key by key. */
  overflowed(prefix: string): boolean {
    return this.#pages.get(prefix)?.overflow !== undefined
  }

  has(prefix: string): boolean {
    return this.#pages.has(prefix)
  }

  owes(prefix: string, key: string): boolean {
    const page = this.#pages.get(prefix)
    if (page === undefined) return false
    if (page.overflow !== undefined && page.overflow.until > now()) return !page.settled.has(key)
    const owed = page.keys.get(key)
    return owed !== undefined && owed.until > now()
  }

  /** Owed, and no write is under way that would replace the old value. */
  hides(prefix: string, key: string): boolean {
    return this.owes(prefix, key) && !this.#pages.get(prefix)?.keys.get(key)?.superseding.count
  }

  /** Takes the same time however many deletes are owed already. */
  remember({ prefix, key, route, server }: Pick<OwedDelete, 'prefix' | 'key' | 'route' | 'server'>): void {
    this.#dropExpired(server)
    let page = this.#pages.get(prefix)
    if (page === undefined) {
      page = { keys: new Map(), overflow: undefined, settled: new Set(), version: 0 }
      this.#pages.set(prefix, page)
    }
    const known = page.keys.get(key)
    const superseding = known?.superseding ?? { count: 0 }
    page.version = ++this.#version
    const owed: OwedDelete = { prefix, key, route, server, until: now() + lifetime, version: page.version, superseding }
    if (page.overflow !== undefined || (known === undefined && page.keys.size >= capacity)) {
      for (const other of page.keys.values()) this.#leaveQueue(other)
      page.keys.clear()
      page.settled.delete(key)
      page.overflow = owed
      return
    }
    if (known !== undefined) this.#leaveQueue(known)
    page.keys.set(key, owed)
    const queue = this.#byServer.get(server)
    if (queue === undefined) this.#byServer.set(server, new Set([owed]))
    else queue.add(owed)
  }

  /** A write of a remembered key is being sent. Returns what to call when it settled; `done`: the old value is gone. */
  supersede(prefix: string, key: string): (done: boolean) => void {
    const page = this.#pages.get(prefix)
    if (page?.overflow !== undefined) {
      const { version } = page
      return done => {
        // A failure that was noted meanwhile may be one of this key.
        if (done && page.version === version && page.settled.size < capacity) page.settled.add(key)
      }
    }
    const owed = page?.keys.get(key)
    if (owed === undefined) return () => {}
    owed.superseding.count++
    return done => {
      owed.superseding.count--
      if (done) this.forget(owed)
    }
  }

  forget(owed: OwedDelete): void {
    const page = this.#pages.get(owed.prefix)
    if (page?.keys.get(owed.key) !== owed) return
    page.keys.delete(owed.key)
    this.#leaveQueue(owed)
    this.#dropEmpty(owed.prefix, page)
  }

  owesTo(server: string): boolean {
    return this.#byServer.has(server)
  }

  /** What is owed to the server and can be sent now without overtaking a write: at most `most`, the oldest first. */
  due(server: string, most: number): OwedDelete[] {
    this.#dropExpired(server)
    const due: OwedDelete[] = []
    let looked = 0
    for (const owed of this.#byServer.get(server) ?? []) {
      if (owed.superseding.count === 0) due.push(owed)
      // Keys that are being overwritten settle by themselves; the scan is bounded, and the rest gets its turn next time.
      if (due.length === most || ++looked === 2 * most + 100) break
    }
    return due
  }

  /** Moves a delete that failed behind the others. */
  postpone(owed: OwedDelete): void {
    const queue = this.#byServer.get(owed.server)
    if (queue?.delete(owed)) queue.add(owed)
  }

  /** The namespaces that can only be cleared as a whole, with the key that was noted last. */
  overflows(): OwedDelete[] {
    const overflows: OwedDelete[] = []
    for (const [prefix, page] of this.#pages) {
      if (page.overflow === undefined) continue
      if (page.overflow.until > now()) overflows.push(page.overflow)
      else {
        this.#endOverflow(page)
        this.#dropEmpty(prefix, page)
      }
    }
    return overflows
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
      if (page.version <= since) this.#endOverflow(page)
      for (const owed of page.keys.values()) if (owed.version <= since) this.forget(owed)
      this.#dropEmpty(other, page)
    }
  }

  /** Drops deletes that are too old, a few at each call: more than are added. */
  #dropExpired(server: string): void {
    let left = 4
    for (const owed of this.#byServer.get(server) ?? []) {
      if (left-- === 0 || owed.until > now()) return
      this.forget(owed)
    }
  }

  #leaveQueue(owed: OwedDelete): void {
    const queue = this.#byServer.get(owed.server)
    if (queue?.delete(owed) && queue.size === 0) this.#byServer.delete(owed.server)
  }

  #endOverflow(page: Page): void {
    page.overflow = undefined
    page.settled.clear()
  }

  #dropEmpty(prefix: string, page: Page): void {
    if (page.keys.size === 0 && page.overflow === undefined) this.#pages.delete(prefix)
  }
}
