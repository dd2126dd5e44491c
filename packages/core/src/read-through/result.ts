import { randomBytes } from 'node:crypto'
import type { Encoded, Metadata } from '@anycache/serializer'
import type { TagVersions } from '../entries/tags.js'
import { CacheError, located, ServerError } from '../errors.js'
import { shown } from '../input/shown.js'
import type { LoadOptions } from '../options.js'
import type { Answer } from '../store.js'
import { isStored, sendWrite } from '../verbs/writing.js'
import type { Fence } from './fence.js'
import type { Flight } from './flight.js'
import type { Circumstances, LoadTarget } from './load-target.js'
import { lifetimesOf, needsLifetimes, physicalTtl } from './windows.js'
import type { Wishes } from './wishes.js'

const nonceBytes = 8

/** Stores what a load gave, unless the key or a tag of it was changed since the load began. */
export class Result<T> {
  readonly #target: LoadTarget
  readonly #at: Circumstances<T>
  readonly #flight: Flight<T>
  readonly #fence: Fence<T> | undefined
  /** What the tags of the call were before the load, where there is no fence. */
  versions: TagVersions | undefined

  constructor(target: LoadTarget, at: Circumstances<T>, flight: Flight<T>, fence: Fence<T> | undefined) {
    this.#target = target
    this.#at = at
    this.#flight = flight
    this.#fence = fence
    this.versions = at.versions
  }

  /** Whether it is to be stored. What `shouldCache` throws is thrown. */
  isWanted(value: T, { isStorable }: Wishes): boolean {
    const { options, policy, namespace } = this.#target
    if (!isStorable || (value === null && policy.skipNull)) return false
    if ((options as LoadOptions<T> | undefined)?.shouldCache?.(value) === false) return false
    if (this.#at.isNested || (this.#at.isUnanswered && this.#fence !== undefined)) return false
    return !this.#flight.superseded && !namespace.closed && !namespace.root.closed
  }

  /** Whether it was stored. Neither throws nor rejects: a value that was loaded is returned whatever becomes of its write. */
  store(encoded: Encoded, wishes: Wishes, duration: number): Answer<boolean> {
    const { namespace, op, key, options } = this.#target
    const ttl = namespace.ttl(wishes.ttl ?? options?.ttl, op, key, options?.jitter)
    try {
      const versions = this.#versionsFor(wishes)
      const stored =
        versions instanceof Promise
          ? versions.then(late => this.#send(encoded, ttl, duration, late))
          : this.#send(encoded, ttl, duration, versions)
      return stored instanceof Promise ? stored.catch(error => this.#notStored(error)) : stored
    } catch (error) {
      return this.#notStored(error)
    }
  }

  #notStored(error: unknown): false {
    const { namespace, op, key } = this.#target
    const failure =
      error instanceof CacheError
        ? located(error, op, key)
        : new ServerError(`the store failed: ${shown(error)}`, { op, key, cause: error })
    namespace.root.signals.failed(failure)
    return false
  }

  #send(encoded: Encoded, ttl: number, duration: number, versions: TagVersions | undefined | false): Answer<boolean> {
    const { namespace, op, key, policy, options } = this.#target
    // Its tags were invalidated since the load began, perhaps.
    if (versions === false || this.#flight.superseded) return false
    const metadata = this.#metadata(ttl, duration, versions)
    const item = namespace.entries.item(encoded, metadata)
    const kept = metadata?.lifetimes === undefined ? ttl : physicalTtl(ttl, policy)
    if (this.#fence !== undefined) return this.#fence.store(item, kept)
    // Without a spread, which takes longer than the write to a store in memory.
    const written = sendWrite(namespace, {
      op,
      key,
      space: namespace.keepingLoads(),
      item,
      ttl: kept,
      when: 'always',
      call: () => namespace.call(options),
    })
    return written instanceof Promise ? written.then(isStored) : isStored(written)
  }

  /** What is noted of the entry; `undefined` where there is nothing to note. */
  #metadata(ttl: number, duration: number, tags: TagVersions | undefined): Metadata | undefined {
    const { namespace, policy } = this.#target
    const isAgeing = ttl !== Number.POSITIVE_INFINITY && needsLifetimes(policy)
    if (!isAgeing && tags === undefined) return undefined
    const now = namespace.entries.epochNow()
    const nonce = randomBytes(nonceBytes)
    const metadata = isAgeing
      ? lifetimesOf(ttl, policy, now, duration, nonce)
      : { created: now, loadTime: duration, nonce }
    return tags === undefined ? metadata : { ...metadata, tags }
  }

  /** The tags of the value with their versions; undefined for none, false where they may have been invalidated since the load began. */
  #versionsFor(wishes: Wishes): Answer<TagVersions | undefined | false> {
    const { tags, options } = this.#target
    const before = this.#fence === undefined ? this.versions : this.#fence.versions
    if (wishes.tags === undefined) {
      if (tags.length > 0) return before ?? false
      return wishes.isNotModified && options?.tags === undefined ? this.#at.old?.tags : undefined
    }
    if (wishes.tags.length === 0) return undefined
    if (this.#flight.firstInvalidation(wishes.tags) > 0) return false
    const known = new Map<string, Uint8Array>()
    for (const tag of wishes.tags) {
      const version = before?.get(tag)
      if (version !== undefined) known.set(tag, version)
    }
    return known.size === wishes.tags.length ? known : this.#versionsNow(wishes.tags, known)
  }

  /** Of tags that nobody knew before the load: valid if no tag at all was invalidated meanwhile. */
  async #versionsNow(wanted: readonly string[], known: TagVersions): Promise<TagVersions | false> {
    const { namespace, options } = this.#target
    const { tags } = namespace.entries
    const others = wanted.filter(tag => !known.has(tag))
    const versions = new Map([...known, ...(await tags.forWriting(others, namespace.call(options)))])
    if (this.#fence !== undefined) {
      // After the versions: an invalidation changes the epoch first.
      const { epoch } = this.#fence
      if (epoch === false || (await tags.epoch(namespace.call(options))) !== epoch) return false
    }
    return this.#flight.firstInvalidation(wanted) > 0 ? false : versions
  }
}
