import {
  Breaker,
  type BreakerSetup,
  type CacheError,
  ConnectionError,
  clearTimeout,
  now,
  refusal,
  type StoreEvent,
  setTimeout,
  TimeoutError,
} from '@anycache/core'
import { endClient, type RedisClient } from '../client/client.js'
import { CommandWriter } from '../client/command-writer.js'
import type { ClientStream } from '../client/corked-writer.js'
import { Watch, type Watcher } from '../client/watch.js'
import type { Argument, Callback } from '../protocol/command.js'
import { connectionFailure, isReply } from '../protocol/failures.js'
import { lastReplies } from './demotion.js'
import { Dial } from './dial.js'
import { type ClientExchange, Exchanges } from './exchanges.js'
import { ValueLimit } from './value-limit.js'

export interface ConnectionOptions {
  readonly client: RedisClient
  /** Whether the store made the client, and so may dial and hang up. */
  readonly owned: boolean
  readonly server: string
  /** How long one attempt to connect may take, in ms. */
  readonly timeout: number
  readonly breaker: BreakerSetup['breaker']
  readonly report: (event: StoreEvent) => void
}

const minus = 0x2d

/** The connection to one server: dials when a call needs it, and again when the server turns out to be a replica. */
export class Connection implements Watcher {
  readonly breaker: Breaker
  readonly exchanges: Exchanges
  /** How large a value the server takes. */
  readonly limit: ValueLimit = new ValueLimit()
  /** How many connections there were so far. */
  connects = 0
  readonly #client: RedisClient
  readonly #owned: boolean
  readonly #timeout: number
  readonly #report: (event: StoreEvent) => void
  readonly #writer: CommandWriter
  readonly #watch: Watch
  #dial: Dial | undefined
  #reason: unknown
  /** When the connection that is open became ready. */
  #readyAt: number | undefined
  /** A borrowed client has just lost its connection: calls wait for it once. */
  #mayReturn = false
  /** An error that the server sent before the handshake: it is full, or protected. */
  #handshakeError: string | undefined
  #redial: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    const { client, owned, server, timeout, breaker, report } = options
    this.#client = client
    this.#owned = owned
    this.#timeout = timeout
    this.#report = report
    this.#writer = new CommandWriter(client, owned)
    this.breaker = new Breaker({ server, breaker, timeout, report, probe: patience => this.#probe(patience) })
    if (client.status === 'ready') this.#readyAt = now()
    this.#watch = Watch.of(client)
    this.#watch.add(this)
    const demoted = (): void => this.#retreat()
    this.exchanges = new Exchanges({ client, owned, timeout, breaker: this.breaker, demoted })
  }

  get server(): string {
    return this.breaker.server
  }

  /** The address leads to another server, as a Sentinel or a cluster says. */
  set server(name: string) {
    this.breaker.server = name
  }

  /** Whether a command sent now goes straight to the socket. ioredis would queue it otherwise, and replay it later. */
  get ready(): boolean {
    const { status, stream } = this.#client
    return status === 'ready' && stream?.writable === true && !this.exchanges.retreat.underWay
  }

  /** Sends a command of so many bytes, whose callers wait until the deadline. `answered` or `failed` is called once. */
  send(
    name: string,
    args: Argument[],
    exchange: ClientExchange,
    bytes: number,
    deadline: number,
    answered: Callback,
    failed: Callback,
  ): void {
    this.exchanges.sent(exchange, name, args, bytes, deadline)
    this.#writer.send(name, args, answered, failed)
  }

  /** What `run` sends leaves in one write. */
  together(run: () => void): void {
    this.#writer.together(run)
  }

  /** Resolves when the connection is ready, or rejects when the attempt has failed. Callers share one attempt. */
  connect(): Promise<void> {
    if (this.ready) return Promise.resolve()
    if (this.#closed) return refusal(this.#unreachable('the cache was closed'))
    if (this.#dial !== undefined) return this.#dial.promise
    const { status } = this.#client
    // Only a probe has the time to see whether a borrowed client comes back.
    if (!this.#owned && (status === 'end' || (status === 'reconnecting' && !this.#mayReturn))) {
      const error = this.#unreachable(`its client's status is "${status}"`)
      this.breaker.failed(error, true)
      return refusal(error)
    }
    return this.#begin(this.exchanges.retreat.underWay ? this.#timeout + lastReplies : this.#timeout)
  }

  /** Frees what was opened; a borrowed client stays as it is. Once. */
  async close(): Promise<void> {
    this.#closed = true
    this.breaker.close()
    clearTimeout(this.#redial)
    this.exchanges.close()
    if (this.#dial !== undefined) this.#fail(this.#dial, this.#unreachable('the cache was closed'))
    if (this.#owned) await endClient(this.#client)
    // An owned client may still emit an error while it ends: without a listener ioredis would print it.
    this.#watch.remove(this, this.#owned ? 'error' : undefined)
  }

  /** The server is a replica, so the address may lead elsewhere by now: it is dialled again, once the replies that are due have come. */
  #retreat(): void {
    if (!this.#closed && this.ready) this.exchanges.retreat.begin(this.#client.stream as ClientStream)
  }

  #begin(patience: number): Promise<void> {
    const dial = new Dial(patience, () => {
      if (this.#owned) this.#client.stream?.destroy()
      this.#fail(
        dial,
        new TimeoutError(`${this.server} did not take the connection within ${patience} ms`, {
          server: this.server,
          outcome: 'not-sent',
        }),
      )
    })
    this.#dial = dial
    this.#start(dial)
    return dial.promise
  }

  #start(dial: Dial): void {
    const { status } = this.#client
    const idle = this.#owned ? status === 'wait' || status === 'end' : status === 'wait'
    if (!idle) return
    dial.dialed = true
    this.#reason = undefined
    // Failures are reported by the events, also those of attempts that ioredis began itself.
    this.#client.connect().catch(() => {})
  }

  #fail(dial: Dial, error: CacheError): void {
    this.#dial = undefined
    this.#mayReturn = false
    this.breaker.failed(error, true)
    dial.fail(error)
  }

  #unreachable(why: string): ConnectionError {
    return new ConnectionError(`${this.server} cannot be reached: ${why}`, { server: this.server, outcome: 'not-sent' })
  }

  /** The commands of the handshake were written, in the tick before this event. */
  connected(): void {
    this.#handshakeError = undefined
    // ioredis drops an error that came instead of the handshake's answers, when the server closes the connection with it.
    if (!this.#owned) return
    this.#client.stream?.once('data', chunk => {
      if (chunk[0] === minus) this.#handshakeError = String(chunk).split('\r\n', 1)[0]?.slice(1)
    })
  }

  established(): void {
    if (!this.ready || this.#closed) return
    this.#readyAt = now()
    this.connects++
    this.limit.doubt()
    this.#handshakeError = undefined
    this.#report({ type: 'connect', server: this.server })
    const dial = this.#dial
    if (dial === undefined) return
    this.#dial = undefined
    dial.succeed()
  }

  arrived(bytes: number): void {
    this.exchanges.arrived(bytes)
  }

  failed(error: unknown): void {
    // The first one is the reason; a reset that follows only says that the connection ended.
    this.#reason ??= error
    // After a failed SELECT ioredis would go on in database 0; after replies that do not parse, with half a reply.
    if (this.#owned) this.#client.stream?.destroy()
  }

  closed(): void {
    this.exchanges.retreat.end()
    const error = connectionFailure(this.#handshakeError ?? this.#reason, this.server)
    this.#handshakeError = undefined
    this.#reason = undefined
    const dial = this.#dial
    const wasReady = this.#readyAt !== undefined
    if (wasReady) this.#lost(error)
    if (dial === undefined || this.#dialing) return
    // An attempt that found the old connection half closed waits for the next one.
    if (dial.dialed || (!this.#owned && !wasReady)) this.#fail(dial, error)
  }

  ended(): void {
    const dial = this.#dial
    if (dial === undefined || this.#dialing) return
    // It waited for an older connection to close.
    if (!dial.dialed && this.#owned) this.#start(dial)
    else this.#fail(dial, connectionFailure(this.#reason, this.server))
  }

  /** True while a connection is being made: a late event about the end of the last one then says nothing about the attempt. */
  get #dialing(): boolean {
    const { status } = this.#client
    return status === 'connecting' || status === 'connect' || status === 'ready'
  }

  #lost(error: CacheError): void {
    const lived = now() - (this.#readyAt as number)
    this.#readyAt = undefined
    this.#mayReturn = true
    const { stream } = this.#client
    const retreated = this.exchanges.retreat.isFrom(stream)
    this.#report({ type: 'disconnect', server: this.server, error: this.#closed || retreated ? undefined : error })
    if (!this.#owned || this.#closed || this.#dial !== undefined) return
    if (retreated) this.connect().catch(() => {})
    // The next call replaces a connection that was idle, or that a server accepted only to close it.
    else if (this.exchanges.wasCounted(stream) && lived > 1000) this.#redialSoon()
  }

  /** One attempt at once: either the server is back before the next call, or the breaker is open by then. */
  #redialSoon(): void {
    // Spread over 50 ms, so that the processes of a fleet do not come back in one wave.
    this.#redial = setTimeout(() => void this.connect().catch(() => {}), Math.random() * 50)
    this.#redial.unref()
  }

  #probe(patience: number): Promise<void> {
    // Connecting asks for a sign of life too: the handshake must be answered.
    return this.ready ? this.#ping(patience) : (this.#dial?.promise ?? this.#begin(patience))
  }

  /** Rejects without a sign of life within `patience` ms. */
  #ping(patience: number): Promise<void> {
    const { exchanges, server } = this
    const exchange = exchanges.begin()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = new TimeoutError(`${server} did not answer a PING within ${patience} ms`, { server })
        exchanges.unanswered(exchange, error)
        reject(error)
      }, patience)
      timer.unref()
      const answered = (): void => {
        clearTimeout(timer)
        exchanges.answered(exchange, false)
        resolve()
      }
      const failed = (error: unknown): void => {
        // An error reply is a sign of life as well; a lost connection is not.
        if (isReply(error)) answered()
        else {
          clearTimeout(timer)
          // The connection may live on, as where the client gave the command up: nothing is due on it any more.
          exchanges.answered(exchange, true)
          reject(error)
        }
      }
      this.send('ping', [], exchange, 0, now() + patience, answered, failed)
    })
  }
}
