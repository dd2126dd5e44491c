import {
  Breaker,
  type BreakerSetup,
  type CacheError,
  ConnectionError,
  clearTimeout,
  now,
  type StoreEvent,
  setImmediate,
  setTimeout,
  TimeoutError,
  withRealTicks,
} from '@anycache/core'
import { Attempt } from './dial.js'
import { type RedisClient, Sender } from '../client/client.js'
import type { Argument } from '../protocol/command.js'
import { lastReplies } from './demotion.js'
import { Exchanges } from './exchanges.js'
import { connectionFailure } from '../protocol/failures.js'
import type { ClientStream } from '../client/corked-writer.js'
import { ping } from './probe.js'
import { refused } from '../refused.js'
import { Watch, type Watcher } from '../client/watch.js'

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
/** Milliseconds that a probe waits, where the timeout is longer: with the breaker's delay a cache is back within a second. */
const quickProbe = 500

/** The one connection to the server: dials when asked to, and anew when the server is a replica. */
export class Connection implements Watcher {
  readonly server: string
  readonly breaker: Breaker
  readonly exchanges: Exchanges
  /** How many connections there were so far. */
  connects = 0
  readonly #client: RedisClient
  readonly #owned: boolean
  readonly #timeout: number
  readonly #report: (event: StoreEvent) => void
  readonly #sender: Sender
  readonly #watch: Watch
  #attempt: Attempt | undefined
  #trouble: unknown
  /** When the connection that is open became ready. */
  #readyAt: number | undefined
  /** A borrowed client has just lost its connection: it is waited for once. */
  #mayReturn = false
  /** Whether the next probe takes all of the timeout. */
  #patient = false
  /** The error line that a server sent before anything else: it is full, or protected. */
  #protest: string | undefined
  #redial: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    const { client, server, breaker, report } = options
    this.#client = client
    this.#owned = options.owned
    this.#timeout = options.timeout
    this.#report = report
    this.#sender = new Sender(client, options.owned)
    this.server = server
    this.breaker = new Breaker({ server, breaker, report, probe: () => this.#probe() })
    if (client.status === 'ready') this.#readyAt = now()
    this.#watch = Watch.of(client)
    this.#watch.add(this)
    const { owned, timeout } = options
    const demoted = (): void => this.#retreat()
    this.exchanges = new Exchanges({
      client,
      owned,
      server,
      timeout,
      breaker: this.breaker,
      watch: this.#watch,
      demoted,
    })
  }

  /** Whether a command sent now goes straight to the socket. ioredis would queue it otherwise, and replay it later. */
  get ready(): boolean {
    const { status, stream } = this.#client
    return status === 'ready' && stream?.writable === true && !this.exchanges.retreat.underWay
  }

  send(name: string, args: Argument[], answered: (reply: unknown) => void, failed: (error: unknown) => void): void {
    this.exchanges.sent(name, args)
    this.#sender.send(name, args, answered, failed)
  }

  /** What `run` sends leaves in one write. */
  together(run: () => void): void {
    this.#sender.together(run)
  }

  /** Resolves when the connection is ready, or rejects when the attempt has failed. Callers share one attempt. */
  connect(): Promise<void> {
    if (this.ready) return Promise.resolve()
    if (this.#closed) return refused(this.#unreachable('the cache was closed'))
    if (this.#attempt !== undefined) return this.#attempt.promise
    const { status } = this.#client
    // Only a probe has the time to see whether a borrowed client comes back.
    if (!this.#owned && (status === 'end' || (status === 'reconnecting' && !this.#mayReturn))) {
      const error = this.#unreachable(`its client's status is "${status}"`)
      this.breaker.failed(error, true)
      return refused(error)
    }
    return this.#begin(this.exchanges.retreat.underWay ? this.#timeout + lastReplies : this.#timeout)
  }

  /** Frees what was opened; a borrowed client stays as it is. Once. */
  async close(): Promise<void> {
    this.#closed = true
    this.breaker.close()
    clearTimeout(this.#redial)
    this.exchanges.close()
    if (this.#attempt !== undefined) this.#fail(this.#attempt, this.#unreachable('the cache was closed'))
    if (this.#owned) await this.#hangUp()
    // An owned client may still tell an error of its last moments: without a listener ioredis would print it.
    this.#watch.remove(this, this.#owned ? 'error' : undefined)
  }

  async #hangUp(): Promise<void> {
    const client = this.#client
    client.retire?.()
    if (client.status === 'end') return
    await new Promise<void>(resolve => {
      client.on('end', () => resolve())
      // Where it never connected there is nothing to close, but it must not connect later.
      if (client.status === 'wait') client.disconnect()
      // A turn later, since a client that has just begun to connect still has its last socket, or none.
      else setImmediate(() => withRealTicks(() => client.stream?.destroy()))
    })
  }

  /** The server is a replica, so the address may lead elsewhere by now: once what is due has come, it is dialled anew. */
  #retreat(): void {
    if (!this.#closed && this.ready) this.exchanges.retreat.begin(this.#client.stream as ClientStream)
  }

  #begin(patience: number): Promise<void> {
    const attempt = new Attempt(patience, () => {
      if (this.#owned) this.#client.stream?.destroy()
      this.#fail(
        attempt,
        new TimeoutError(`${this.server} did not take the connection within ${patience} ms`, {
          server: this.server,
          outcome: 'not-sent',
        }),
      )
    })
    this.#attempt = attempt
    this.#dial(attempt)
    return attempt.promise
  }

  #dial(attempt: Attempt): void {
    const { status } = this.#client
    const idle = this.#owned ? status === 'wait' || status === 'end' : status === 'wait'
    if (!idle) return
    attempt.dialed = true
    this.#trouble = undefined
    // What went wrong comes by the events, which also tell of attempts that ioredis began itself.
    this.#client.connect().catch(() => {})
  }

  #fail(attempt: Attempt, error: CacheError): void {
    this.#attempt = undefined
    this.#mayReturn = false
    this.breaker.failed(error, true)
    attempt.fail(error)
  }

  #unreachable(why: string): ConnectionError {
    return new ConnectionError(`${this.server} cannot be reached: ${why}`, { server: this.server, outcome: 'not-sent' })
  }

  // The client's events.

  /** The commands of the handshake were written, in the tick before this event. */
  connected(): void {
    this.#protest = undefined
    // ioredis does not tell of an error that came instead of the handshake's answers, when the server hangs up with it.
    if (!this.#owned) return
    this.#client.stream?.once('data', chunk => {
      if (chunk[0] === minus) this.#protest = String(chunk).split('\r\n', 1)[0]?.slice(1)
    })
  }

