import type { ReadThrough } from '../input/read-through-options.js'
import { tagsOf } from '../input/tags.js'
import type { Loader } from '../loader.js'
import type { LoadOptions } from '../options.js'
import type { Namespace } from '../verbs/namespace.js'
import type { Waiting } from './flight.js'
import type { Flights } from './flights.js'
import type { LoadTarget } from './load-target.js'

/** What is asked for one key. */
export interface LoadCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly op: 'getOrSet' | 'getOrSetMany'
  readonly key: string
  readonly loader: Loader<T>
  readonly options: LoadOptions<T> | undefined
  /** Makes the call once more, as if it came now. */
  readonly repeat: (call: LoadCall<T>) => Promise<T>
  /** Called when it is known that the loader is not called for this call now, as while another load of the key runs. */
  readonly onElsewhere?: (() => void) | undefined
  /** Called when a load in the background begins for this call. */
  readonly onRefresh?: (() => void) | undefined
  /** The options are a copy. */
  readonly isOwned?: boolean
}

/** The call with a copy of its options: the caller may change them as soon as the call was made. */
export function owned<T>(call: LoadCall<T>): LoadCall<T> {
  if (call.options === undefined || call.isOwned) return call
  const copy: Record<string, unknown> = {}
  // With what they inherit, since that counts as given.
  for (const name in call.options) copy[name] = call.options[name as keyof LoadOptions<T>]
  if (Array.isArray(copy.tags)) copy.tags = [...copy.tags]
  const { namespace, flights, op, key, loader, repeat, onElsewhere, onRefresh } = call
  // Without a spread, which takes longer than all the rest of a hit.
  return { namespace, flights, op, key, loader, options: copy, repeat, onElsewhere, onRefresh, isOwned: true }
}

export function waitingOf<T>(call: LoadCall<T>, { hardTimeout }: ReadThrough): Waiting<T> {
  const { op, key, options, namespace } = call
  const { entries } = namespace
  const throws = !namespace.open(options)
  return {
    op,
    signal: options?.signal,
    onOutcome: options?.onOutcome,
    hardTimeout,
    throws,
    fit: entries.isTyped ? value => entries.fit<T>(op, key, value) : undefined,
    retry: () => call.repeat(call),
  }
}

export function targetOf<T>(
  { namespace, flights, op, key, options, onElsewhere }: LoadCall<T>,
  policy: ReadThrough,
): LoadTarget {
  const tags = options?.tags === undefined ? noTags : tagsOf(options.tags, op, key)
  return { namespace, flights, op, key, options: options as LoadOptions<never> | undefined, policy, tags, onElsewhere }
}

const noTags: readonly string[] = []
