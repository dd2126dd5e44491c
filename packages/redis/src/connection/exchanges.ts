import {
  type Breaker,
  type CacheError,
  type Exchange,
  now,
  Progress,
  type ServerError,
  TimeoutError,
  type Verdict,
  withRealTicks,
} from '@anycache/core'
import type { RedisClient } from '../client/client.js'
import type { ClientStream } from '../client/corked-writer.js'
import { type Argument, isHarmless } from '../protocol/command.js'
import { commandFailure, isReply } from '../protocol/failures.js'
import { isDemotion, Retreat, refusedForOwner } from './demotion.js'

/** The commands of one tick. */
export type ClientExchange = Exchange<ClientStream>

export interface ExchangesOptions {
  readonly client: RedisClient
  readonly owned: boolean
  readonly timeout: number
  readonly breaker: Breaker
  /** The server of an owned connection is a replica. */
  readonly demoted: () => void
}

/** What becomes of the commands that are sent: feeds the breaker, one failure for each exchange, and hangs up on a silent server. */
export class Exchanges {
  readonly retreat: Retreat = new Retreat()
  /** The lone write that is under way: all others wait for it. */
  alone: ClientExchange | undefined
  readonly #options: ExchangesOptions
  #progress: Progress<ClientStream> | undefined
  /** What was written since the connection may have died idle. */
  readonly #written = new Set<string>()
  #wroteAll = false
  /** The socket whose failure was counted already. */
  #counted: ClientStream | undefined
  #closed = false

  constructor(options: ExchangesOptions) {
    this.#options = options
  }

  /** For what is sent in this tick, while the connection is ready. */
  begin(): ClientExchange {
    const stream = this.#options.client.stream as ClientStream
    if (this.#progress?.wire !== stream) this.#progress = new Progress(stream, this.#options.timeout)
    const exchange = this.#progress.begin()
    if (!this.#progress.isDoubtful) {
      this.#written.clear()
      this.#wroteAll = false
    }
    return exchange
  }

  /** One command is written, of so many bytes, for callers who wait until the deadline. */
  sent(exchange: ClientExchange, name: string, args: readonly Argument[], bytes: number, deadline: number): void {
    const progress = this.#progress as Progress<ClientStream>
    progress.sent(exchange, bytes, deadline)
    if (progress.isDoubtful && !isHarmless(name)) this.#noteWritten(name, args)
  }

  /** What was sent was handed to the socket. */
  wrote(): void {
    this.#progress?.wrote()
  }

  arrived(bytes: number): void {
    this.#progress?.arrived(bytes)
  }

  /** The server replied, perhaps with an error. `late`: when nobody had a use for it. */
  answered(exchange: ClientExchange, late: boolean): void {
    this.#progressOf(exchange)?.answered(exchange)
    if (!late) this.#options.breaker.succeeded()
    if (this.retreat.underWay && this.#progress?.isIdle && !this.#options.client.waitedFor) this.retreat.leave()
  }

  /** The error for a caller whose deadline passed; `exchange` is undefined while the command was still waiting to be sent. */
  late(exchange: ClientExchange | undefined): CacheError {
    const { breaker } = this.#options
    const { server } = breaker
    const awaited = exchange ?? this.alone
    if (awaited === undefined) {
      const fact = `${server} took no connection before the call's deadline; nothing was sent`
      return new TimeoutError(fact, { server, outcome: 'not-sent' })
    }
    const fact = exchange
      ? `${server} did not answer within ${Math.round(now() - awaited.sentAt)} ms; a write may still take effect`
      : `${server} has not yet taken a large value, and gets nothing else until then; this call was not sent`
    const error = new TimeoutError(fact, { server, outcome: exchange ? 'unknown' : 'not-sent' })
    if (this.#giveUpIfSilent(awaited, exchange, error) === 'late' && exchange) breaker.failedIn(exchange, error)
    return error
  }

  /** The error for the caller of a command that the client rejected. */
  failure(error: unknown, exchange: ClientExchange, late: boolean): CacheError {
    const { owned, demoted, breaker } = this.#options
    const failure = commandFailure(error, breaker.server)
    if (!isReply(error)) {
      this.#progressOf(exchange)?.answered(exchange)
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
  mayRepeat(error: unknown, exchange: ClientExchange, keys: readonly Argument[]): boolean {
    if (isReply(error) || this.#closed || this.#options.breaker.refusal() !== undefined) return false
    if (this.retreat.isFrom(exchange.wire)) return true
    return this.#diedIdle(exchange) && !this.#wroteAll && !keys.some(key => this.#written.has(String(key)))
  }

  /** No answer came to a probe. */
  unanswered(exchange: ClientExchange, error: CacheError): void {
    this.#giveUpIfSilent(exchange, exchange, error)
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

  /** Where nothing moves, the server or the way to it is dead, and what it still sends must not be waited for. */
  #giveUpIfSilent(awaited: ClientExchange, sent: ClientExchange | undefined, error: CacheError): Verdict | undefined {
    const verdict = this.#progressOf(awaited)?.judge(sent)
    if (verdict !== 'silent') return verdict
    const { breaker, owned } = this.#options
    breaker.failedIn(awaited, error)
    // A connection that is not ours to close: the probe goes over it, and finds it alive again.
    if (!owned) breaker.failed(error, true)
    else {
      this.#counted = awaited.wire
      withRealTicks(() => awaited.wire?.destroy(new Error('nothing came from it any more')))
    }
    return verdict
  }

  /** A lost connection counts once; one that had died while it was idle, or that was given up, does not. */
  #lost(exchange: ClientExchange, failure: CacheError): void {
    const { wire } = exchange
    if (exchange.isCounted || this.wasCounted(wire) || this.retreat.isFrom(wire) || this.#diedIdle(exchange)) return
    if (failure.code === 'ERR_CACHE_CONNECTION') this.#counted = wire
    this.#options.breaker.failedIn(exchange, failure)
  }

  /** The connection had been idle, and was lost before a byte came. */
  #diedIdle(exchange: ClientExchange): boolean {
    return this.#progressOf(exchange)?.isDoubtful === true
  }

  #progressOf({ wire }: ClientExchange): Progress<ClientStream> | undefined {
    return this.#progress?.wire === wire ? this.#progress : undefined
  }

  #noteWritten(name: string, args: readonly Argument[]): void {
    if (name === 'flushdb') this.#wroteAll = true
    else if (name === 'eval') this.#written.add(String(args[2]))
    else if (name === 'unlink') for (const key of args) this.#written.add(String(key))
    else this.#written.add(String(args[0]))
  }
}