  established(): void {
    if (!this.ready || this.#closed) return
    this.#readyAt = now()
    this.connects++
    this.#protest = undefined
    this.#report({ type: 'connect', server: this.server })
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#attempt = undefined
    attempt.succeed()
  }

  failed(error: unknown): void {
    // The first one is the reason; a reset that follows only says that the connection ended.
    this.#trouble ??= error
    // After a failed SELECT ioredis would go on in database 0; after replies that do not parse, with half a reply.
    if (this.#owned) this.#client.stream?.destroy()
  }

  closed(): void {
    this.exchanges.retreat.end()
    const error = connectionFailure(this.#protest ?? this.#trouble, this.server)
    this.#protest = undefined
    this.#trouble = undefined
    const attempt = this.#attempt
    const wasReady = this.#readyAt !== undefined
    if (wasReady) this.#lost(error)
    if (attempt === undefined || this.#dialing) return
    // An attempt that found the old connection half closed waits for the next one.
    if (attempt.dialed || (!this.#owned && !wasReady)) this.#fail(attempt, error)
  }

  ended(): void {
    const attempt = this.#attempt
    if (attempt === undefined || this.#dialing) return
    // It waited for an older connection to close.
    if (!attempt.dialed && this.#owned) this.#dial(attempt)
    else this.#fail(attempt, connectionFailure(this.#trouble, this.server))
  }

  /** True while a connection is under way: an event of the end of the last one, told late, then says nothing of the attempt. */
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
    if (!this.#owned || this.#closed || this.#attempt !== undefined) return
    if (retreated) this.connect().catch(() => {})
    // One that was idle is made anew by the next call; so is one that a server took only to close it.
    else if (this.exchanges.wasCounted(stream) && lived > 1000) this.#redialSoon()
  }

  /** One attempt at once: either the server is back before the next call, or the breaker is open by then. */
  #redialSoon(): void {
    // Spread over 50 ms, so that the processes of a fleet do not come back in one wave.
    this.#redial = setTimeout(() => void this.connect().catch(() => {}), Math.random() * 50)
    this.#redial.unref()
  }

  async #probe(): Promise<void> {
    const patience = this.#patient ? this.#timeout : Math.min(this.#timeout, quickProbe)
    try {
      // Connecting asks for a sign of life too: the handshake must be answered.
      if (this.ready) await ping(this, patience)
      else await (this.#attempt?.promise ?? this.#begin(patience))
    } catch (error) {
      // By turns, however long the timeout: quick ones find a server soon after its return, long ones find a slow server.
      this.#patient = !this.#patient
      throw error
    }
  }
}
