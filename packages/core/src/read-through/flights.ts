import type { Loads } from '../verbs/namespace.js'
import type { Flight } from './flight.js'

/** The loads over one store, by namespace prefix and key. */
export class Flights implements Loads {
  readonly #byId = new Map<string, Flight<unknown>>()
  /** Those that nobody can join, since another load of the key has the place. */
  readonly #apart = new Set<Flight<unknown>>()

  /** How many loads there are to join or to supersede. Nearly always zero, and then no other check is needed. */
  get size(): number {
    return this.#byId.size + this.#apart.size
  }

  get<T>(id: string): Flight<T> | undefined {
    return this.#byId.get(id) as Flight<T> | undefined
  }

  /** From now on everyone finds the load, unless it is apart, until it lands or is superseded. */
  add<T>(flight: Flight<T>, isApart: boolean): void {
    if (isApart) this.#apart.add(flight as Flight<unknown>)
    else this.#byId.set(flight.id, flight as Flight<unknown>)
  }

  /** It is over, or nobody waits for it any more. */
  drop<T>(flight: Flight<T>): void {
    if (this.#byId.get(flight.id) === (flight as Flight<unknown>)) this.#byId.delete(flight.id)
    if (this.#apart.size !== 0) this.#apart.delete(flight as Flight<unknown>)
  }

  /** An invalidation of `id` is being sent: a later call gets a new load, and no older one is stored. */
  supersede(id: string): void {
    const flight = this.#byId.get(id)
    if (flight !== undefined) flight.superseded = true
    this.#byId.delete(id)
    for (const other of this.#apart) if (other.id === id) other.superseded = true
  }

  /** {@link Flights.supersede} for every id that `covers`. */
  supersedeAll(covers: (id: string) => boolean): void {
    for (const id of this.#byId.keys()) if (covers(id)) this.supersede(id)
    for (const { id } of this.#apart) if (covers(id)) this.supersede(id)
  }

  supersedeTags(_tags: readonly string[], covers: (id: string) => boolean): void {
    this.supersedeAll(covers)
  }
}
