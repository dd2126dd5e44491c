import { AsyncLocalStorage } from 'node:async_hooks'

/** Tells in whose loader a call was made, so that two loads that need each other do not wait for ever. */
const current = new AsyncLocalStorage<Run>()
let running = 0

/** One run of a loader, for one key or for many: who waits for it, for whom it waits, and the signal that stops it. */
export class Run {
  /** The runs that calls made in its loader wait for; one place for each wait. */
  readonly #waitsFor: Run[] = []
  readonly #onDeserted: () => void
  #waiters = 0
  #isOver = false
  #controller: AbortController | undefined

  /** Calls `onDeserted` when the last of those who waited has left before the end. */
  constructor(onDeserted: () => void) {
    this.#onDeserted = onDeserted
  }

  /** The run whose loader made this call, if any. */
  static get current(): Run | undefined {
    return running === 0 ? undefined : current.getStore()
  }

  /** Fires when nobody waits any more. Made when it is asked for: most loaders have no use for it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** Calls the loader; what it gives or throws reaches one of the two, never in the same step. */
  begin<V>(loader: () => V | PromiseLike<V>, loaded: (value: V) => void, failed: (error: unknown) => void): void {
    running++
    let answer: V | PromiseLike<V>
    try {
      answer = current.run(this, loader)
    } catch (error) {
      answer = Promise.reject(error)
    }
    Promise.resolve(answer).then(
      value => {
        this.#end()
        loaded(value)
      },
      error => {
        this.#end()
        failed(error)
      },
    )
  }

  #end(): void {
    // Following promises costs every promise of the process something on Node 20: only while a loader runs.
    if (--running === 0) current.disable()
  }

  /** Whether waiting for this run in that one would be waiting for itself. */
  needs(other: Run, seen: Set<Run> = new Set()): boolean {
    if (this === other) return true
    if (seen.has(this)) return false
    seen.add(this)
    for (const next of this.#waitsFor) if (next.needs(other, seen)) return true
    return false
  }

  /** Somebody waits for it; `from` is the run whose loader does. */
  joined(from: Run | undefined): void {
    this.#waiters++
    if (from !== undefined) from.#waitsFor.push(this)
  }

  /** One of those does not wait any more. The last one to leave before the end stops the run. */
  left(from: Run | undefined, reason: unknown): void {
    if (from !== undefined) from.#waitsFor.splice(from.#waitsFor.indexOf(this), 1)
    if (--this.#waiters > 0 || this.#isOver) return
    this.#onDeserted()
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }

  /** Its results are known: who leaves from now on stops nothing. */
  over(): void {
    this.#isOver = true
  }
}
