import type { Entries } from '../entries/entries.js'
import type { Signals } from '../events/signals.js'
import type { Settings } from '../input/settings.js'
import type { Store } from '../store.js'
import type { KeyOrder } from './key-order.js'

/** The loads that a change of their key supersedes: what they give is not stored any more. */
export interface Loads {
  readonly size: number
  /** `id`: prefix and key. */
  supersede(id: string): void
  supersedeAll(covers: (id: string) => boolean): void
  /** Tags were invalidated: {@link Loads.supersede} for the loads of values with one of them, now or later. `within`: the cache's own prefixes. */
  supersedeTags(tags: readonly string[], covers: (id: string) => boolean): void
}

/** What all namespaces of one open cache share. `order` and `loads` are those of every cache over the store. */
export interface Root {
  readonly store: Store
  readonly settings: Settings
  readonly signals: Signals
  readonly entries: Entries
  readonly order: KeyOrder
  readonly loads: Loads
  /** `clear` and `flush` under way: verbs of many steps, during which the store stays open. */
  readonly clearings: Set<Promise<void>>
  /** Loads that run, or wait for another process'. */
  readonly underWay: Set<{ close(): Promise<void> }>
  closed: boolean
}
