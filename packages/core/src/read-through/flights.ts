import { now } from '../timers.js'
import type { Loads } from '../verbs/root.js'
import type { Flight } from './flight.js'

/** How long the loader of a key is not called again after it failed, where a stale value can be served, in ms. */
const restAfterFailure = 1000
/** How long the refresh of a key is left to another process that was found at it, in ms. */
const pauseWhileElsewhere = 100
/** Keys of which such things are remembered at most. */
const mostNotes = 10_000

/** The loads over one store, by namespace prefix and key. */
export class Flights implements Loads {
  readonly #byId = new Map<string, Flight<unknown>>()
  /** Those that nobody can join, since another load of the key has the place. */
  readonly #apart = new Set<Flight<unknown>>()
  /** Until when the loaders of keys rest, on the clock of `now`. The oldest first. */
  readonly #resting = new Map<string, number>()
  /** Until when the refreshes of keys are left to other processes. */
  readonly #elsewhere = new Map<string, number>()

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
    this.#byId.delete(id)
    if (flight !== undefined) supersede(flight)
    for (const other of this.#apart) if (other.id === id) supersede(other)
  }

  /** {@link Flights.supersede} for every id that `covers`. */
  supersedeAll(covers: (id: string) => boolean): void {
    for (const { id } of this.#all()) if (covers(id)) this.supersede(id)
  }

  supersedeTags(tags: readonly string[], covers: (id: string) => boolean): void {
    for (const flight of this.#all()) {
      if (!covers(flight.id)) continue
      if (flight.tags.some(tag => tags.includes(tag))) this.supersedeOne(flight)
      else flight.invalidated(tags)
    }
  }

  /** {@link Flights.supersede} for this load alone. */
  supersedeOne<T>(flight: Flight<T>): void {
    this.drop(flight)
    supersede(flight as Flight<unknown>)
  }

  /** The loader of the key failed while there was a stale value. */
  noteFailure(id: string): void {
    note(this.#resting, id, restAfterFailure)
  }

  /** Whether the loader of the key failed a moment ago. */
  rests(id: string): boolean {
    return isNoted(this.#resting, id)
  }

  /** Another process refreshes the key. */
  noteElsewhere(id: string): void {
    note(this.#elsewhere, id, pauseWhileElsewhere)
  }

  /** Whether another process refreshed the key a moment ago: each hit would ask for its lease. */
  isElsewhere(id: string): boolean {
    return isNoted(this.#elsewhere, id)
  }

  #all(): Flight<unknown>[] {
    return this.size === 0 ? [] : [...this.#byId.values(), ...this.#apart]
  }
}

/** Remembers the key for `ms`; the oldest first. */
function note(until: Map<string, number>, id: string, ms: number): void {
  until.delete(id)
  until.set(id, now() + ms)
  for (const [oldest, end] of until) {
    if (end > now() && until.size <= mostNotes) break
    until.delete(oldest)
  }
}

function isNoted(until: ReadonlyMap<string, number>, id: string): boolean {
  return until.size !== 0 && (until.get(id) ?? 0) > now()
}

function supersede(flight: Flight<unknown>): void {
  if (flight.superseded) return
  flight.superseded = true
  flight.onSuperseded?.()
}
