import { randomBytes } from 'node:crypto'
import type { Encoded, Metadata } from '@anycache/serializer'
import type { LoadOptions } from '../cache.js'
import { marked } from '../entries/marking.js'
import type { TagVersions } from '../entries/tags.js'
import { CacheError, ClosedError, isOutage, located, ServerError } from '../errors.js'
import type { ReadThrough } from '../input/read-through-options.js'
import { shown } from '../input/shown.js'
import type { Answer, StoredItem } from '../store.js'
import { now } from '../timers.js'
import { whenAnswered } from '../verbs/answer.js'
import type { Namespace } from '../verbs/namespace.js'
import { sendWrite } from '../verbs/writing.js'
import { type Acquired, Fence } from './fence.js'
import { Flight } from './flight.js'
import type { Flights } from './flights.js'
import { copyOfOld, encodedOf, type OldValue } from './old-value.js'
import type { Run } from './run.js'
import { lifetimesOf, metadataOf, needsLifetimes, physicalTtl } from './windows.js'
import type { Wishes } from './wishes.js'

/** One key of a call that loads. */
export interface LoadTarget {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly op: 'getOrSet' | 'getOrSetMany'
  readonly key: string
  readonly options: LoadOptions<never> | undefined
  readonly policy: ReadThrough
  /** Tags of the call. */
  readonly tags: readonly string[]
  /** See {@link LoadCall}. */
  readonly onElsewhere?: (() => void) | undefined
}

/** In what circumstances a load begins. */
export interface Circumstances<T> {
  /** What the read found where the key is taken: an old value's item, or bytes that cannot be used. */
  readonly seen?: StoredItem | undefined
  readonly old?: OldValue<T> | undefined
  /** Versions of the call's tags, read before. */
  readonly versions?: TagVersions | undefined
  /** Nobody waits for it. */
  readonly isBackground?: boolean
  /** Within a load of the same key, which keeps its place and stores its own result. */
  readonly isNested?: boolean
  /** The server did not answer the read. */
  readonly isUnanswered?: boolean
}

/** The load of one key: asks for the key, and when its value is known stores it and gives its callers copies of it. */
export class KeyLoad<T> {
  readonly target: LoadTarget
  readonly flight: Flight<T>
  readonly #at: Circumstances<T>
  readonly #fence: Fence<T> | undefined
  #versions: TagVersions | undefined
  #started = 0
  /** It has landed, failed, or nobody waits for it any more. */
  isOver = false

