import type { TagVersions } from '../entries/tags.js'
import { Miss } from '../entries/verdict.js'
import { isOutage } from '../errors.js'
import { Lease, leaseMark } from '../lease/lease.js'
import { holderOf, leaseMs } from '../lease/placeholder.js'
import type { LoadOptions } from '../options.js'
import { Backoff } from '../server/backoff.js'
import { type Call, type CasToken, type Item, owed, type Space, type StoredItem, type Written } from '../store.js'
import { now, setTimeout } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import { readItem } from '../verbs/reading.js'
import { sendWrite } from '../verbs/writing.js'
import type { Run } from './run.js'

/** The first wait for another process' load, in ms; each next one is longer, up to the longest. */
const firstPause = 8
const longestPause = 200
const growth = 1.5
/** How often the key may change hands before the load gives up its claim to store its result. */
const maxRounds = 16

/** The runs whose results the leases of this process wait for, by holder. */
const holders = new Map<string, Run>()

/** What came of asking for the key: the load may begin, or another process' value is there, or nothing that is loaded may be stored any more. */
export type Acquired<T> = 'load' | 'abandoned' | { readonly item: StoredItem; readonly value: T }
/** Another process loads it. `entry`: what is to be replaced, and the lease is under a key next to it. */
type Busy = { readonly busy: StoredItem; readonly entry?: StoredItem | undefined }

/** What a fence is for. */
export interface Guarded {
  readonly namespace: Namespace
  readonly op: string
  readonly key: string
  readonly options: LoadOptions<never> | undefined
  readonly leaseMs: number
  /** The loader is to run whatever is there. */
  readonly isForced: boolean
  /** Tags of the call. */
  readonly tags: readonly string[]
  readonly run: Run
  /** Whether the load still has a purpose. */
  readonly isWanted: () => boolean
  /** Whether to wait while another process loads the key. */
  readonly waits: () => boolean
  /** The key was changed by somebody else: the result of the load will not be stored. */
  readonly onLost: () => void
}

/**
 * Keeps the result of a load from undoing what another process does to the key meanwhile, and other processes from loading it, too.
 *
 * Where nothing can be read under the key, a lease is put there, and the result is written over that very lease: a delete, set or clear removes or
 * replaces it, and the write fails. Where an entry is to be replaced, the result is written over that very entry; a lease under a key
 * next to it only saves the others the work.
 */
export class Fence<T> {
  readonly #guarded: Guarded
  readonly #space: Space
  #lease: Lease | undefined
  /** Of the entry that the result replaces; without it, the result replaces the lease. */
  #casToken: CasToken | undefined
  /** Nothing protects the result: it is not stored. */
  #isClosed = false
  /** Another process changed the key since the load began. */
  isOvertaken = false
  /** What the tags of the call were before the load. */
  versions: TagVersions | undefined
  /** What the epoch of all tags was before the load; false: not known. */
  epoch: string | undefined | false = false

  constructor(guarded: Guarded) {
    this.#guarded = guarded
    this.#space = guarded.namespace.keepingLoads()
  }

