import type { ReadThrough } from '../input/read-through-options.js'
import { clearTimeout, setTimeout } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import type { Flight, Waiting } from './flight.js'
import type { LoadCall } from './load-call.js'
import { copyOfOld, type OldValue } from './old-value.js'

/** A load with a stale value behind it, which is served where this call permits it and the load fails or takes longer than `softTimeout`. */
export async function orStale<T>(
  call: LoadCall<T>,
  policy: ReadThrough,
  old: OldValue<T>,
  { flight, waiting, load }: { readonly flight: Flight<T>; readonly waiting: Waiting<T>; readonly load: Promise<T> },
): Promise<T> {
  const { namespace, flights, options } = call
  const permits = (): boolean => staleForOf(namespace, old) < policy.staleIfError
  try {
    const value = await within(load, policy.softTimeout)
    if (value !== late) return value
    if (!permits()) return await load
    flight.keep(call.op, policy.hardTimeout)
    load.catch(() => {})
    flight.leave(waiting)
  } catch (error) {
    // A loader may fail with `undefined`, which is no outage.
    const isOutage = flight.outage !== undefined && error === flight.outage
    if (options?.signal?.aborted || isOutage || !permits()) throw error
    flights.noteFailure(flight.id)
  }
  return serveStale(call, old, await copyOfOld(namespace, old))
}

const late: unique symbol = Symbol('late')

async function within<T>(load: Promise<T>, ms: number): Promise<T | typeof late> {
  if (ms === Number.POSITIVE_INFINITY) return load
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<typeof late>(resolve => {
    timer = setTimeout(() => resolve(late), ms)
  })
  try {
    return await Promise.race([load, over])
  } finally {
    clearTimeout(timer)
  }
}

/** Reports that a value past its ttl is served. */
export function serveStale<T>({ namespace, op, key, options }: LoadCall<T>, old: OldValue<T>, value: T): T {
  const { signals } = namespace.root
  const staleFor = staleForOf(namespace, old)
  signals.counts.stale++
  if (signals.hasListeners) signals.emit('stale', { op, key, namespace: namespace.name, staleFor })
  const age = old.created === undefined ? undefined : Math.max(0, namespace.entries.epochNow() - old.created)
  options?.onOutcome?.({ source: 'stale', key, stored: true, stale: staleFor >= 0, age, loadedBy: undefined })
  return value
}

/** How long it is past its ttl, in ms. Negative: not yet. */
export function staleForOf(namespace: Namespace, { softDeadline }: OldValue<unknown>): number {
  return namespace.entries.epochNow() - softDeadline
}
