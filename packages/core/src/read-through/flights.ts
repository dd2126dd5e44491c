import { AsyncLocalStorage } from 'node:async_hooks'
import { Load } from './load.js'
import { untilAborted } from './until-aborted.js'

/** What a flight gives each of its callers: a value of their own. */
export interface Landed<T> {
  readonly stored: boolean
  /** A fresh copy at each call; the loaded value itself where it is a scalar or cannot be copied. */
  copy(): T | Promise<T>
}

/** Tells in whose loader a call was made, so that two loads that need each other do not wait for ever. */
const current = new AsyncLocalStorage<Flight<unknown>>()
let running = 0

/** One load of one key, shared by everyone who asks for it meanwhile. */
export class Flight<T> {
  readonly load: Load
  readonly landed: Promise<Landed<T>>
  /** An invalidation came after the load began: its result is for its callers only and is never stored. */
  superseded = false
  #waiters = 0
  #over = false
  /** One place for each wait: a loader may wait for one flight several times over. */
  readonly #waitsFor: Flight<unknown>[] = []
  readonly #onDeserted: () => void
  #land!: (landed: Promise<Landed<T>>) => void

  constructor(key: string, onDeserted: () => void) {
    this.load = new Load(key)
    this.#onDeserted = onDeserted
    this.landed = new Promise(resolve => {
      this.#land = resolve
    })
    // Everyone who asked may have left before it failed.
    this.landed.catch(() => {})
  }

  begin(run: (load: Load, flight: Flight<T>) => Promise<Landed<T>>): void {
    const from = current.getStore()
    // Whoever begins it is going to wait for it, and its loader may ask for the beginner's key in its first step.
    if (from !== undefined) from.#waitsFor.push(this as Flight<unknown>)
    running++
    const landing = current.run(this as Flight<unknown>, run, this.load, this).finally(() => {
      this.#over = true
      // Following promises costs every promise of the process something on Node 20: only while a loader runs.
      if (--running === 0) current.disable()
    })
    this.#land(landing)
    if (from !== undefined) from.#stopWaitingFor(this as Flight<unknown>)
  }

  /** Whether waiting for this flight here would wait for the caller's own loader. */
  wouldDeadlock(): boolean {
    const from = running === 0 ? undefined : current.getStore()
    return from !== undefined && this.#needs(from, new Set())
  }

  #needs(other: Flight<unknown>, seen: Set<Flight<unknown>>): boolean {
    if ((this as Flight<unknown>) === other) return true
    if (seen.has(this as Flight<unknown>)) return false
    seen.add(this as Flight<unknown>)
    for (const next of this.#waitsFor) if (next.#needs(other, seen)) return true
    return false
  }

  #stopWaitingFor(other: Flight<unknown>): void {
    this.#waitsFor.splice(this.#waitsFor.indexOf(other), 1)
  }

  /** Waits for the result, or until `signal` fires. The last one to leave stops the load. */
  join(signal: AbortSignal | undefined): Promise<Landed<T>> {
    const from = current.getStore()
    if (from !== undefined) from.#waitsFor.push(this as Flight<unknown>)
    this.#waiters++
    const waiting = signal === undefined ? this.landed : untilAborted(this.landed, signal)
    const left = (): void => {
      if (from !== undefined) from.#stopWaitingFor(this as Flight<unknown>)
      if (--this.#waiters > 0 || this.#over) return
      this.#onDeserted()
      this.load.abort(signal?.reason)
    }
    waiting.then(left, left)
    return waiting
  }
}

function unstarted<T>(key: string, onDeserted: () => void): Flight<T> {
  const flight: Flight<T> = new Flight(key, () => {
    flight.superseded = true
    onDeserted()
  })
  return flight
}

/** The loads over one store, by namespace prefix and key. */
export class Flights {
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

  /** Starts a load under `id`, where everyone finds it until it landed or was superseded. */
  start<T>(id: string, key: string, run: (load: Load, flight: Flight<T>) => Promise<Landed<T>>): Flight<T> {
    const drop = (): void => {
      if (this.#byId.get(id) === (flight as Flight<unknown>)) this.#byId.delete(id)
    }
    const flight = unstarted<T>(key, drop)
    // Before it runs: the loader itself may invalidate its key at once.
    this.#byId.set(id, flight as Flight<unknown>)
    flight.begin(run)
    flight.landed.then(drop, drop)
    return flight
  }

  /** Starts a load of `id` that nobody can join. */
  startApart<T>(id: string, key: string, run: (load: Load, flight: Flight<T>) => Promise<Landed<T>>): Flight<T> {
    const drop = (): void => {
      this.#apart.delete(flight as Flight<unknown>)
    }
    const flight = unstarted<T>(key, drop)
    this.#apart.set(flight as Flight<unknown>, id)
    flight.begin(run)
    flight.landed.then(drop, drop)
    return flight
  }

  /** An invalidation of `id` is being sent: whoever asks from now on gets a new load, and no older one is stored. */
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
