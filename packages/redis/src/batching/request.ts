import { type CacheError, type Pending, unwatch, watchDeadline } from '@anycache/core'
import { isHarmless } from '../protocol/command.js'
import type { Entry, Lane } from './batchable.js'
import { commandFailure } from '../protocol/failures.js'
import type { Exchange } from '../connection/traffic.js'

/** From here on a command is large: what is sent behind it may have to wait. */
const large = 16 * 1024

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
  #exchange: Exchange | undefined
  #expired = false
  #repeated = false

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
    watchDeadline(this)
  }

  send(exchange: Exchange): void {
    // Its caller was told that it was not sent, and acts on that.
    if (this.#expired) {
      this.#lane.release(this.size, 0)
      return
    }
    const { connection } = this.#lane
    this.#exchange = exchange
    if (this.size >= large) connection.exchanges.carries(exchange, this.size, this.deadline)
    connection.send(this.#name, this.#args, this.#answered, this.#failed)
  }

  reject(error: CacheError): void {
    this.#lane.release(this.size, this.#expired ? 0 : 1)
    unwatch(this)
    this.#reject(error)
  }

  expire(): void {
    this.#expired = true
    this.#reject(this.#lane.connection.exchanges.late(this.#exchange))
    this.#lane.release(0, 1)
  }

  readonly #answered = (reply: unknown): void => {
    const { connection } = this.#lane
    const exchange = this.#exchange as Exchange
    if (this.size >= large) connection.exchanges.carried(exchange)
    connection.exchanges.answered(exchange, this.#expired)
    unwatch(this)
    try {
      this.#resolve(this.#read(reply))
    } catch (error) {
      this.#reject(commandFailure(error, connection.server))
    }
    this.#lane.release(this.size, this.#expired ? 0 : 1)
  }

  readonly #failed = (error: unknown): void => {
    const { connection } = this.#lane
    const exchange = this.#exchange as Exchange
    if (this.size >= large) connection.exchanges.carried(exchange)
    const failure = connection.exchanges.failure(error, exchange, this.#expired)
    if (!this.#repeated && isHarmless(this.#name) && connection.exchanges.mayRepeat(error, exchange, this.#args)) {
      this.#repeated = true
      this.#exchange = undefined
      this.#lane.repeat(this)
    } else this.reject(failure)
  }
}
