import type { Loads } from '../verbs/namespace.js'
import type { Flight } from './flight.js'

/** The loads over one store, by namespace prefix and key. */
export class Flights implements Loads {
  readonly #byId = new Map<string, Flight<unknown>>()
  /** Those that nobody can join, with their ids. */
  readonly #apart = new Map<Flight<unknown>, string>()

  /** How many loads there are to join or to supersede. Zero nearly always, and then nobody looks further. */
  get size(): number {
    return this.#byId.size + this.#apart.size
  }

  get<T>(id: string): Flight<T> | undefined {
    return this.#byId.get(id) as Flight<T> | undefined
  }

  /** From now on everyone finds the load under `id`, until it lands or is superseded. */
  add<T>(id: string, flight: Flight<T>): void {
    this.#byId.set(id, flight as Flight<unknown>)
  }

  /** A load of `id` that nobody can join, since another one has the place. */
  addApart<T>(id: string, flight: Flight<T>): void {
    this.#apart.set(flight as Flight<unknown>, id)
  }

  /** It is over, or nobody waits for it any more. */
  drop<T>(id: string, flight: Flight<T>): void {
    if (this.#byId.get(id) === (flight as Flight<unknown>)) this.#byId.delete(id)
    if (this.#apart.size !== 0) this.#apart.delete(flight as Flight<unknown>)
  }

  /** An invalidation of `id` is being sent: a later call gets a new load, and no older one is stored. */
  supersede(id: string): void {
    const flight = this.#byId.get(id)
    if (flight !== undefined) flight.superseded = true
    this.#byId.delete(id)
    for (const [other, otherId] of this.#apart) if (otherId === id) other.superseded = true
  }

  /** {@link Flights.supersede} for every id that `covers`. */
  supersedeAll(covers: (id: string) => boolean): void {
    for (const [id, flight] of this.#byId) {
      if (!covers(id)) continue
      flight.superseded = true
      this.#byId.delete(id)
    }
    for (const [flight, id] of this.#apart) if (covers(id)) flight.superseded = true
  }
}
