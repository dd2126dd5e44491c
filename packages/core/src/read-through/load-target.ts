import type { TagVersions } from '../entries/tags.js'
import type { ReadThrough } from '../input/read-through-options.js'
import type { LoadOptions } from '../options.js'
import type { StoredItem } from '../store.js'
import type { Namespace } from '../verbs/namespace.js'
import type { Flights } from './flights.js'
import type { OldValue } from './old-value.js'

/** One key of a call that loads. */
export interface LoadTarget {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly op: 'getOrSet' | 'getOrSetMany'
  readonly key: string
  readonly options: LoadOptions<never> | undefined
  readonly policy: ReadThrough
  /** Tags of the call. */
  readonly tags: readonly string[]
  /** See {@link LoadCall}. */
  readonly onElsewhere?: (() => void) | undefined
}

/** In what circumstances a load begins. */
export interface Circumstances<T> {
  /** What the read found where the key is taken: an old value's item, or bytes that cannot be used. */
  readonly seen?: StoredItem | undefined
  readonly old?: OldValue<T> | undefined
  /** Versions of the call's tags, read before. */
  readonly versions?: TagVersions | undefined
  /** Nobody waits for it. */
  readonly isBackground?: boolean
  /** Within a load of the same key, which keeps its place and stores its own result. */
  readonly isNested?: boolean
  /** The server did not answer the read. */
  readonly isUnanswered?: boolean
}
