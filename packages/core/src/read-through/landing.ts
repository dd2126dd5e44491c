import type { Encoded } from '@anycache/serializer'
import type { Loader, LoadOptions } from '../cache.js'
import { CacheError, located, type SerializationError, ServerError } from '../errors.js'
import { shown } from '../input/shown.js'
import type { Answer } from '../store.js'
import { now } from '../timers.js'
import { whenAnswered } from '../verbs/answer.js'
import type { Namespace } from '../verbs/namespace.js'
import { sendWrite } from '../verbs/writing.js'
import { Flight } from './flight.js'
import type { Flights } from './flights.js'
import { Load } from './load.js'
import { type Purpose, Run } from './run.js'

/** One call of `getOrSet`. */
export interface LoadCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly key: string
  readonly loader: Loader<T>
  readonly options: LoadOptions<T> | undefined
}

/** The load of one key: runs the loader, stores what it gave, and hands out copies of it. */
export class Landing<T> implements Purpose<T> {
  readonly #call: LoadCall<T>
  /** The server did not answer the read. */
  readonly #isUnanswered: boolean
  readonly #flight: Flight<T>
  readonly #context: Load<T>
  #started = 0

  constructor(call: LoadCall<T>, isUnanswered: boolean) {
    this.#call = call
    this.#isUnanswered = isUnanswered
    const run = new Run(this) as Run
    this.#flight = new Flight(call.namespace.prefix, call.key, run)
    this.#context = new Load(call.key, run)
  }

  /** The value for the caller who begins it. `isNested`: within a load of the same key, which keeps its place. */
  begin(isNested = false): Promise<T> {
    const { namespace, flights, options } = this.#call
    const flight = this.#flight
    // Before the loader runs: it may invalidate its key, or ask for it, at once.
    flights.add(flight, isNested)
    const value = flight.join('load', options)
    this.#started = now()
    namespace.root.signals.counts.loads++
    flight.run.begin()
    return value
  }

  load(): T | PromiseLike<T> {
    return this.#call.loader(this.#context)
  }

  deserted(): void {
    this.#flight.superseded = true
    this.#call.flights.drop(this.#flight)
  }

  failed(error: unknown): void {
    this.#call.namespace.root.signals.counts.loadErrors++
    this.#report(false)
    this.#end()
    this.#flight.fail(error)
  }

  loaded(value: T): void {
    this.#report(true)
    const asItIs = (): T => value
    if (value === undefined) {
      this.#land(false, asItIs)
      return
    }
    const { namespace, key } = this.#call
    whenAnswered(
      () => namespace.entries.encode('getOrSet', key, value),
      encoded => this.#store(value, encoded),
      error => {
        // The caller asked for the value; that it cannot be stored is the operator's business.
        namespace.root.signals.failed(error as SerializationError)
        this.#land(false, asItIs)
      },
    )
  }

  #store(value: T, encoded: Encoded): void {
    let written: Answer<boolean>
    try {
      written = this.#isWanted(value) && this.#write(encoded)
    } catch (error) {
      this.#end()
      this.#flight.fail(error)
      return
    }
    const copy = (): T | Promise<T> => this.#call.namespace.entries.copyOf(value, encoded)
    // Where the server did not answer the read, the caller has waited for it once and does not wait again.
    if (this.#isUnanswered) this.#land(false, copy)
    else if (written instanceof Promise) written.then(stored => this.#land(stored, copy))
    else this.#land(written, copy)
  }

  #isWanted(value: T): boolean {
    const { namespace, options } = this.#call
    if (!this.#context.storable || (value === null && options?.skipNull === true)) return false
    if (options?.shouldCache?.(value) === false) return false
    return !(this.#flight.superseded || namespace.closed || namespace.root.closed)
  }

  /** Whether it was stored. Neither throws nor rejects: a value that was loaded is returned whatever becomes of its write. */
  #write(encoded: Encoded): Answer<boolean> {
    const { namespace, key, options } = this.#call
    const ttl = namespace.ttl(this.#context.ttl ?? options?.ttl, 'getOrSet', key, options?.jitter)
    const space = namespace.keepingLoads()
    const call = () => namespace.call(options)
    return whenAnswered(
      () => sendWrite(namespace, { op: 'getOrSet', key, space, encoded, ttl, when: 'always', call }),
      ({ outcome }) => outcome === 'stored',
      error => {
        const failure =
          error instanceof CacheError
            ? located(error, 'getOrSet', key)
            : new ServerError(`the store failed: ${shown(error)}`, { op: 'getOrSet', key, cause: error })
        namespace.root.signals.failed(failure)
        return false
      },
    )
  }

  #report(ok: boolean): void {
    const { namespace, key } = this.#call
    const { signals } = namespace.root
    if (!signals.hasListeners) return
    signals.emit('load', {
      op: 'getOrSet',
      key,
      namespace: namespace.name,
      duration: now() - this.#started,
      ok,
      background: false,
    })
  }

  #land(stored: boolean, copy: () => T | Promise<T>): void {
    this.#end()
    this.#flight.land(stored, copy)
  }

  #end(): void {
    this.#flight.run.over()
    this.#call.flights.drop(this.#flight)
  }
}
