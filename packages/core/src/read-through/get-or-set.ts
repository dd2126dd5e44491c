import type { LoadOptions } from '../cache.js'
import { type Judged, Miss } from '../entries/verdict.js'
import type { Owed, StoredItem } from '../store.js'
import { readItem } from '../verbs/reading.js'
import { Landing, type LoadCall } from './landing.js'
import { Run } from './run.js'
import { untilAborted } from './until-aborted.js'

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function getOrSet<T>(call: LoadCall<T>): Promise<T> {
  const { options } = call
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const running = joinRunning(call)
  if (running !== undefined) return running
  if (options?.force) return new Landing(owned(call), false).begin()
  const value = readFirst(call)
  return signal === undefined ? value : untilAborted(value, signal)
}

/** The value of the load of the key that is under way, if there is one. */
function joinRunning<T>(call: LoadCall<T>): Promise<T> | undefined {
  const { namespace, flights, key, options } = call
  const flight = flights.size === 0 ? undefined : flights.get<T>(namespace.prefix + key)
  if (flight === undefined) return undefined
  const from = Run.current
  // Its loader waits, directly or not, for the one this call was made in: loading twice is better than waiting without end.
  if (from !== undefined && flight.run.needs(from)) return new Landing(owned(call), false).begin(true)
  namespace.root.signals.counts.joins++
  return flight.join('joined', options)
}

function readFirst<T>(call: LoadCall<T>): Promise<T> {
  const { namespace, key, options } = call
  const found = readItem(namespace, key, namespace.call(options))
  if (found instanceof Promise) {
    const own = owned(call)
    return found.then(
      item => judge(own, item),
      error => {
        namespace.endure(error, 'getOrSet', key, own.options)
        return missed(own, Miss.outage, true)
      },
    )
  }
  try {
    return Promise.resolve(judge(call, found))
  } catch (error) {
    return Promise.reject(error)
  }
}

function judge<T>(call: LoadCall<T>, item: StoredItem | Owed | undefined): T | Promise<T> {
  const judged = call.namespace.judge<T>('getOrSet', call.key, item, call.namespace.call(call.options))
  if (judged instanceof Promise) return judged.then(late => settle(call, item, late))
  return settle(call, item, judged)
}

function settle<T>(call: LoadCall<T>, item: StoredItem | Owed | undefined, judged: Judged<T>): T | Promise<T> {
  if (judged instanceof Miss) return missed(call, judged, false)
  const { namespace, key, options } = call
  namespace.hit('getOrSet', key, item as StoredItem)
  options?.onOutcome?.({ source: 'hit', key, stored: true, stale: false, age: undefined, loadedBy: undefined })
  return judged
}

/** `isUnanswered`: the server did not answer the read. */
function missed<T>(call: LoadCall<T>, miss: Miss, isUnanswered: boolean): Promise<T> {
  const signal = call.options?.signal
  // Everyone who left before this step has the signal's reason already, and nobody is left to load for.
  if (signal?.aborted) return Promise.reject(signal.reason)
  const running = joinRunning(call)
  if (running !== undefined) return running
  call.namespace.miss('getOrSet', call.key, miss)
  // A listener of the miss may have fired the signal, or begun to load the key: of two loads only one could be superseded.
  if (signal?.aborted) return Promise.reject(signal.reason)
  return joinRunning(call) ?? new Landing(owned(call), isUnanswered).begin()
}

/** The call with a copy of its options: the caller may change the object as soon as the call was made. */
function owned<T>(call: LoadCall<T>): LoadCall<T> {
  if (call.options === undefined) return call
  const copy: Record<string, unknown> = {}
  // With what they inherit, since that counts as given.
  for (const name in call.options) copy[name] = call.options[name as keyof LoadOptions<T>]
  return { ...call, options: copy }
}