  constructor(target: LoadTarget, run: Run, at: Circumstances<T>) {
    const { namespace, key, options, policy, op } = target
    this.target = target
    this.#at = at
    this.#versions = at.versions
    const tags = options?.tags === undefined ? [...(at.old?.tags?.keys() ?? [])] : target.tags
    this.flight = new Flight(namespace.prefix, key, run, { old: at.old, tags, isBackground: at.isBackground === true })
    const { limits } = namespace.root.store
    if (limits.shared && limits.cas && policy.lease !== false && namespace.entries.format.metadata && !at.isNested) {
      this.#fence = new Fence({
        namespace,
        op,
        key,
        options,
        leaseMs: policy.lease,
        isForced: options?.force === true,
        tags: target.tags,
        run,
        isWanted: () => !this.isOver && !this.#isClosed,
        waits: () => {
          target.onElsewhere?.()
          return this.flight.hasCallers
        },
        onLost: () => target.flights.supersedeOne(this.flight),
      })
      this.flight.onSuperseded = () => this.#fence?.close()
    }
  }

  /** Whether the loader may be called without a question to the store. */
  get isReady(): boolean {
    if (this.#at.isUnanswered || this.#at.isNested) return true
    return this.#fence === undefined && this.target.tags.every(tag => this.#versions?.has(tag))
  }

  /** From now on others find it. */
  register(): void {
    const { flights, namespace, op, policy } = this.target
    flights.add(this.flight, this.#at.isNested === true)
    namespace.root.underWay.add(this)
    if (this.#at.isBackground) this.flight.keep(op, policy.hardTimeout)
  }

  /** Asks for the key. False: there is nothing to load any more, and the callers have their answer. Never rejects. */
  async acquire(): Promise<boolean> {
    const { namespace, op, key } = this.target
    let acquired: Acquired<T> = 'load'
    try {
      if (this.#fence === undefined) await this.#readVersions()
      else acquired = await this.#fence.acquire(this.#at.seen, this.#at.old !== undefined)
    } catch (error) {
      this.#fence?.close()
      if (!isOutage(error)) {
        this.#end()
        this.flight.fail(error)
        return false
      }
      this.flight.failThrowing(namespace.outage(error, op, key))
    }
    if (this.isOver) return false
    if (acquired === 'load') return true
    this.target.onElsewhere?.()
    if (acquired === 'abandoned') this.#giveUp()
    else this.#found(acquired)
    return false
  }

  /** The loader is about to be called. Resolves with the value that it may keep. */
  begin(): T | undefined | Promise<T | undefined> {
    const { namespace } = this.target
    const { counts } = namespace.root.signals
    this.#started = now()
    counts.loads++
    if (this.#at.isBackground) counts.refreshes++
    return this.#at.old === undefined ? undefined : copyOfOld(namespace, this.#at.old)
  }

  loaded(value: T, wishes: Wishes): void {
    const duration = this.#report(true)
    const { namespace, op, key } = this.target
    const asItIs = (): T => value
    if (value === undefined) {
      this.#land(false, wishes, asItIs)
      return
    }
    const old = this.#at.old
    if (wishes.isNotModified && old !== undefined) {
      this.#store(old.value, encodedOf(old.item), wishes, duration)
      return
    }
    whenAnswered(
      () => namespace.entries.encode(op, key, value),
      encoded => this.#store(value, encoded, wishes, duration),
      error => {
        // The caller asked for the value; that it cannot be stored is the operator's business. That it is of the wrong shape is the caller's.
        if ((error as CacheError).code === 'ERR_CACHE_INVALID_ARGUMENT') {
          this.#fail(error)
          return
        }
        namespace.root.signals.failed(error as CacheError)
        this.#land(false, wishes, asItIs)
      },
    )
  }

  failed(error: unknown): void {
    this.target.namespace.root.signals.counts.loadErrors++
    this.#report(false, error)
    this.#fail(error)
  }

  /** Nobody waits for it any more. */
  deserted(): void {
    this.flight.superseded = true
    this.#fence?.close()
    this.#end()
  }

  /** The cache is being closed: what nobody waits for ends, and nothing is stored. Resolves when other processes may load the key. */
  async close(): Promise<void> {
    const reason = new ClosedError('the cache was closed', { op: this.target.op, key: this.target.key })
    this.flight.letGo(reason)
    await this.#fence?.release()
  }

  get #isClosed(): boolean {
    const { namespace } = this.target
    return namespace.closed || namespace.root.closed
  }

  async #readVersions(): Promise<void> {
    const { namespace, tags, options } = this.target
    this.#versions = await namespace.entries.tags.forWriting(tags, namespace.call(options), this.#versions)
  }

  #store(value: T, encoded: Encoded, wishes: Wishes, duration: number): void {
    let written: Answer<boolean>
    try {
      written = this.#isWanted(value, wishes) && this.#write(encoded, wishes, duration)
    } catch (error) {
      this.#fail(error)
      return
    }
    const copy = (): T | Promise<T> => this.target.namespace.entries.copyOf(value, encoded)
    // Where the server did not answer the read, the caller has waited for it once and does not wait again.
    if (this.#at.isUnanswered) this.#land(false, wishes, copy)
    else if (written instanceof Promise) written.then(stored => this.#land(stored, wishes, copy))
    else this.#land(written, wishes, copy)
  }

  #isWanted(value: T, { isStorable }: Wishes): boolean {
    const { options, policy } = this.target
    if (!isStorable || (value === null && policy.skipNull)) return false
    if ((options as LoadOptions<T> | undefined)?.shouldCache?.(value) === false) return false
    return !this.flight.superseded && !this.#isClosed && !this.#at.isNested
  }

  /** Whether it was stored. Neither throws nor rejects: a value that was loaded is returned whatever becomes of its write. */
  #write(encoded: Encoded, wishes: Wishes, duration: number): Answer<boolean> {
    const { namespace, op, key, options } = this.target
    if (this.#at.isUnanswered && this.#fence !== undefined) return false
    const ttl = namespace.ttl(wishes.ttl ?? options?.ttl, op, key, options?.jitter)
    return whenAnswered(
      () => {
        const versions = this.#versionsFor(wishes)
        if (versions instanceof Promise) return versions.then(late => this.#send(encoded, ttl, duration, late))
        return this.#send(encoded, ttl, duration, versions)
      },
      stored => stored,
      error => {
        const failure =
          error instanceof CacheError
            ? located(error, op, key)
            : new ServerError(`the store failed: ${shown(error)}`, { op, key, cause: error })
        namespace.root.signals.failed(failure)
        return false
      },
    )
  }

  #send(encoded: Encoded, ttl: number, duration: number, versions: TagVersions | undefined | false): Answer<boolean> {
    const { namespace, op, key, policy, options } = this.target
    // Its tags were invalidated since the load began, perhaps.
    if (versions === false || this.flight.superseded) return false
    const { entries } = namespace
    const isBounded = ttl !== Number.POSITIVE_INFINITY
    const epoch = entries.epochNow()
    let metadata: Metadata | undefined
    if (isBounded && needsLifetimes(policy)) metadata = lifetimesOf(ttl, policy, epoch, duration, randomBytes(8))
    if (versions !== undefined)
      metadata = { created: epoch, loadTime: duration, nonce: randomBytes(8), ...metadata, tags: versions }
    const write = {
      op,
      key,
      encoded: metadata === undefined ? encoded : marked(encoded, metadata),
      ttl: isBounded && metadata?.lifetimes !== undefined ? physicalTtl(ttl, policy) : ttl,
    }
    if (this.#fence !== undefined) return this.#fence.store(write)
    const space = namespace.keepingLoads()
    return whenAnswered(
      () => sendWrite(namespace, { ...write, space, when: 'always', call: () => namespace.call(options) }),
      ({ outcome }) => outcome === 'stored',
      error => {
        throw error
      },
    )
  }

  /** The tags of the value with their versions; undefined for none, false where they may have been invalidated since the load began. */
  #versionsFor(wishes: Wishes): Answer<TagVersions | undefined | false> {
    const { tags, options } = this.target
    const before = this.#fence === undefined ? this.#versions : this.#fence.versions
    if (wishes.tags === undefined) {
      if (tags.length > 0) return before ?? false
      return wishes.isNotModified && options?.tags === undefined ? this.#at.old?.tags : undefined
    }
    if (wishes.tags.length === 0) return undefined
    if (this.flight.lastInvalidation(wishes.tags) > 0) return false
    const known = new Map<string, Uint8Array>()
    for (const tag of wishes.tags) {
      const version = before?.get(tag)
      if (version !== undefined) known.set(tag, version)
    }
    return known.size === wishes.tags.length ? known : this.#versionsNow(wishes.tags, known)
  }

  /** Of tags that nobody knew before the load: valid if no tag at all was invalidated meanwhile. */
  async #versionsNow(wanted: readonly string[], known: TagVersions): Promise<TagVersions | false> {
    const { namespace, options } = this.target
    const { tags } = namespace.entries
    const others = wanted.filter(tag => !known.has(tag))
    const versions = new Map([...known, ...(await tags.forWriting(others, namespace.call(options)))])
    if (this.#fence !== undefined) {
      // After the versions: an invalidation changes the epoch first.
      const { epoch } = this.#fence
      if (epoch === false || (await tags.epoch(namespace.call(options))) !== epoch) return false
    }
    return this.flight.lastInvalidation(wanted) > 0 ? false : versions
  }

  #found({ item, value }: { readonly item: StoredItem; readonly value: T }): void {
    const { namespace } = this.target
    const created = metadataOf(item)?.created
    const age = created === undefined ? 0 : Math.max(0, namespace.entries.epochNow() - created)
    this.#end()
    const copy = (): T | Promise<T> => namespace.entries.copyOf(value, encodedOf(item))
    this.flight.land({ stored: true, isFound: true, age, validUntil: 0 }, copy)
  }

  /** Another process is at it, and nobody waits. */
  #giveUp(): void {
    this.#end()
    this.flight.letGo(undefined)
  }

  #report(ok: boolean, error?: unknown): number {
    const { namespace, key, op } = this.target
    const { signals } = namespace.root
    const duration = now() - this.#started
    if (signals.hasListeners) {
      const background = this.#at.isBackground === true && !this.flight.hasCallers
      const detail = { op, key, namespace: namespace.name, duration, ok, background }
      signals.emit('load', ok ? detail : { ...detail, error })
    }
    return duration
  }

  #fail(error: unknown): void {
    if (this.flight.old !== undefined) this.target.flights.noteFailure(this.flight.id)
    this.#fence?.close()
    this.#end()
    this.flight.fail(error)
  }

  #land(stored: boolean, wishes: Wishes, copy: () => T | Promise<T>): void {
    if (!stored) this.#fence?.close()
    this.#end()
    const validUntil = wishes.tags === undefined ? 0 : this.flight.lastInvalidation(wishes.tags)
    this.flight.land({ stored, isFound: false, age: 0, validUntil }, copy)
  }

  #end(): void {
    const { flights, namespace } = this.target
    this.isOver = true
    this.flight.run.over()
    flights.drop(this.flight)
    namespace.root.underWay.delete(this)
  }
}
