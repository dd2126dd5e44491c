import {
  type Answer,
  type CacheError,
  type Call,
  ClosedError,
  ConnectionError,
  now,
  type Pending,
  setTimeout,
  TimeoutError,
  unwatch,
  watchDeadline,
} from '@anycache/core'

/** One call that waits for the server to recover. */
interface Waiting extends Pending {
  /** On the clock of `performance.now()`. */
  readonly due: number
  begin(): void
  fail(error: CacheError): void
}

/** What a server's troubles do to the calls that reach it: refuses, holds back, delays or fails them, in call order. */
export class Turmoil {
  readonly #server: string
  readonly #queue: Waiting[] = []
  #isClosed = false
  #isDown = false
  #isFrozen = false
  #delay = 0
  #failures = 0
  #failure: CacheError | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(server: string) {
    this.#server = server
  }

  get isDown(): boolean {
    return this.#isDown
  }

  goDown(): void {
    this.#isDown = true
    for (const waiting of this.#queue.splice(0)) waiting.fail(this.#lost())
  }

  close(): void {
    this.#isClosed = true
    this.goDown()
  }

  freeze(): void {
    this.#isFrozen = true
  }

  slow(ms: number): void {
    this.#delay = ms
  }

  failNext(count: number, failure: CacheError | undefined): void {
    this.#failures = count
    this.#failure = failure
  }

  /** Ends every trouble. What was held back takes effect now, in call order, whether or not somebody still waits for it. */
  end(): void {
    this.#isDown = false
    this.#isFrozen = false
    this.#delay = 0
    this.#failures = 0
    for (const waiting of this.#queue.splice(0)) waiting.begin()
  }

  /** Carries a call out, or does to it what the troubles of the moment are. Rejects with the errors that a real store has. */
  pass<T>(call: Call, act: () => Answer<T>): Answer<T> {
    if (this.#isClosed) throw new ClosedError('the chaos store is closed', { server: this.#server })
    if (this.#isDown) {
      throw new ConnectionError(`${this.#server} refused the connection: the chaos store is down`, {
        server: this.#server,
        outcome: 'not-sent',
      })
    }
    if (this.#failures > 0) {
      this.#failures--
      throw this.#failure ?? this.#lost()
    }
    if (!this.#isFrozen && this.#delay === 0 && this.#queue.length === 0) return act()
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        deadline: call.deadline,
        due: now() + this.#delay,
        expire: () => reject(this.#late()),
        fail(error) {
          unwatch(waiting)
          reject(error)
        },
        begin() {
          unwatch(waiting)
          try {
            resolve(act())
          } catch (error) {
            reject(error)
          }
        },
      }
      watchDeadline(waiting)
      this.#queue.push(waiting)
      this.#schedule()
    })
  }

  #schedule(): void {
    const first = this.#queue[0]
    if (first === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#run(), Math.max(1, first.due - now()))
    // The deadline keeps the process alive for the caller; nobody needs the effect of a call that was given up.
    this.#timer.unref()
  }

  #run(): void {
    this.#timer = undefined
    if (this.#isFrozen) return
    const moment = now()
    // Never past the first one: a shorter delay must not let a later call overtake.
    while (this.#queue[0] !== undefined && this.#queue[0].due <= moment) this.#queue.shift()?.begin()
    this.#schedule()
  }

  #lost(): ConnectionError {
    return new ConnectionError(`the connection to ${this.#server} was lost before the reply`, {
      server: this.#server,
      outcome: 'unknown',
    })
  }

  #late(): TimeoutError {
    return new TimeoutError(`${this.#server} did not answer in time`, { server: this.#server, outcome: 'unknown' })
  }
}
