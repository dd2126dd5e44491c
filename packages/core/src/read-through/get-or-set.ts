import type { Loader, LoadOptions } from '../cache.js'
import { type Judged, Miss } from '../entries/verdict.js'
import type { Answer, Owed, StoredItem } from '../store.js'
import type { Namespace } from '../verbs/namespace.js'
import { readItem } from '../verbs/reading.js'
import type { Flights } from './flights.js'
import { Landing } from './landing.js'
import { Run } from './run.js'
import { untilAborted } from './until-aborted.js'

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function readThrough<T>(
  namespace: Namespace,
  flights: Flights,
  key: string,
  loader: Loader<T>,
  options: LoadOptions<T> | undefined,
): Promise<T> {
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const call = new GetOrSet(namespace, flights, key, loader, options)
  const running = call.joinRunning()
  if (running !== undefined) return running
  if (options?.force) return call.load(false)
  const read = call.readFirst()
  return signal === undefined ? read : untilAborted(read, signal)
}

/** One call of `getOrSet`, from its read to its value. */
class GetOrSet<T> {
  readonly #namespace: Namespace
  readonly #flights: Flights
  readonly #key: string
  readonly #loader: Loader<T>
  #options: LoadOptions<T> | undefined

  constructor(
    namespace: Namespace,
    flights: Flights,
    key: string,
    loader: Loader<T>,
    options: LoadOptions<T> | undefined,
  ) {
    this.#namespace = namespace
    this.#flights = flights
    this.#key = key
    this.#loader = loader
    this.#options = options
  }

  get #id(): string {
    return this.#namespace.prefix + this.#key
  }

  /** The value of the load of this key that is under way, if there is one. */
  joinRunning(): Promise<T> | undefined {
    const flight = this.#flights.size === 0 ? undefined : this.#flights.get<T>(this.#id)
    if (flight === undefined) return undefined
    const from = Run.current
    // Its loader waits, directly or not, for the one this call was made in. Loading twice is better than waiting for ever.
    if (from !== undefined && flight.run.needs(from)) return this.load(false, true)
    this.#namespace.root.signals.counts.joins++
    return flight.join('joined', this.#options)
  }

  readFirst(): Promise<T> {
    let answer: Answer<StoredItem | Owed | undefined>
    try {
      answer = readItem(this.#namespace, this.#key, this.#namespace.call(this.#options))
    } catch (error) {
      answer = Promise.reject(error)
    }
    if (answer instanceof Promise) {
      this.#options = own(this.#options)
      return answer.then(
        item => this.#judge(item),
        error => this.#failed(error),
      )
    }
    try {
      return Promise.resolve(this.#judge(answer))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #judge(item: StoredItem | Owed | undefined): T | Promise<T> {
    const judged = this.#namespace.judge<T>('getOrSet', this.#key, item)
    if (judged instanceof Promise) return judged.then(late => this.#settle(item, late))
    return this.#settle(item, judged)
  }

  #settle(item: StoredItem | Owed | undefined, judged: Judged<T>): T | Promise<T> {
    if (judged instanceof Miss) return this.#missed(judged.isOutage, false)
    this.#namespace.hit('getOrSet', this.#key, item as StoredItem)
    this.#options?.onOutcome?.({ source: 'hit', key: this.#key, stored: true })
    return judged
  }

  #failed(error: unknown): Promise<T> {
    this.#namespace.endure(error, 'getOrSet', this.#key, this.#options)
    return this.#missed(true, true)
  }

  /** `isUnanswered`: the server did not answer the read. */
  #missed(isOutage: boolean, isUnanswered: boolean): Promise<T> {
    // Everyone who had left by now has been told so; nobody is left to load for.
    const signal = this.#options?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    const running = this.joinRunning()
    if (running !== undefined) return running
    this.#namespace.miss('getOrSet', this.#key, isOutage)
    return this.load(isUnanswered)
  }

  /** `isNested`: within a load of the same key, which keeps its place. */
  load(isUnanswered: boolean, isNested = false): Promise<T> {
    const options = own(this.#options)
    return new Landing(this.#namespace, this.#flights, this.#key, this.#loader, options, isUnanswered).begin(isNested)
  }
}

/** A copy of the options: the caller may change the object as soon as the call was made. */
function own<O extends object>(options: O | undefined): O | undefined {
  if (options === undefined) return undefined
  const copy: Record<string, unknown> = {}
  // With what they inherit, since that counts as given.
  for (const name in options) copy[name] = options[name]
  return copy as O
}
