import type { Encoded } from '@anycache/serializer'
import type { Loader, LoadOptions } from '../cache.js'
import { CacheError, located, type SerializationError, ServerError } from '../errors.js'
import { shown } from '../input/shown.js'
import type { Call } from '../store.js'
import { now } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import { sendWrite } from '../verbs/writing.js'
import { Flight } from './flight.js'
import type { Flights } from './flights.js'
import { Load } from './load.js'
import { type Purpose, Run } from './run.js'

/** The load of one key: runs the loader, stores what it gave, and hands out copies of it. */
export class Landing<T> implements Purpose<T> {
  readonly #namespace: Namespace
  readonly #flights: Flights
  readonly #id: string
  readonly #flight: Flight<T>
  readonly #context: Load
  readonly #loader: Loader<T>
  readonly #options: LoadOptions<T> | undefined
  readonly #isUnanswered: boolean
  #started = 0

  constructor(
    namespace: Namespace,
    flights: Flights,
    key: string,
    loader: Loader<T>,
    options: LoadOptions<T> | undefined,
    isUnanswered: boolean,
  ) {
    this.#namespace = namespace
    this.#flights = flights
    this.#id = namespace.prefix + key
    const run = new Run<T>(this)
    this.#flight = new Flight(key, run as Run)
    this.#context = new Load(key, run as Run)
    this.#loader = loader
    this.#options = options
    this.#isUnanswered = isUnanswered
  }

  /** The value for the caller who begins it. `isNested`: within a load of the same key, which keeps its place. */
  begin(isNested: boolean): Promise<T> {
    const flight = this.#flight
    // Before the loader runs: it may invalidate its key, or ask for it, at once.
    if (isNested) this.#flights.addApart(this.#id, flight)
    else this.#flights.add(this.#id, flight)
    const value = flight.join('load', this.#options)
    this.#started = now()
    this.#namespace.root.signals.counts.loads++
    flight.run.begin()
    return value
  }

  load(): T | Promise<T> {
    return this.#loader(this.#context)
  }

  deserted(): void {
    this.#flight.superseded = true
    this.#flights.drop(this.#id, this.#flight)
  }

  failed(error: unknown): void {
    this.#namespace.root.signals.counts.loadErrors++
    this.#report(false)
    this.#fail(error)
  }

  loaded(value: T): void {
    this.#report(true)
    if (value === undefined) {
      this.#land(false, () => value)
      return
    }
    const { key } = this.#flight
    let encoded: Encoded | Promise<Encoded>
    try {
      encoded = this.#namespace.entries.encode('getOrSet', key, value)
    } catch (error) {
      this.#notEncoded(value, error)
      return
    }
    if (encoded instanceof Promise) {
      encoded.then(
        late => this.#store(value, late),
        error => this.#notEncoded(value, error),
      )
    } else this.#store(value, encoded)
  }

  /** The caller asked for the value; that it cannot be stored is the operator's business. */
  #notEncoded(value: T, error: unknown): void {
    this.#namespace.root.signals.failed(error as SerializationError)
    this.#land(false, () => value)
  }

  #store(value: T, encoded: Encoded): void {
    const copy = (): T | Promise<T> => this.#namespace.entries.copyOf(value, encoded)
    try {
      const written = this.#isWanted(value) ? this.#write(encoded) : false
      // Where the server did not answer the read, the caller has waited for it once and does not wait again.
      if (this.#isUnanswered || !(written instanceof Promise)) this.#land(written === true, copy)
      else written.then(stored => this.#land(stored, copy))
    } catch (error) {
      this.#fail(error)
    }
  }

  #isWanted(value: T): boolean {
    const { skipNull, shouldCache } = this.#options ?? {}
    if (!this.#context.storable || (value === null && skipNull === true) || shouldCache?.(value) === false) return false
    return !(this.#flight.superseded || this.#namespace.closed || this.#namespace.root.closed)
  }

  /** Whether it was stored. Never throws or rejects: a value that was loaded is returned whatever becomes of its write. */
  #write(encoded: Encoded): boolean | Promise<boolean> {
    const namespace = this.#namespace
    const { key } = this.#flight
    const options = this.#options
    const ttl = namespace.ttl(this.#context.ttl ?? options?.ttl, 'getOrSet', key, options?.jitter)
    const space = namespace.keepingLoads()
    const call = (): Call => namespace.call(options)
    try {
      const written = sendWrite(namespace, { op: 'getOrSet', key, space, encoded, ttl, when: 'always', call })
      if (!(written instanceof Promise)) return written.outcome === 'stored'
      return written.then(
        ({ outcome }) => outcome === 'stored',
        error => this.#notWritten(error),
      )
    } catch (error) {
      return this.#notWritten(error)
    }
  }

  #notWritten(error: unknown): false {
    const { key } = this.#flight
    this.#namespace.root.signals.failed(
      error instanceof CacheError
        ? located(error, 'getOrSet', key)
        : new ServerError(`the store failed: ${shown(error)}`, { op: 'getOrSet', key, cause: error }),
    )
    return false
  }

  #report(ok: boolean): void {
    const { signals } = this.#namespace.root
    if (!signals.hasListeners) return
    const { key } = this.#flight
    const duration = now() - this.#started
    signals.emit('load', { op: 'getOrSet', key, namespace: this.#namespace.name, duration, ok })
  }

  #land(stored: boolean, copy: () => T | Promise<T>): void {
    this.#end()
    this.#flight.land({ stored, copy })
  }

  #fail(error: unknown): void {
    this.#end()
    this.#flight.fail(error)
  }

  #end(): void {
    this.#flight.run.over()
    this.#flights.drop(this.#id, this.#flight)
  }
}
