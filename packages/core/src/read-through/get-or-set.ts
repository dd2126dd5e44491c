import type { Loader, LoadOptions } from '../cache.js'
import type { TagVersions } from '../entries/tags.js'
import { type Judged, Miss } from '../entries/verdict.js'
import { isOutage, NotSupportedError } from '../errors.js'
import type { ReadThrough } from '../input/read-through-options.js'
import { tagsOf } from '../input/tags.js'
import type { Answer, Call, Owed, StoredItem } from '../store.js'
import { clearTimeout, setTimeout } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import { readItem } from '../verbs/reading.js'
import type { Flight, Waiting } from './flight.js'
import type { Flights } from './flights.js'
import type { Circumstances, LoadTarget } from './key-load.js'
import { Landing } from './landing.js'
import { copyOfOld, type OldValue, oldValue } from './old-value.js'
import { Run } from './run.js'
import { untilAborted } from './until-aborted.js'
import { isDue, metadataOf, needsLifetimes, policyOf } from './windows.js'

/** One call of `getOrSet`. */
export interface LoadCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly key: string
  readonly loader: Loader<T>
  readonly options: LoadOptions<T> | undefined
}

const op = 'getOrSet'

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function getOrSet<T>(call: LoadCall<T>): Promise<T> {
  const { options } = call
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const running = joinRunning(call, false)
  if (running !== undefined) return running
  if (options?.force) return begin(owned(call), {})
  const value = readFirst(call)
  return signal === undefined ? value : untilAborted(value, signal)
}
