import type { ReadThrough } from '../input/read-through-options.js'
import type { Flight } from './flight.js'
import { Landing } from './landing.js'
import { type LoadCall, owned, targetOf, waitingOf } from './load-call.js'
import type { Circumstances } from './load-target.js'
import type { OldValue } from './old-value.js'
import { Run } from './run.js'
import { orStale, serveCopy, staleForOf } from './stale.js'
import { policyOf } from './windows.js'

/** The value of the load of the key that is under way, if there is one. `isMiss`: nothing can be served from the cache meanwhile. */
export function joinRunning<T>(call: LoadCall<T>, isMiss: boolean): Promise<T> | undefined {
  const { namespace, flights, key } = call
  const flight = flights.size === 0 ? undefined : flights.get<T>(namespace.prefix + key)
  // A load that nobody waited for: what it is to replace can be served.
  if (flight === undefined || (flight.isBackground && !isMiss)) return undefined
  const from = Run.current
  // Its loader waits, directly or not, for the one this call was made in: loading twice is better than waiting without end.
  if (from !== undefined && flight.run.needs(from)) return begin(owned(call), { isNested: true })
  return join(owned(call), flight)
}

function join<T>(call: LoadCall<T>, flight: Flight<T>): Promise<T> {
  const { namespace, options } = call
  const { old } = flight
  const policy = policyOf(namespace, options)
  if (old !== undefined && !options?.force && staleForOf(namespace, old) < policy.staleWhileRevalidate) {
    call.onElsewhere?.()
    return serveCopy(call, old)
  }
  call.onElsewhere?.()
  namespace.root.signals.counts.joins++
  const load = flight.join(false, waitingOf(call, policy))
  return old === undefined ? load : orStale(call, policy, old, flight, load)
}

/** A load for a caller who waits for it. */
export function begin<T>(call: LoadCall<T>, at: Circumstances<T>): Promise<T> {
  const policy = policyOf(call.namespace, call.options)
  const landing = new Landing(targetOf(call, policy), call.loader, at)
  const load = landing.begin(waitingOf(call, policy))
  return at.old === undefined ? load : orStale(call, policy, at.old, landing.flight, load)
}

/** Loads in the background, where no load of the key runs and its loader did not fail a moment ago. */
export function refresh<T>(call: LoadCall<T>, policy: ReadThrough, old: OldValue<T>): void {
  const { namespace, flights, key, loader } = call
  const id = namespace.prefix + key
  if (flights.get(id) !== undefined || flights.rests(id)) return
  new Landing(targetOf(call, policy), loader, { seen: old.item, old, isBackground: true }).beginInBackground()
}
