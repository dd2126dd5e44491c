import { type Admission, type CacheError, type Pending, unwatch, type Written, watchDeadline } from '@anycache/core'
import type { ClientExchange } from '../connection/exchanges.js'
import type { Argument, Callback } from '../protocol/command.js'
import { commandFailure, isReply, isReplyOf } from '../protocol/failures.js'
import type { Batchable, Carrier } from './batchable.js'
import type { Reader } from './request.js'

export interface LoneWriteOptions {
  readonly deadline: number
  /** The bytes of the value as it is stored. */
  readonly size: number
  /** The key that must not keep its old value, whether the new one is stored or refused. */
  readonly cleared: string | undefined
  readonly name: string
  readonly args: Argument[]
  readonly read: Reader<Written>
}

/**
 * A write of a value that may be too large for the server, which would then close the connection. The server is asked for its
 * limit first; that answer comes behind all earlier ones. Nothing else is sent until the write has ended, so that no other call's reply is
 * lost with it where the user may not ask.
 */
export class LoneWrite implements Pending, Batchable {
  carrier: Carrier
  readonly deadline: number
  readonly big = true
  readonly promise: Promise<Written>
  previous?: Pending | undefined
  next?: Pending | undefined
  readonly #admission: Admission
  readonly #options: LoneWriteOptions
  #resolve: ((answer: Written) => void) | undefined
  #reject: ((error: CacheError) => void) | undefined
  #exchange: ClientExchange | undefined
  /** Why the old value could not be deleted. */
  #notCleared: CacheError | undefined
  #expired = false

  constructor(carrier: Carrier, options: LoneWriteOptions) {
    this.carrier = carrier
    this.#admission = carrier.admission
    this.#options = options
    this.deadline = options.deadline
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    watchDeadline(this)
  }

  send(exchange: ClientExchange): void {
    if (this.#expired) {
      this.#end()
      return
    }
    this.#exchange = exchange
    this.carrier.connection.exchanges.alone = exchange
    const setting = ['get', 'proto-max-bulk-len']
    this.#sendCommand('config', setting, 0, this.#limitKnown, this.#limitUnknown)
  }

  reject(error: CacheError): void {
    this.#reject?.(error)
    this.#end()
  }

  expire(): void {
    this.#reject?.(this.carrier.connection.exchanges.late(this.#exchange))
    this.#admission.settled()
    this.#expired = true
  }

  readonly #limitKnown = (reply: unknown): void => {
    this.#answered()
    this.carrier.connection.limit.learnt(Number((reply as unknown[])[1]))
    this.#write()
  }

  readonly #limitUnknown = (error: unknown): void => {
    const failure = this.#failure(error)
    if (isReply(error)) this.#write()
    else this.reject(failure)
  }

  #write(): void {
    const { connection } = this.carrier
    const { limit } = connection
    const { cleared, size, name, args } = this.#options
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
    // Before the write, since its refusal ends the connection. One that is sure to be stored needs no delete.
    if (cleared !== undefined && !limit.isProven(size)) {
      const [answered, failed] = fits ? [this.#cleared, this.#keptOld] : [this.#refused, this.#failed]
      this.#sendCommand('unlink', [cleared], 0, answered, failed)
    }
    if (fits) this.#sendCommand(name, args, size, this.#written, this.#notWritten)
    else if (cleared === undefined) this.#tooLarge()
    connection.exchanges.wrote()
  }

  #sendCommand(name: string, args: Argument[], bytes: number, answered: Callback, failed: Callback): void {
    const { connection } = this.carrier
    connection.send(name, args, this.#exchange as ClientExchange, bytes, this.deadline, answered, failed)
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
    const { size, read } = this.#options
    this.#answered()
    this.carrier.connection.limit.taken(size)
    this.#resolve?.(read(reply, undefined))
    this.#end()
  }

  readonly #notWritten = (error: unknown): void => {
    const exchange = this.#exchange as ClientExchange
    const { carrier } = this
    const failure = this.#failure(error)
    if (carrier.redirect(this, error)) {
      this.#exchange = undefined
      this.#notCleared = undefined
      this.#free(carrier)
      return
    }
    if (!isReplyOf(error, 'ERR Protocol error: invalid bulk length')) {
      this.reject(failure)
      return
    }
    this.carrier.connection.limit.refused(this.#options.size)
    // The server hangs up now: what waits must not be sent to be lost.
    exchange.wire?.destroy()
    if (this.#notCleared === undefined) this.#tooLarge()
    else this.reject(this.#notCleared)
  }

  #tooLarge(): void {
    this.#resolve?.({ outcome: 'too-large' })
    this.#end()
  }

  #answered(): void {
    this.carrier.connection.exchanges.answered(this.#exchange as ClientExchange, this.#expired)
  }

  #failure(error: unknown): CacheError {
    return this.carrier.connection.exchanges.failure(error, this.#exchange as ClientExchange, this.#expired)
  }

  #end(): void {
    unwatch(this)
    this.#admission.release(this.#options.size)
    if (!this.#expired) this.#admission.settled()
    this.#free(this.carrier)
  }

  /** Others may be sent again. */
  #free(carrier: Carrier): void {
    carrier.connection.exchanges.alone = undefined
    carrier.resume()
  }
}
