import { awaitBy, type CacheError, type Pending, settled } from '@anycache/core'
import type { Sent } from './connection.js'
import type { Entry, Lane } from './entry.js'

/** One command, and the promise of what its reply means. */
export class Request<T> implements Pending, Entry {
  readonly deadline: number
  readonly size: number
  readonly big: boolean
  readonly promise: Promise<T>
  previous?: Pending | undefined
  next?: Pending | undefined
  readonly #lane: Lane
  readonly #name: string
  readonly #args: (string | Buffer)[]
  readonly #read: (reply: unknown) => T
  readonly #resolve: (answer: T) => void
  readonly #reject: (error: CacheError) => void
  #sent: Sent | undefined
  #expired = false

  constructor(
    lane: Lane,
    name: string,
    args: (string | Buffer)[],
    size: number,
    big: boolean,
    deadline: number,
    read: (reply: unknown) => T,
  ) {
    this.#lane = lane
    this.#name = name
    this.#args = args
    this.size = size
    this.big = big
    this.deadline = deadline
    this.#read = read
    let resolve: ((answer: T) => void) | undefined
    let reject: ((error: CacheError) => void) | undefined
    this.promise = new Promise((fulfil, refuse) => {
      resolve = fulfil
      reject = refuse
    })
    this.#resolve = resolve as unknown as (answer: T) => void
    this.#reject = reject as unknown as (error: CacheError) => void
    awaitBy(this)
  }

  send(): void {
    // Its caller was told that it was not sent, and acts on that.
    if (this.#expired) {
      this.#lane.release(this.size)
      return
    }
    const { connection } = this.#lane
    this.#sent = connection.sent()
    connection.send(this.#name, this.#args, this.#answered, this.#failed)
  }

  reject(error: CacheError): void {
    this.#lane.release(this.size)
    settled(this)
    this.#reject(error)
  }

  expire(): void {
    this.#expired = true
    this.#reject(this.#lane.connection.late(this.#sent))
  }

  readonly #answered = (reply: unknown): void => {
    this.#lane.answered(this.size, this.#expired)
    settled(this)
    try {
      this.#resolve(this.#read(reply))
    } catch (error) {
      this.#reject(this.#lane.connection.failure(error))
    }
  }

  readonly #failed = (error: unknown): void => {
    this.reject(this.#lane.connection.failure(error))
  }
}
