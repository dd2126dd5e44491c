import { type Admission, type CacheError, type Pending, unwatch, watchDeadline } from '@anycache/core'
import type { Connection } from '../connection/connection.js'
import type { ClientExchange } from '../connection/exchanges.js'
import { type Argument, isHarmless } from '../protocol/command.js'
import { commandFailure } from '../protocol/failures.js'
import type { Batchable, Carrier } from './batchable.js'
import type { Heads } from './heads.js'

/** What a reply means; `heads` are those of the request, if it looked at some. */
export type Reader<T> = (reply: unknown, heads: Heads | undefined) => T

/** One command, and the promise of what its reply means. */
export class Request<T> implements Pending, Batchable {
  carrier: Carrier
  readonly deadline: number
  readonly big: boolean
  readonly promise: Promise<T>
  previous?: Pending | undefined
  next?: Pending | undefined
  readonly #admission: Admission
  readonly #bytes: number
  readonly #name: string
  readonly #args: Argument[]
  readonly #heads: Heads | undefined
  readonly #read: Reader<T>
  readonly #resolve: (answer: T) => void
  readonly #reject: (error: CacheError) => void
  #exchange: ClientExchange | undefined
  #expired = false
  #repeated = false

  constructor(
    carrier: Carrier,
    name: string,
    args: Argument[],
    heads: Heads | undefined,
    bytes: number,
    big: boolean,
    deadline: number,
    read: Reader<T>,
  ) {
    this.carrier = carrier
    this.#admission = carrier.admission
    this.#bytes = bytes
    this.#name = name
    this.#args = args
    this.#heads = heads
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

  send(exchange: ClientExchange): void {
    // Its caller knows it as not sent, and acts on that.
    if (this.#expired) {
      this.#admission.release(this.#bytes)
      return
    }
    const { connection } = this.carrier
    this.#exchange = exchange
    if (this.#heads === undefined) this.#sendTo(connection, exchange)
    else connection.together(() => this.#sendTo(connection, exchange))
  }

  #sendTo(connection: Connection, exchange: ClientExchange): void {
    this.#heads?.send(connection, exchange, this.deadline)
    connection.send(this.#name, this.#args, exchange, this.#bytes, this.deadline, this.#answered, this.#failed)
  }

  reject(error: CacheError): void {
    unwatch(this)
    this.#reject(error)
    this.#leave()
  }

  expire(): void {
    this.#expired = true
    this.#reject(this.carrier.connection.exchanges.late(this.#exchange))
    this.#admission.settled()
  }

  #leave(): void {
    this.#admission.release(this.#bytes)
    if (!this.#expired) this.#admission.settled()
  }

  readonly #answered = (reply: unknown): void => {
    const { connection } = this.carrier
    const exchange = this.#exchange as ClientExchange
    connection.exchanges.answered(exchange, this.#expired)
    unwatch(this)
    try {
      this.#resolve(this.#read(reply, this.#heads))
    } catch (error) {
      this.#reject(commandFailure(error, connection.server))
    }
    this.#leave()
  }

  readonly #failed = (error: unknown): void => {
    const { connection } = this.carrier
    const exchange = this.#exchange as ClientExchange
    const failure = connection.exchanges.failure(error, exchange, this.#expired)
    if (this.carrier.redirect(this, error)) this.#exchange = undefined
    else if (!this.#repeated && isHarmless(this.#name) && connection.exchanges.mayRepeat(error, exchange, this.#args)) {
      this.#repeated = true
      this.#exchange = undefined
      this.carrier.repeat(this)
    } else this.reject(failure)
  }
}
