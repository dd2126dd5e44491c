import { type Breaker, type CacheError, now, type ServerError, TimeoutError, withRealTicks } from '@anycache/core'
import type { RedisClient } from '../client/client.js'
import type { Argument } from '../protocol/command.js'
import { isDemotion, Retreat, refusedForOwner } from './demotion.js'
import { commandFailure, isReply } from '../protocol/failures.js'
import type { ClientStream } from '../client/corked-writer.js'
import { type Exchange, Traffic } from './traffic.js'
import type { Watch } from '../client/watch.js'

export interface ExchangesOptions {
  readonly client: RedisClient
  readonly owned: boolean
  readonly server: string
  readonly timeout: number
  readonly breaker: Breaker
  readonly watch: Watch
  /** The server of an owned connection is a replica. */
  readonly demoted: () => void
}

/** What becomes of the commands that are sent: feeds the breaker, one failure for each exchange, and hangs up on a silent server. */
export class Exchanges {
  readonly retreat: Retreat = new Retreat()
  /** The lone write that is under way: all others wait for it. */
  alone: Exchange | undefined
  readonly #options: ExchangesOptions
  readonly #traffic: Traffic
  /** The socket whose failure was counted already. */
  #counted: ClientStream | undefined
  #closed = false

  constructor(options: ExchangesOptions) {
    this.#options = options
    this.#traffic = new Traffic(options.watch)
  }

  /** For what is sent in this tick, while the connection is ready. */
  begin(): Exchange {
    return this.#traffic.begin(this.#options.client.stream as ClientStream)
  }

  sent(name: string, args: readonly Argument[]): void {
    this.#traffic.sent(name, args)
  }

  /** A large command is about to be sent: what comes behind it has to wait. */
  carries(exchange: Exchange, bytes: number, deadline: number): void {
    this.#traffic.carries(exchange, bytes, deadline)
  }

  /** The large command was answered, or lost. */
  carried(exchange: Exchange): void {
    this.#traffic.carried(exchange)
  }

  /** The server replied, perhaps with an error. `late`: when nobody had a use for it. */
  answered(exchange: Exchange, late: boolean): void {
    this.#traffic.answered(exchange)
    if (!late) this.#options.breaker.succeeded()
    if (this.retreat.underWay && this.#traffic.allAnswered && !this.#options.client.waitedFor) this.retreat.leave()
  }

  /** What to tell a caller whose deadline passed; `exchange` is undefined while the command was still waiting for a connection. */
  late(exchange: Exchange | undefined): CacheError {
    const { server, timeout, breaker } = this.#options
    const awaited = exchange ?? this.alone
    if (awaited === undefined) {
      const fact = `${server} took no connection before the call's deadline; nothing was sent`
      return new TimeoutError(fact, { server, outcome: 'not-sent' })
    }
    const waited = now() - awaited.at
    const fact = exchange
      ? `${server} did not answer within ${Math.round(waited)} ms; a write may still take effect`
      : `${server} has not yet taken a large value, and is sent nothing beside it; this call was not sent`
    const error = new TimeoutError(fact, { server, outcome: exchange ? 'unknown' : 'not-sent' })
    const moving = this.#traffic.isMoving(awaited)
    if (exchange === undefined) {
      // Bytes leave in bursts, so that a short pause means nothing. Those who are late from now on compare with what is known now.
      if (!moving && waited < timeout) return error
      this.alone = this.#traffic.seen(awaited)
    }
    // One failure for a batch, however many calls are in it; and none while bytes move, for the server is not to blame.
    if (!awaited.counted && !moving) {
      awaited.counted = true
      breaker.failed(error)
      // A call with a few ms to spare says little about the connection; many in a row do.
      const silence = now() - this.#traffic.silentSince(awaited)
      if (waited >= timeout / 2 || silence >= timeout) this.hangUpIfSilent(awaited)
    }
    return error
  }

  /** What to tell the caller of a command that the client rejected. */
  failure(error: unknown, exchange: Exchange, late: boolean): CacheError {
    const { server, owned, demoted } = this.#options
    const failure = commandFailure(error, server)
    if (!isReply(error)) {
      this.#lost(exchange, failure)
      return failure
    }
    const isReplica = isDemotion(error)
    if (isReplica && owned) demoted()
    this.answered(exchange, late)
    return isReplica && !owned ? refusedForOwner(failure as ServerError) : failure
  }

  /**
   * Whether a read of these keys that was lost with its connection is worth another one: the loss says nothing of the server, and no
   * write was sent behind it that the server may have done.
   */
  mayRepeat(error: unknown, exchange: Exchange, keys: readonly Argument[]): boolean {
    if (isReply(error) || this.#closed || this.#options.breaker.refusal() !== undefined) return false
    if (this.retreat.isFrom(exchange.stream)) return true
    return this.#traffic.diedIdle(exchange) && !keys.some(key => this.#traffic.mayHaveWritten(String(key)))
  }

  /** Nothing at all came since: the server or the way to it is dead, and what it still sends must not be waited for. */
  hangUpIfSilent(exchange: Exchange): void {
    if (!this.#options.owned || !this.#traffic.isSilent(exchange)) return
    this.#counted = exchange.stream
    withRealTicks(() => exchange.stream.destroy(new Error('nothing came from it any more')))
  }

  /** Whether the loss of this connection cost a call. */
  wasCounted(stream: ClientStream | undefined): boolean {
    return stream !== undefined && stream === this.#counted
  }

  /** Nothing is repeated from now on. */
  close(): void {
    this.#closed = true
    this.retreat.end()
  }

  /** A lost connection counts once; one that had died while it was idle, or that was given up, does not. */
  #lost(exchange: Exchange, failure: CacheError): void {
    if (exchange.counted) return
    exchange.counted = true
    const { stream } = exchange
    if (this.wasCounted(stream) || this.retreat.isFrom(stream) || this.#traffic.diedIdle(exchange)) return
    if (failure.code === 'ERR_CACHE_CONNECTION') this.#counted = stream
    this.#options.breaker.failed(failure)
  }
}
