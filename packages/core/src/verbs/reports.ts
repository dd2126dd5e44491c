import { type Judged, Miss } from '../entries/verdict.js'
import type { Signals } from '../events/signals.js'
import type { Item, Owed, StoredItem } from '../store.js'

/** What the verbs of one namespace did, in counts and events. */
export class Reports {
  readonly #signals: Signals
  readonly #name: string | undefined

  constructor(signals: Signals, name: string | undefined) {
    this.#signals = signals
    this.#name = name
  }

  /** Counts and reports a read: the value of a hit, or `undefined`. */
  read<T>(op: string, key: string, answer: StoredItem | Owed | undefined, judged: Judged<T>): T | undefined {
    if (judged instanceof Miss) {
      this.miss(op, key, judged)
      return undefined
    }
    this.hit(op, key, answer as StoredItem)
    return judged
  }

  hit(op: string, key: string, item: Item): void {
    this.#signals.counts.hits++
    this.#signals.counts.bytesRead += item.data.length
    if (this.#signals.hasListeners) this.#signals.emit('hit', { op, key, namespace: this.#name })
  }

  miss(op: string, key: string, { reason, count, isOutage }: Miss): void {
    this.#signals.counts.misses++
    this.#signals.counts[count]++
    if (this.#signals.hasListeners)
      this.#signals.emit('miss', { op, key, namespace: this.#name, outage: isOutage, reason })
  }

  wrote(op: string, key: string, item: Item, stored: boolean): void {
    if (stored) {
      this.#signals.counts.writes++
      this.#signals.counts.bytesWritten += item.data.length
    }
    if (this.#signals.hasListeners) this.#signals.emit('write', { op, key, namespace: this.#name, stored })
  }

  deleted(op: string, key: string, there: boolean): void {
    if (there) this.#signals.counts.deletes++
    if (this.#signals.hasListeners) this.#signals.emit('delete', { op, key, namespace: this.#name })
  }
}
