import { type CacheError, type Pending, unwatch, type Written, watchDeadline } from '@anycache/core'
import type { Argument } from '../protocol/command.js'
import type { Entry, Lane } from './batchable.js'
import { commandFailure, isReply, isReplyOf } from '../protocol/failures.js'
import type { Exchange } from '../connection/traffic.js'
import type { ValueLimit } from '../connection/value-limit.js'

export interface LoneWriteOptions {
  readonly deadline: number
  readonly limit: ValueLimit
  /** The bytes of the value as it is stored. */
  readonly size: number
  /** The key that must not keep its old value, whether the new one is stored or refused. */
  readonly cleared: string | undefined
  readonly name: string
  readonly args: Argument[]
  readonly read: (reply: unknown) => Written
}

/**
 * A write of a value that may be too large for the server, which hangs up on such a one. The server is asked for its limit first,
 * by which everything before is answered too, and nothing else is sent until the write has ended: where the user may not ask, no
 * other call's reply is lost with it.
 */
export class LoneWrite implements Pending, Entry {
  readonly deadline: number
  readonly size: number
  readonly big = true
  readonly promise: Promise<Written>
  previous?: Pending | undefined
  next?: Pending | undefined
  readonly #lane: Lane
  readonly #options: LoneWriteOptions
  #resolve: ((answer: Written) => void) | undefined
  #reject: ((error: CacheError) => void) | undefined
  #exchange: Exchange | undefined
  /** Why the old value could not be deleted. */
  #notCleared: CacheError | undefined
  #expired = false

  constructor(lane: Lane, options: LoneWriteOptions) {
    this.#lane = lane
    this.#options = options
    this.deadline = options.deadline
    this.size = options.size
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    watchDeadline(this)
  }

  send(exchange: Exchange): void {
    if (this.#expired) {
      this.#end()
      return
    }
    this.#exchange = exchange
    this.#lane.connection.exchanges.alone = exchange
    const setting = ['get', 'proto-max-bulk-len']
    this.#lane.connection.send('config', setting, this.#limitKnown, this.#limitUnknown)
  }

  reject(error: CacheError): void {
    this.#reject?.(error)
    this.#end()
  }

  expire(): void {
    this.#reject?.(this.#lane.connection.exchanges.late(this.#exchange))
    this.#lane.release(0, 1)
    this.#expired = true
  }

  readonly #limitKnown = (reply: unknown): void => {
    this.#answered()
    this.#options.limit.learnt(Number((reply as unknown[])[1]))
    this.#write()
  }

  readonly #limitUnknown = (error: unknown): void => {
    const failure = this.#failure(error)
    if (isReply(error)) this.#write()
    else this.reject(failure)
  }

  #write(): void {
    const { connection } = this.#lane
    const { cleared, limit, size, name, args } = this.#options
    if (this.#expired) {
      this.#end()
      return
    }
    if (!connection.ready) {
      this.reject(commandFailure(new Error('Connection is closed.'), connection.server))
      return
    }
    const fits = size <= limit.most
    this.#exchange = connection.exchanges.begin()
    connection.exchanges.alone = this.#exchange
    if (fits) connection.exchanges.carries(this.#exchange, size, this.deadline)
    // Before the write, since its refusal ends the connection. One that is sure to be stored needs no delete.
    if (cleared !== undefined && !limit.isProven(size)) {
      connection.send('unlink', [cleared], fits ? this.#cleared : this.#refused, fits ? this.#keptOld : this.#failed)
    }
    if (fits) connection.send(name, args, this.#written, this.#notWritten)
    else if (cleared === undefined) this.#tooLarge()
  }

  readonly #cleared = (): void => {
    this.#answered()
  }

  readonly #keptOld = (error: unknown): void => {
    // A user who may not delete may still set.
    this.#notCleared = this.#failure(error)
  }

  readonly #refused = (): void => {
    this.#answered()
    this.#tooLarge()
  }

  readonly #failed = (error: unknown): void => {
    this.reject(this.#failure(error))
  }

  readonly #written = (reply: unknown): void => {
    const { limit, size, read } = this.#options
    this.#lane.connection.exchanges.carried(this.#exchange as Exchange)
    this.#answered()
    limit.taken(size)
    this.#resolve?.(read(reply))
    this.#end()
  }

  readonly #notWritten = (error: unknown): void => {
    const { limit, size } = this.#options
    const exchange = this.#exchange as Exchange
    this.#lane.connection.exchanges.carried(exchange)
    const failure = this.#failure(error)
    if (!isReplyOf(error, 'ERR Protocol error: invalid bulk length')) {
      this.reject(failure)
      return
    }
    limit.refused(size)
    // The server hangs up now: what waits must not be sent to be lost.
    exchange.stream.destroy()
    if (this.#notCleared === undefined) this.#tooLarge()
    else this.reject(this.#notCleared)
  }

  #tooLarge(): void {
    this.#resolve?.({ outcome: 'too-large' })
    this.#end()
  }

  #answered(): void {
    this.#lane.connection.exchanges.answered(this.#exchange as Exchange, this.#expired)
  }

  #failure(error: unknown): CacheError {
    return this.#lane.connection.exchanges.failure(error, this.#exchange as Exchange, this.#expired)
  }

  #end(): void {
    unwatch(this)
    this.#lane.connection.exchanges.alone = undefined
    this.#lane.release(this.size, this.#expired ? 0 : 1)
    this.#lane.resume()
  }
}
