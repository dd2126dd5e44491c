import { AsyncResource } from 'node:async_hooks'
import { chain } from '../answer.js'
import { TimeoutError } from '../errors.js'
import type { LoadOutcome } from '../loader.js'
import type { LoadOptions } from '../options.js'
import { clearTimeout, setTimeout } from '../timers.js'
import { onAbort } from '../verbs/until-aborted.js'
import type { OldValue } from './old-value.js'
import { Run } from './run.js'

/** How one caller waits. */
export interface Waiting<T> extends Pick<LoadOptions, 'signal' | 'onOutcome'> {
  readonly op: string
  /** In ms; Infinity for none. */
  readonly hardTimeout: number
  /** Whether an outage rejects the call. */
  readonly throws: boolean
  /** What the caller is given of a value: the output of its schema. */
  readonly fit?: ((value: unknown) => T | Promise<T>) | undefined
  /** The same call once more: the load turned out to be older than an invalidation that came before the call. */
  readonly retry: () => Promise<T>
}

interface Waiter<T> {
  readonly isLeader: boolean
  readonly waiting: Waiting<T>
  readonly onOutcome: LoadOptions['onOutcome']
  readonly resolve: (value: T | Promise<T>) => void
  readonly reject: (error: unknown) => void
  /** The run whose loader waits. */
  readonly from: Run | undefined
  /** Invalidations of tags before the call. */
  readonly since: number
  /** The call came after the loader was called. */
  readonly isLate: boolean
  stay: (() => void) | undefined
  timer: NodeJS.Timeout | undefined
}

/** What became of a load. */
export interface Landed {
  readonly stored: boolean
  /** Loaded by another process, and found in the cache. */
  readonly isFound: boolean
  readonly age: number
  /** Another process changed the key since the load began: perhaps before callers came who joined it. */
  readonly isOvertaken: boolean
  /** Callers who came after this many invalidations of tags, or more, must not have the value. 0: all may. */
  readonly validUntil: number
}

/** The load of one key, as those see it who ask for the key meanwhile. The loader's {@link Run} may be that of many keys. */
export class Flight<T> {
  /** Namespace prefix and key. */
  readonly id: string
  readonly key: string
  readonly run: Run
  /** The value that was there when the load began. */
  readonly old: OldValue<T> | undefined
  /** Tags that the value is known to get. */
  readonly tags: readonly string[]
  /** An invalidation came after the load began: its result is for its callers only and is never stored. */
  superseded = false
  /** The loader was called. */
  isLoading = false
  /** Why the key could not be asked for. */
  outage: unknown
  /** Called once it is. */
  onSuperseded: (() => void) | undefined
  /** Tags that were invalidated since the load began, each with the place of its first one in the order of these invalidations. */
  #invalidated: Map<string, number> | undefined
  #invalidations = 0
  #waiters: Waiter<T>[] = []
  #keeper: NodeJS.Timeout | boolean = false

  constructor(
    prefix: string,
    key: string,
    run: Run,
    { old, tags }: { old: OldValue<T> | undefined; tags: readonly string[] },
  ) {
    this.id = prefix + key
    this.key = key
    this.run = run
    this.old = old
    this.tags = tags
  }

  /** Whether a caller waits for it who came after the loader was called. */
  get hasLateCallers(): boolean {
    return this.#waiters.some(({ isLate }) => isLate)
  }

  /** Whether a caller waits for it. */
  get hasCallers(): boolean {
    return this.#waiters.length > 0
  }

