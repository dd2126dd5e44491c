import type { Loader } from '../loader.js'
import type { Flight, Waiting } from './flight.js'
import { KeyLoad } from './key-load.js'
import { Load } from './load.js'
import type { Circumstances, LoadTarget } from './load-target.js'
import { type Purpose, Run } from './run.js'

/** The load of one key by a loader of its own. */
export class Landing<T> implements Purpose<T> {
  readonly #load: KeyLoad<T>
  readonly #loader: Loader<T>
  readonly #run: Run
  readonly #context: Load<T>

  constructor(target: LoadTarget, loader: Loader<T>, at: Circumstances<T>) {
    this.#loader = loader
    this.#run = new Run(this) as Run
    this.#load = new KeyLoad<T>(target, this.#run, at)
    this.#context = new Load(target, this.#run)
  }

  get flight(): Flight<T> {
    return this.#load.flight
  }

  /** The value for the caller who begins it. */
  begin(waiting: Waiting<T>): Promise<T> {
    // Before the loader runs: it may invalidate its key, or ask for it, at once.
    this.#load.register()
    const value = this.#load.flight.join(true, waiting)
    this.#start()
    return value
  }

  /** Nobody waits for it. */
  beginInBackground(): void {
    this.#load.register()
    this.#start()
  }

  load(): T | PromiseLike<T> {
    return this.#loader(this.#context)
  }

  loaded(value: T): void {
    this.#load.loaded(value, this.#context.wishes)
  }

  failed(error: unknown): void {
    this.#load.failed(error)
  }

  deserted(): void {
    this.#load.deserted()
  }

  #start(): void {
    if (this.#load.isReady) this.#callLoader()
    else void this.#load.acquire().then(isWanted => isWanted && this.#callLoader())
  }

  #callLoader(): void {
    const stale = this.#load.begin()
    if (stale instanceof Promise) void stale.then(value => this.#callWith(value))
    else this.#callWith(stale)
  }

  #callWith(stale: T | undefined): void {
    if (this.#load.isOver) {
      this.#load.target.onElsewhere?.()
      return
    }
    this.#context.stale = stale
    this.#run.begin()
  }
}
