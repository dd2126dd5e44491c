import type { LoadOptions, ManyLoader } from '../cache.js'
import type { Namespace } from '../verbs/namespace.js'
import type { Flights } from './flights.js'

/** One call of `getOrSetMany`. */
export interface ManyCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly keys: readonly string[]
  readonly loader: ManyLoader<T>
  readonly options: LoadOptions<T> | undefined
}

/** `getOrSetMany` after its arguments were checked. */
export async function getOrSetMany<T>(_call: ManyCall<T>): Promise<Map<string, T>> {
  throw new Error('not yet')
}
