import { type CacheError, clearTimeout, setImmediate, setTimeout } from '@anycache/core'

/** One attempt to connect, shared by all calls that wait for it. */
export class Dial {
  readonly promise: Promise<void>
  /** Whether it has begun to connect; until then it waits for an older connection to close. */
  dialed = false
  readonly #timer: NodeJS.Timeout
  #resolve: (() => void) | undefined
  #reject: ((error: CacheError) => void) | undefined

  /** Calls `giveUp` after `patience` ms without an end. */
  constructor(patience: number, giveUp: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Each waiting call attaches its own handler; an attempt without one must not become an unhandled rejection.
    this.promise.catch(() => {})
    // Not among the deadlines of calls, which keep the process alive: each waiting call has its own.
    // Two turns of the loop read the sockets first, should it have been blocked.
    this.#timer = setTimeout(
      () => setImmediate(() => setImmediate(() => this.#resolve !== undefined && giveUp())),
      patience,
    )
    this.#timer.unref()
  }

  succeed(): void {
    const resolve = this.#resolve
    this.#end()
    resolve?.()
  }

  fail(error: CacheError): void {
    const reject = this.#reject
    this.#end()
    reject?.(error)
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#resolve = undefined
    this.#reject = undefined
  }
}