  /** `seen`: what the read before found, where it makes the key taken; `isReadable`: it has a value. Rejects with the store's own failure. */
  async acquire(seen: StoredItem | undefined, isReadable: boolean): Promise<Acquired<T>> {
    let attempt = await this.#first(seen, isReadable)
    if (typeof attempt === 'object' && 'busy' in attempt) {
      if (!this.#guarded.waits()) return 'abandoned'
      attempt = await this.#wait(attempt)
    }
    if (attempt === 'load' && !this.#guarded.isWanted()) {
      // Everyone left while it was asked for, or the cache is being closed: nobody else would give the key free.
      await this.release()
      return 'abandoned'
    }
    // Superseded while it asked: nobody is to wait for a result that is not stored.
    if (this.#isClosed) void this.release()
    else if (attempt === 'load' && this.#lease !== undefined) this.#hold(this.#lease)
    return attempt
  }

  /** Nothing is stored from now on. Frees the key at once. */
  close(): void {
    this.#isClosed = true
    void this.release()
  }

  /** Whether the result was stored. Rejects with the store's own failure. */
  async store(item: Item, ttl: number): Promise<boolean> {
    const { namespace, op, key } = this.#guarded
    const lease = this.#lease
    const send = async (casToken: CasToken): Promise<Written> =>
      sendWrite(namespace, { op, key, space: this.#space, item, ttl, when: { casToken }, call: () => this.#call() })
    if (this.#isClosed) return false
    try {
      if (this.#casToken !== undefined) {
        const { outcome } = await send(this.#casToken)
        // As after a set: what is there is older than what could not be stored.
        if (outcome === 'too-large') await this.#space.remove(key, this.#casToken, this.#call())
        // One that is missing may have ended by itself; who comes after that has looked.
        if (outcome === 'conflict') this.isOvertaken = true
        return outcome === 'stored'
      }
      if (lease === undefined) return false
      const { outcome } = await lease.replace(send, this.#call())
      if (outcome === 'conflict' || outcome === 'missing') this.isOvertaken = true
      return outcome === 'stored'
    } finally {
      // The caller does not wait for it.
      void this.release()
    }
  }

  /** Frees the key for other processes, where it is still ours. Never rejects. */
  async release(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    if (lease === undefined) return
    holders.delete(lease.holder)
    try {
      await lease.release(this.#call())
    } catch (error) {
      // It ends by itself.
      this.#report(error)
    }
  }

  #hold(lease: Lease): void {
    holders.set(lease.holder, this.#guarded.run)
    const lost = (): void => {
      this.isOvertaken = true
      this.#guarded.onLost()
    }
    lease.startRenewing(() => this.#call(), lost)
  }

  #first(seen: StoredItem | undefined, isReadable: boolean): Promise<Acquired<T> | Busy> {
    if (seen === undefined) return this.#claim(maxRounds)
    if (isReadable) return this.#beside(seen, maxRounds)
    return seen.casToken === undefined ? this.#claim(maxRounds) : this.#over(seen, maxRounds)
  }

  /** Puts a lease under the key, where nothing is. */
  async #claim(rounds: number): Promise<Acquired<T> | Busy> {
    const { namespace, key, leaseMs } = this.#guarded
    const claim = (call: Call): Promise<Lease | { readonly found: StoredItem }> =>
      Lease.claim(this.#space, key, leaseMs, call)
    const tags = this.#readTags()
    const claimed = await namespace.inOrder(key, this.#call(), claim)
    if (!(claimed instanceof Lease)) return this.#consider(claimed.found, rounds - 1)
    this.#lease = claimed
    await tags
    return 'load'
  }

  async #consider(found: StoredItem, rounds: number): Promise<Acquired<T> | Busy> {
    const { namespace, op, key, isForced } = this.#guarded
    if (rounds <= 0) return this.#unfenced()
    const holder = holderOf(found)
    if (holder !== undefined) {
      if (isForced) return this.#over(found, rounds)
      // To wait for the load that waits for this one would be to wait without end.
      return holders.get(holder)?.needs(this.#guarded.run) ? this.#unfenced() : { busy: found }
    }
    if (isForced) {
      this.#casToken = found.casToken
      await this.#readTags()
      return 'load'
    }
    const judged = await namespace.judge<T>(op, key, found, this.#call())
    if (!(judged instanceof Miss)) return { item: found, value: judged }
    return judged === Miss.stale ? this.#beside(found, rounds) : this.#over(found, rounds)
  }

  /** Puts a lease in the place of what nobody can read, or of the lease of a dead holder. */
  async #over(found: StoredItem, rounds: number): Promise<Acquired<T> | Busy> {
    const { key, leaseMs } = this.#guarded
    const tags = this.#readTags()
    const lease = await Lease.over(this.#space, key, found.casToken as CasToken, leaseMs, this.#call())
    if (lease === undefined) return rounds <= 0 ? this.#unfenced() : this.#claim(rounds - 1)
    this.#lease = lease
    await tags
    return 'load'
  }

  /** Puts a lease under a key next to the entry, which stays. */
  async #beside(seen: StoredItem, rounds: number): Promise<Acquired<T> | Busy> {
    const { namespace, op, key, leaseMs } = this.#guarded
    const tags = this.#readTags()
    const claimed = await Lease.claim(namespace.own('~lease'), key, leaseMs, this.#call())
    // Now: the read may fail, and the lease is freed then.
    if (claimed instanceof Lease) this.#lease = claimed
    // Read after that, not with it: the load that ended a moment ago must not be done once more, and two keys may lie on two servers.
    const current = await readItem(namespace, key, namespace.versionedCall(this.#guarded.options, true))
    const judged = typeof current === 'object' ? await namespace.judge<T>(op, key, current, this.#call()) : Miss.absent
    const isNewer = typeof current === 'object' && seen.casToken !== undefined && current.casToken !== seen.casToken
    if (!(claimed instanceof Lease)) {
      if (!(judged instanceof Miss) && isNewer) return { item: current as StoredItem, value: judged }
      return { busy: claimed.found, entry: typeof current === 'object' ? current : undefined }
    }
    if (typeof current === 'object' && (judged === Miss.stale || (!(judged instanceof Miss) && !isNewer))) {
      this.#casToken = current.casToken
      await tags
      return 'load'
    }
    await this.release()
    if (!(judged instanceof Miss)) return { item: current as StoredItem, value: judged }
    return rounds <= 0 ? this.#unfenced() : this.#claim(rounds - 1)
  }

  /** Waits for another process, one lease at most, and looks again and again. */
  async #wait(busy: Busy): Promise<Acquired<T>> {
    const { namespace, key, options, isWanted } = this.#guarded
    const until = now() + this.#guarded.leaseMs
    let latest = busy
    let mark = leaseMark(busy.busy)
    let since = now()
    const pauses = new Backoff(firstPause, longestPause, growth)
    for (;;) {
      const left = until - now()
      if (left <= 0) break
      await new Promise(resolve => setTimeout(resolve, Math.min(left, pauses.next())))
      if (!isWanted()) return 'abandoned'
      const found = await readItem(namespace, key, namespace.versionedCall(options, true))
      const next =
        found === undefined || found === owed ? await this.#claim(maxRounds) : await this.#consider(found, maxRounds)
      if (typeof next !== 'object' || !('busy' in next)) return next
      latest = next
      if (leaseMark(next.busy) !== mark) since = now()
      mark = leaseMark(next.busy)
    }
    if (latest.entry !== undefined) {
      // Still stale: the result may replace it, whoever is first.
      this.#casToken = latest.entry.casToken
      await this.#readTags()
      return 'load'
    }
    // A living holder has renewed it meanwhile, and stores its own result.
    const isDead = now() - since >= leaseMs(latest.busy) / 2
    return isDead ? ((await this.#over(latest.busy, 0)) as Acquired<T>) : this.#unfenced()
  }

  /** Another process has the key and may store its own result: this one is only returned. */
  #unfenced(): 'load' {
    this.#isClosed = true
    return 'load'
  }

  /** Before the load begins, and at the time the key is claimed: no round trip of its own. Never rejects. */
  #readTags(): Promise<unknown> {
    const { namespace, tags } = this.#guarded
    const own = namespace.entries.tags
    const epoch = own.epoch(this.#call()).then(
      value => {
        this.epoch = value
      },
      () => {
        this.epoch = false
      },
    )
    if (tags.length === 0) return epoch
    const versions = own.forWriting(tags, this.#call()).then(
      value => {
        this.versions = value
      },
      error => {
        this.versions = undefined
        this.#isClosed = true
        this.#report(error)
      },
    )
    return Promise.all([epoch, versions])
  }

  #call(): Call {
    return this.#guarded.namespace.call(this.#guarded.options)
  }

  #report(error: unknown): void {
    const { namespace, op, key } = this.#guarded
    if (isOutage(error)) namespace.outage(error, op, key)
  }
}
