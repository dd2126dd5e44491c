import type { Lock } from '../cache.js'
import { CounterRangeError, NotSupportedError } from '../errors.js'
import { checkCallOptions } from '../input/option-checks.js'
import { type Duration, milliseconds } from '../input/ttl.js'
import { Lease } from '../lease/lease.js'
import type { CallOptions, LockOptions } from '../options.js'
import { Backoff } from '../server/backoff.js'
import type { Call } from '../store.js'
import { clearTimeout, epochNow, now, setTimeout } from '../timers.js'
import type { Namespace } from './namespace.js'
import { onAbort } from './until-aborted.js'
import { requireCas } from './writing.js'

const defaultTtl = 10_000
/** The first pause between two looks at a lock that another one holds, in ms; each next one is longer, up to the longest. */
const firstPause = 10
const longestPause = 250
const growth = 1.5
/** How long a counter of fences lives. The one that follows it begins far above: at the time in µs. */
const fencesTtl = 24 * 3_600_000
/** The highest fencing number that this process has had. */
let highestFence = 0

/** `lock` after its arguments were checked. */
export function acquireLock(
  namespace: Namespace,
  key: string,
  options: LockOptions | undefined,
): Promise<Lock | undefined> {
  requireCas(namespace, 'lock', key)
  if (!namespace.entries.format.metadata) {
    const message = 'the serializer writes what other clients read, which has no place for locks; lock in another cache'
    throw new NotSupportedError(message, { op: 'lock', key })
  }
  const signal = options?.signal
  if (signal === undefined) return acquire(namespace, key, options)
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const stay = onAbort(signal, () => reject(signal.reason))
    const acquiring = acquire(namespace, key, options).finally(stay)
    acquiring.then(lock => {
      // Won by a step that was under way: nobody else should wait for it.
      if (signal.aborted) lock?.[Symbol.asyncDispose]()
      else resolve(lock)
    }, reject)
  })
}

async function acquire(
  namespace: Namespace,
  key: string,
  options: LockOptions | undefined,
): Promise<HeldLock | undefined> {
  const wait = options?.wait === undefined || options.wait === 0 ? 0 : milliseconds(options.wait, 'wait', 'lock')
  const signal = options?.signal
  const until = now() + wait
  const pauses = new Backoff(firstPause, longestPause, growth)
  for (;;) {
    // However long it waited: a store that was closed meanwhile is asked no more.
    namespace.checkOpen('lock', key)
    const lock = await tryOnce(namespace, key, options)
    const left = until - now()
    if (lock !== undefined || left <= 0 || signal?.aborted) return lock
    await pause(Math.min(left, pauses.next()), signal)
    if (signal?.aborted) return undefined
  }
}

/** One try. */
async function tryOnce(
  namespace: Namespace,
  key: string,
  options: LockOptions | undefined,
): Promise<HeldLock | undefined> {
  const locks = namespace.own('~locks')
  const call = (): Call => namespace.call(options, true)
  const ttl = options?.ttl === undefined ? defaultTtl : milliseconds(options.ttl, 'ttl', 'lock')
  try {
    const lease = await Lease.claim(locks, key, ttl, call())
    // Whether a server keeps versions may be known only now that it has answered.
    if (!namespace.root.store.limits.cas) {
      if (lease instanceof Lease) await locks.remove(key, undefined, call())
      requireCas(namespace, 'lock', key)
    }
    if (!(lease instanceof Lease)) return undefined
    try {
      const fence = await nextFence(namespace, key, call())
      // It must have been ours when the number was taken, or the next holder's might be lower.
      return (await lease.renew(call())) ? new HeldLock(namespace, key, fence, ttl, lease) : undefined
    } catch (error) {
      await lease.release(call()).catch(() => {})
      throw error
    }
  } catch (error) {
    throw namespace.outage(error, 'lock', key)
  }
}

/**
 * Above every number before it. A counter that expired, or was lost with the server's memory, is followed by one that begins at the time in µs:
 * above the one before unless that had counted faster, or another process' clock is ahead of ours by more than the time since.
 */
async function nextFence(namespace: Namespace, key: string, call: Call): Promise<number> {
  const create = { value: Math.max(epochNow() * 1000, highestFence + 1), ttl: fencesTtl }
  const counted = await namespace.own('~fences').count(key, 1, create, call)
  if ('value' in counted) {
    highestFence = Math.max(highestFence, counted.value)
    return counted.value
  }
  const message = `the counter of fencing numbers was written by something else: ${counted.refused}`
  throw new CounterRangeError(message, { op: 'lock', key })
}

class HeldLock implements Lock {
  readonly key: string
  readonly fence: number
  readonly #namespace: Namespace
  readonly #ttl: number
  readonly #lease: Lease

  constructor(namespace: Namespace, key: string, fence: number, ttl: number, lease: Lease) {
    this.#namespace = namespace
    this.key = key
    this.fence = fence
    this.#ttl = ttl
    this.#lease = lease
  }

  async renew(ttl?: Duration, options?: CallOptions): Promise<boolean> {
    const ms = ttl === undefined ? this.#ttl : milliseconds(ttl, 'ttl', 'renew')
    return this.#step('renew', options, call => this.#lease.renew(call, ms))
  }

  async release(options?: CallOptions): Promise<boolean> {
    return this.#step('release', options, call => this.#lease.release(call))
  }

  /** Never rejects: the error of the block that it ends would be lost. What fails is reported, and the lock ends by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {})
  }

  async #step(op: string, options: CallOptions | undefined, run: (call: Call) => Promise<boolean>): Promise<boolean> {
    const { key } = this
    const namespace = this.#namespace
    namespace.checkOpen(op, key)
    if (options !== undefined) checkCallOptions(op, options, key)
    try {
      return await run(namespace.call(options, true))
    } catch (error) {
      throw namespace.outage(error, op, key)
    }
  }
}

/** Ends early where the signal fires. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      stay?.()
      resolve()
    }
    const timer = setTimeout(end, ms)
    const stay = signal === undefined ? undefined : onAbort(signal, end)
  })
}