  /** Waits for the value, or until the caller's signal fires or its `hardTimeout` passes. */
  join(isLeader: boolean, waiting: Waiting<T>): Promise<T> {
    const { signal, hardTimeout, op } = waiting
    let { onOutcome } = waiting
    // The load ends in the async context of the caller who began it, and this is another one.
    if (onOutcome !== undefined && !isLeader) onOutcome = AsyncResource.bind(onOutcome)
    return new Promise((resolve, reject) => {
      const from = Run.current
      const since = this.#invalidations
      const isLate = this.isLoading
      const waiter: Waiter<T> = {
        isLeader,
        waiting,
        onOutcome,
        resolve,
        reject,
        from,
        since,
        isLate,
        stay: undefined,
        timer: undefined,
      }
      this.#waiters.push(waiter)
      this.run.joined(from)
      if (signal !== undefined) waiter.stay = onAbort(signal, () => this.#leave(waiter, signal.reason))
      if (hardTimeout !== Number.POSITIVE_INFINITY) {
        waiter.timer = setTimeout(() => this.#leave(waiter, tooSlow(op, this.key, hardTimeout)), hardTimeout)
      }
    })
  }

  /** Lets the load go on though no caller waits for it, for `hardTimeout` ms at most. */
  keep(op: string, hardTimeout: number): void {
    if (this.#keeper !== false) return
    this.run.joined(undefined)
    this.#keeper = true
    if (hardTimeout === Number.POSITIVE_INFINITY) return
    this.#keeper = setTimeout(() => this.letGo(tooSlow(op, this.key, hardTimeout)), hardTimeout)
    this.#keeper.unref()
  }

  /** The caller who waits like this has got something else. */
  leave(waiting: Waiting<T>): void {
    const waiter = this.#waiters.find(other => other.waiting === waiting)
    if (waiter !== undefined) this.#leave(waiter, undefined)
  }

  /** Ends what {@link Flight.keep} began. */
  letGo(reason: unknown): void {
    const keeper = this.#keeper
    if (keeper === false) return
    this.#keeper = false
    if (keeper !== true) clearTimeout(keeper)
    this.run.left(undefined, reason)
  }

  /** These tags were invalidated. The load may still give its value one of them. */
  invalidated(tags: readonly string[]): void {
    this.#invalidations++
    this.#invalidated ??= new Map()
    for (const tag of tags) if (!this.#invalidated.has(tag)) this.#invalidated.set(tag, this.#invalidations)
  }

  /** The first invalidation since the load began of any of these tags: its place in their order, 0 for none. */
  firstInvalidation(tags: Iterable<string>): number {
    let first = Number.POSITIVE_INFINITY
    if (this.#invalidated !== undefined) {
      for (const tag of tags) first = Math.min(first, this.#invalidated.get(tag) ?? first)
    }
    return first === Number.POSITIVE_INFINITY ? 0 : first
  }

  /** Gives each caller what `copy` makes for it. */
  land(landed: Landed, copy: () => T | Promise<T>): void {
    this.#settle(waiter => {
      const isTainted = landed.validUntil <= waiter.since && landed.validUntil > 0
      if (isTainted || (landed.isOvertaken && waiter.isLate)) {
        waiter.resolve(waiter.waiting.retry())
        return
      }
      const { fit } = waiter.waiting
      const value = fit === undefined ? copy() : chain(copy(), fit)
      if (value instanceof Promise) value.then(late => this.#deliver(waiter, late, landed)).catch(waiter.reject)
      else this.#deliver(waiter, value, landed)
    })
  }

  fail(error: unknown): void {
    this.#settle(waiter => waiter.reject(error))
  }

  /** Rejects those whose calls reject in an outage. */
  failThrowing(error: unknown): void {
    this.outage = error
    for (const waiter of this.#waiters.filter(({ waiting }) => waiting.throws)) this.#leave(waiter, error)
  }

  #deliver({ isLeader, onOutcome, resolve }: Waiter<T>, value: T, { stored, isFound, age }: Landed): void {
    if (onOutcome !== undefined) {
      const source: LoadOutcome['source'] = isFound ? 'hit' : isLeader ? 'load' : 'joined'
      const loadedBy = isFound ? 'another-process' : isLeader ? 'this-call' : 'this-process'
      onOutcome({ source, key: this.key, stored, stale: false, age, loadedBy })
    }
    resolve(value)
  }

  #settle(settle: (waiter: Waiter<T>) => void): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      waiter.stay?.()
      if (waiter.timer !== undefined) clearTimeout(waiter.timer)
      this.run.left(waiter.from, undefined)
      try {
        settle(waiter)
      } catch (error) {
        waiter.reject(error)
      }
    }
    this.letGo(undefined)
  }

  #leave(waiter: Waiter<T>, reason: unknown): void {
    const at = this.#waiters.indexOf(waiter)
    // It is being settled: an `onOutcome` before it fired the signal.
    if (at === -1) return
    this.#waiters.splice(at, 1)
    waiter.reject(reason)
    waiter.stay?.()
    if (waiter.timer !== undefined) clearTimeout(waiter.timer)
    this.run.left(waiter.from, reason)
  }
}

function tooSlow(op: string, key: string, hardTimeout: number): TimeoutError {
  return new TimeoutError(`nothing was loaded within hardTimeout, ${hardTimeout} ms, here or by another process`, {
    op,
    key,
  })
}
