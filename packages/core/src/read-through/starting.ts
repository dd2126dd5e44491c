import type { ReadThrough } from '../input/read-through-options.js'
import type { Flight } from './flight.js'
import { Landing } from './landing.js'
import { type LoadCall, owned, targetOf, waitingOf } from './load-call.js'
import type { Circumstances } from './load-target.js'
import type { OldValue } from './old-value.js'
import { Run } from './run.js'
import { orStale } from './stale.js'
import { policyOf } from './windows.js'

/**
 * The value of the load of the key that is under way, if there is one. `hasRead`: the call has looked for what it can be served meanwhile, and
 * found `old` or nothing.
 */
export function joinRunning<T>(call: LoadCall<T>, hasRead: boolean, old?: OldValue<T>): Promise<T> | undefined {
  const { namespace, flights, key } = call
  const flight = flights.size === 0 ? undefined : flights.get<T>(namespace.prefix + key)
  // What it is to replace can be served perhaps: the store knows, since another process may have deleted it.
  if (flight === undefined || (flight.old !== undefined && !hasRead)) return undefined
  const from = Run.current
  // Its loader waits, directly or not, for the one this call was made in: loading twice is better than waiting without end.
  if (from !== undefined && flight.run.needs(from)) return begin(owned(call), { isNested: true })
  return join(owned(call), flight, old)
}

/**
 * The read found nothing to serve: a load that is to replace what was there until now began before it was taken away, as by another process' delete,
 * and is not joined.
 */
export function leaveOvertaken<T>({ namespace, flights, key }: LoadCall<T>): void {
  const flight = flights.size === 0 ? undefined : flights.get<T>(namespace.prefix + key)
  if (flight?.old !== undefined && namespace.entries.epochNow() < flight.old.keptUntil) flights.supersedeOne(flight)
}

function join<T>(call: LoadCall<T>, flight: Flight<T>, old: OldValue<T> | undefined): Promise<T> {
  const { namespace, options } = call
  call.onElsewhere?.()
  namespace.root.signals.counts.joins++
  const policy = policyOf(namespace, options)
  const waiting = waitingOf(call, policy)
  const load = flight.join(false, waiting)
  return old === undefined ? load : orStale(call, policy, old, { flight, waiting, load })
}

/** A load for a caller who waits for it. */
export function begin<T>(call: LoadCall<T>, at: Circumstances<T>): Promise<T> {
  const policy = policyOf(call.namespace, call.options)
  const landing = new Landing(targetOf(call, policy), call.loader, at)
  const { flight } = landing
  const waiting = waitingOf(call, policy)
  const load = landing.begin(waiting)
  return at.old === undefined ? load : orStale(call, policy, at.old, { flight, waiting, load })
}

/** Loads in the background, where no load of the key runs and its loader did not fail a moment ago. */
export function refresh<T>(call: LoadCall<T>, policy: ReadThrough, old: OldValue<T>): void {
  const { namespace, flights, key, loader } = call
  const id = namespace.prefix + key
  if (flights.get(id) !== undefined || flights.rests(id) || flights.isElsewhere(id)) return
  call.onRefresh?.()
  new Landing(targetOf(call, policy), loader, { seen: old.item, old, isBackground: true }).beginInBackground()
}
