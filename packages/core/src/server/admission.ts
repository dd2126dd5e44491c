import { type CacheError, ClosedError, OverloadedError } from '../errors.js'
import type { Breaker } from './breaker.js'
import { Unsettled } from './unsettled.js'

/** Bytes of heap that a small request costs beside its key and value, roughly. Each request counts as so many more. */
const requestBytes = 256

/**
 * Who may ask one server for something: nobody once the store is closed, nobody while its breaker is open, and no more bytes at a time than
 * `maxInFlightBytes`. Counts bytes until they are answered or given up, and calls until their callers have an answer, which may be earlier.
 */
export class Admission {
  readonly #breaker: Breaker
  readonly #mostBytes: number
  readonly #calls = new Unsettled()
  #bytes = 0
  #isClosed = false

  constructor(breaker: Breaker, maxInFlightBytes: number) {
    this.#breaker = breaker
    this.#mostBytes = maxInFlightBytes
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Lets a call in that holds so many bytes, for {@link release} to take out; or says why not, and counts nothing. */
  admit(bytes: number): CacheError | undefined {
    const refusal = this.#isClosed ? this.closedError() : (this.#breaker.refusal() ?? this.#overload(bytes))
    if (refusal === undefined) this.hold(bytes)
    return refusal
  }

  /** Lets in a further step of a call that was let in before: neither the bound nor closing stops a call half-way. */
  admitStep(bytes: number): CacheError | undefined {
    const refusal = this.#breaker.refusal()
    if (refusal === undefined) this.hold(bytes)
    return refusal
  }

  /** Counts so many bytes and a caller, without asking whether there is room. */
  hold(bytes: number): void {
    this.#bytes += requestBytes + bytes
    this.#calls.began()
  }

  /** Requests that held so many bytes together are answered, or were given up. */
  release(bytes: number, requests = 1): void {
    this.#bytes -= requestBytes * requests + bytes
  }

  /** So many callers have their answer. */
  settled(callers = 1): void {
    this.#calls.ended(callers)
  }

  /** Counts as a call for as long as the work takes, so that closing waits for it. Rejects once closed. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw this.closedError()
    this.#calls.began()
    try {
      return await work()
    } finally {
      this.#calls.ended()
    }
  }

  /** Lets nothing in from now on. Resolves when every caller has its answer, or at the deadline. */
  async close(deadline: number): Promise<void> {
    this.#isClosed = true
    await this.#calls.none(deadline)
  }

  closedError(): ClosedError {
    return new ClosedError('the store is closed', { server: this.#breaker.server, outcome: 'not-sent' })
  }

  #overload(bytes: number): OverloadedError | undefined {
    // Alone, a request may be larger than the bound: it would never get through otherwise.
    if (this.#bytes === 0 || this.#bytes + requestBytes + bytes <= this.#mostBytes) return undefined
    const { server } = this.#breaker
    return new OverloadedError(
      `${server} has ${this.#bytes} bytes queued or unanswered, and maxInFlightBytes is ${this.#mostBytes}; nothing was sent`,
      { server, outcome: 'not-sent' },
    )
  }
}
