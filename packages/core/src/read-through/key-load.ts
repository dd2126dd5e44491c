import type { Encoded } from '@anycache/serializer'
import { whenAnswered } from '../answer.js'
import { areCurrent, type TagVersions } from '../entries/tags.js'
import { type CacheError, ClosedError, isOutage } from '../errors.js'
import type { Answer, StoredItem } from '../store.js'
import { now } from '../timers.js'
import { type Acquired, Fence } from './fence.js'
import { Flight } from './flight.js'
import type { Circumstances, LoadTarget } from './load-target.js'
import { copyOfOld, encodedOf } from './old-value.js'
import { Result } from './result.js'
import type { Run } from './run.js'
import { metadataOf } from './windows.js'
import type { Wishes } from './wishes.js'

/** The load of one key: asks for the key, and when its value is known stores it and gives its callers copies of it. */
export class KeyLoad<T> {
  readonly target: LoadTarget
  readonly flight: Flight<T>
  readonly #at: Circumstances<T>
  readonly #fence: Fence<T> | undefined
  readonly #result: Result<T>
  #started = 0
  #acquiring: Promise<boolean> | undefined
  /** It has landed, failed, or nobody waits for it any more. */
  isOver = false

  constructor(target: LoadTarget, run: Run, at: Circumstances<T>) {
    const { namespace, key, options, policy, op } = target
    this.target = target
    this.#at = at
    const tags = options?.tags === undefined ? [...(at.old?.tags?.keys() ?? [])] : target.tags
    this.flight = new Flight(namespace.prefix, key, run, { old: at.old, tags })
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
    this.#result = new Result(target, at, this.flight, this.#fence)
  }

  /** Whether the loader may be called without a question to the store. */
  get isReady(): boolean {
    if (this.#at.isUnanswered || this.#at.isNested) return true
    return this.#fence === undefined && this.target.tags.every(tag => this.#result.versions?.has(tag))
  }

  /** From now on others find it. */
  register(): void {
    const { flights, namespace, op, policy } = this.target
    flights.add(this.flight, this.#at.isNested === true)
    if (this.#fence !== undefined || this.#at.isBackground) namespace.root.underWay.add(this)
    if (this.#at.isBackground) this.flight.keep(op, policy.hardTimeout)
  }

  /** Asks for the key. False: there is nothing to load any more, and the callers have their answer. Never rejects. */
  async acquire(): Promise<boolean> {
    this.#acquiring = this.#acquire()
    const isWanted = await this.#acquiring
    if (!isWanted) this.target.onElsewhere?.()
    return isWanted
  }

  async #acquire(): Promise<boolean> {
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
      // What cannot be stored is of no use to a refresh.
      acquired = 'abandoned'
    }
    if (this.isOver) return false
    if (acquired === 'load' || (acquired === 'abandoned' && this.flight.hasCallers)) return true
    if (acquired === 'abandoned') this.#giveUp()
    else this.#found(acquired)
    return false
  }

  /** The loader is about to be called. Resolves with the value that it may keep. */
  begin(): T | undefined | Promise<T | undefined> {
    const { namespace } = this.target
    const { counts } = namespace.root.signals
    this.#started = now()
    this.flight.isLoading = true
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
    await this.#acquiring
    await this.#fence?.release()
  }

  get #isClosed(): boolean {
    const { namespace } = this.target
    return namespace.closed || namespace.root.closed
  }

  async #readVersions(): Promise<void> {
    const { namespace, tags, options } = this.target
    const known = this.#result.versions
    this.#result.versions = await namespace.entries.tags.forWriting(tags, namespace.call(options), known)
  }

  #store(value: T, encoded: Encoded, wishes: Wishes, duration: number): void {
    let written: Answer<boolean>
    try {
      written = this.#result.isWanted(value, wishes) && this.#result.store(encoded, wishes, duration)
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

  #found({ item, value }: { readonly item: StoredItem; readonly value: T }): void {
    const { namespace } = this.target
    const { created, tags } = metadataOf(item) ?? {}
    const age = created === undefined ? 0 : Math.max(0, namespace.entries.epochNow() - created)
    this.#end()
    const copy = (): T | Promise<T> => namespace.entries.copyOf(value, encodedOf(item))
    const validUntil = tags === undefined ? 0 : this.flight.firstInvalidation(tags.keys())
    this.flight.land({ stored: true, isFound: true, age, isOvertaken: false, validUntil }, copy)
  }

  /** Another process is at it, or nothing can be stored, and nobody waits. */
  #giveUp(): void {
    if (this.#at.isBackground) this.target.flights.noteElsewhere(this.flight.id)
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
    const versions = this.#fence?.versions
    if (stored && versions !== undefined && this.flight.hasLateCallers) void this.#landIfValid(versions, wishes, copy)
    else this.#landAs(stored, wishes, copy)
  }

  /** Another process may have invalidated a tag during the load, before callers came who joined it. */
  async #landIfValid(versions: TagVersions, wishes: Wishes, copy: () => T | Promise<T>): Promise<void> {
    const { namespace, flights, options } = this.target
    // Who comes from now on looks for himself.
    flights.drop(this.flight)
    let isOvertaken = false
    try {
      const current = await namespace.entries.tags.current([...versions.keys()], namespace.call(options))
      isOvertaken = areCurrent(versions, current) === false
    } catch {
      // Nobody knows, and the value is as good as one that was loaded in an outage.
    }
    this.#landAs(true, wishes, copy, isOvertaken)
  }

  #landAs(stored: boolean, wishes: Wishes, copy: () => T | Promise<T>, isInvalid = false): void {
    this.#end()
    const validUntil = wishes.tags === undefined ? 0 : this.flight.firstInvalidation(wishes.tags)
    const isOvertaken = isInvalid || this.#fence?.isOvertaken === true
    this.flight.land({ stored, isFound: false, age: 0, isOvertaken, validUntil }, copy)
  }

  #end(): void {
    const { flights, namespace } = this.target
    this.isOver = true
    this.flight.run.over()
    flights.drop(this.flight)
    if (namespace.root.underWay.size > 0) namespace.root.underWay.delete(this)
  }
}
