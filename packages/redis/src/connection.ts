import {
  type CacheError,
  ConnectionError,
  clearTimeout,
  Link,
  type LinkOptions,
  now,
  type StoreEvent,
  setImmediate,
  setTimeout,
  TimeoutError,
  withRealTicks,
} from '@anycache/core'
import { Attempt } from './attempt.js'
import { type RedisClient, Sender } from './client.js'
import type { Argument } from './command.js'
import { commandFailure, connectionFailure, isReply } from './failures.js'
import type { ClientStream } from './outlet.js'

export interface ConnectionOptions {
  readonly client: RedisClient
  /** Whether the store made the client, and so may dial and hang up. */
  readonly owned: boolean
  readonly server: string
  /** How long one attempt to connect may take, in ms. */
  readonly timeout: number
  readonly breaker: LinkOptions['breaker']
  readonly report: (event: StoreEvent) => void
}

/** What was known when something was sent: whether anything came since tells a slow server from a dead one. */
export interface Sent {
  readonly stream: ClientStream
  readonly bytesRead: number
  readonly at: number
  late: boolean
}

const minus = 0x2d
/** Milliseconds that a probe waits, where the timeout is longer: with the breaker's delay a cache is back within a second. */
const quickProbe = 500

/** The one connection to the server: dials when asked to, hangs up on a silent server, and feeds the breaker. */
export class Connection {
  readonly server: string
  readonly link: Link
  readonly #client: RedisClient
  readonly #owned: boolean
  readonly #timeout: number
  readonly #report: (event: StoreEvent) => void
  readonly #sender: Sender
  #attempt: Attempt | undefined
  #trouble: unknown
  /** When the connection that is open became ready. */
  #readyAt: number | undefined
  /** The first of the late requests since which nothing at all came. */
  #silence: Sent | undefined
  /** Whether the next probe takes all of the timeout. */
  #patient = false
  #hungUp = false
  #corked: ClientStream | undefined
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
    this.link = new Link({ server, breaker, report, probe: () => this.#probe() })
    if (client.status === 'ready') this.#readyAt = now()
    client.on('connecting', this.#onConnecting)
    client.on('connect', this.#onConnect)
    client.on('ready', this.#onReady)
    client.on('error', this.#onError)
    client.on('close', this.#onClose)
    client.on('end', this.#onEnd)
  }

  /** Whether a command sent now goes straight to the socket. ioredis would queue it otherwise, and replay it later. */
  get ready(): boolean {
    const { status, stream } = this.#client
    return status === 'ready' && stream?.writable === true
  }

  /** The socket, while {@link Connection.ready}. */
  get stream(): ClientStream {
    return this.#client.stream as ClientStream
  }

  send(name: string, args: Argument[], answered: (reply: unknown) => void, failed: (error: unknown) => void): void {
    this.#sender.send(name, args, answered, failed)
  }

  /** What `run` sends leaves in one write. */
  together(run: () => void): void {
    this.#sender.together(run)
  }

  /** Resolves when the connection is ready, or rejects when the attempt has failed. Callers share one attempt. */
  connect(): Promise<void> {
    if (this.ready) return Promise.resolve()
    if (this.#attempt !== undefined) return this.#attempt.promise
    const { status } = this.#client
    // Only a probe has the time to see whether a borrowed client comes back.
    if (!this.#owned && (status === 'reconnecting' || status === 'end')) {
      const error = this.#unreachable(`its client's status is "${status}"`)
      this.link.failed(error, true)
      return Promise.reject(error)
    }
    return this.#begin(this.#timeout)
  }

  sent(): Sent {
    const { stream } = this
    return { stream, bytesRead: stream.bytesRead, at: now(), late: false }
  }

  /** What to tell a caller whose deadline passed; `sent` is undefined while the command was still waiting for a connection. */
  late(sent: Sent | undefined): CacheError {
    const { server } = this
    if (sent === undefined) {
      return new TimeoutError(`${server} took no connection before the call's deadline; nothing was sent`, {
        server,
        outcome: 'not-sent',
      })
    }
    const waited = now() - sent.at
    const error = new TimeoutError(
      `${server} did not answer within ${Math.round(waited)} ms; a write may still take effect`,
      {
        server,
        outcome: 'unknown',
      },
    )
    if (!sent.late) {
      // One failure for a batch, however many calls are in it.
      sent.late = true
      this.link.failed(error)
      // A call with a few ms to spare says little about the connection; many in a row do.
      const silence = this.#isSilentSince(this.#silence) ? (this.#silence as Sent) : sent
      this.#silence = silence
      if (waited >= this.#timeout / 2 || now() - silence.at >= this.#timeout) this.#hangUpIfSilent(sent)
    }
    return error
  }

  /** What to tell the caller of a command that the client rejected. */
  failure(error: unknown): CacheError {
    const failure = commandFailure(error, this.server)
    if (isReply(error)) this.link.succeeded()
    return failure
  }

  /** Frees what was opened; a borrowed client stays as it is. Once. */
  async close(): Promise<void> {
    this.#closed = true
    this.link.close()
    if (this.#attempt !== undefined) this.#fail(this.#attempt, this.#unreachable('the cache was closed'))
    if (this.#owned) await this.#hangUp()
    const { off } = this.#client
    off.call(this.#client, 'connecting', this.#onConnecting)
    off.call(this.#client, 'connect', this.#onConnect)
    off.call(this.#client, 'ready', this.#onReady)
    // An owned client may still tell an error of its last moments: without a listener ioredis would print it.
    if (!this.#owned) off.call(this.#client, 'error', this.#onError)
    off.call(this.#client, 'close', this.#onClose)
    off.call(this.#client, 'end', this.#onEnd)
  }

  async #hangUp(): Promise<void> {
    const client = this.#client
    clearTimeout(this.#redial)
    if (client.status === 'end') return
    await new Promise<void>(resolve => {
      client.on('end', () => resolve())
      // Where it never connected there is nothing to close, but it must not connect later.
      if (client.status === 'wait') client.disconnect()
      // A turn later, since a client that has just begun to connect still has its last socket, or none.
      else setImmediate(() => withRealTicks(() => client.stream?.destroy()))
    })
  }

  /** Nothing at all came since: the server or the way to it is dead, and what it still sends must not be waited for. */
  #hangUpIfSilent(sent: Sent): void {
    if (!this.#owned || !this.#isSilentSince(sent)) return
    this.#hungUp = true
    sent.stream.destroy()
  }

  #isSilentSince(sent: Sent | undefined): boolean {
    return sent !== undefined && sent.stream === this.#client.stream && sent.stream.bytesRead === sent.bytesRead
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
    this.#trouble = undefined
    this.#dial(attempt)
    return attempt.promise
  }

  #dial(attempt: Attempt): void {
    const { status } = this.#client
    const idle = this.#owned ? status === 'wait' || status === 'end' : status === 'wait'
    if (!idle) return
    attempt.dialed = true
    // What went wrong comes by the events, which also tell of attempts that ioredis began itself.
    this.#client.connect().catch(() => {})
  }

  #fail(attempt: Attempt, error: CacheError): void {
    this.#attempt = undefined
    this.link.failed(error, true)
    attempt.fail(error)
  }

  #unreachable(why: string): ConnectionError {
    return new ConnectionError(`${this.server} cannot be reached: ${why}`, { server: this.server, outcome: 'not-sent' })
  }

  readonly #onConnecting = (): void => {
    if (!this.#owned) return
    // The socket exists some ticks after this event.
    setImmediate(() => {
      const { stream } = this.#client
      if (!stream?.connecting) return
      // The handshake in one write: a server that is full hangs up with its reason, and a second write would lose that.
      stream.cork()
      this.#corked = stream
    })
  }

  /** The commands of the handshake were written, in the tick before this event. */
  readonly #onConnect = (): void => {
    this.#corked?.uncork()
    this.#corked = undefined
    this.#protest = undefined
    // ioredis does not tell of an error that came instead of the handshake's answers, when the server hangs up with it.
    if (!this.#owned) return
    this.stream.once('data', chunk => {
      if (chunk[0] === minus) this.#protest = String(chunk).split('\r\n', 1)[0]?.slice(1)
    })
  }

  readonly #onReady = (): void => {
    if (!this.ready || this.#closed) return
    this.#readyAt = now()
    this.#protest = undefined
    this.#report({ type: 'connect', server: this.server })
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#attempt = undefined
    attempt.succeed()
  }

  readonly #onError = (error: unknown): void => {
    // The first one is the reason; a reset that follows only says that the connection ended.
    this.#trouble ??= error
    // After a failed SELECT ioredis would go on in database 0; after replies that do not parse, with half a reply.
    if (this.#owned) this.#client.stream?.destroy()
  }

  readonly #onClose = (): void => {
    const error = connectionFailure(this.#protest ?? this.#trouble, this.server)
    this.#protest = undefined
    this.#trouble = undefined
    const attempt = this.#attempt
    if (this.#readyAt !== undefined) this.#lost(error)
    if (attempt === undefined || this.#dialing) return
    if (attempt.dialed || !this.#owned) this.#fail(attempt, error)
  }

  #lost(error: CacheError): void {
    const lived = now() - (this.#readyAt as number)
    this.#readyAt = undefined
    this.#report({ type: 'disconnect', server: this.server, error: this.#closed ? undefined : error })
    // A silent connection was counted when it was hung up.
    if (!this.#hungUp) this.link.failed(error)
    this.#hungUp = false
    // A server that takes connections only to close them is left to the next call and to the breaker.
    if (this.#owned && !this.#closed && this.#attempt === undefined && lived > 1000) this.#redialSoon()
  }

  readonly #onEnd = (): void => {
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

  /** One attempt at once: either the server is back before the next call, or the breaker is open by then. */
  #redialSoon(): void {
    // Spread over 50 ms, so that the processes of a fleet do not come back in one wave.
    this.#redial = setTimeout(() => void this.connect().catch(() => {}), Math.random() * 50)
    this.#redial.unref()
  }

  async #probe(): Promise<void> {
    try {
      await this.#ask(this.#patient ? this.#timeout : Math.min(this.#timeout, quickProbe))
    } catch (error) {
      // By turns, however long the timeout: quick ones find a server soon after its return, long ones find a slow server.
      this.#patient = !this.#patient
      throw error
    }
  }

  /** Resolves at a sign of life, rejects without one within `patience` ms. */
  async #ask(patience: number): Promise<void> {
    // Connecting asks for a sign of life too: the handshake must be answered.
    if (!this.ready) return this.#attempt?.promise ?? this.#begin(patience)
    const sent = this.sent()
    const pinged = new Promise((answer, fail) => this.send('ping', [], answer, fail))
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#hangUpIfSilent(sent)
        reject(new TimeoutError(`${this.server} did not answer a PING within ${patience} ms`, { server: this.server }))
      }, patience)
      timer.unref()
      const answered = (error?: unknown): void => {
        clearTimeout(timer)
        // An error reply is a sign of life as well; a lost connection is not.
        if (error === undefined || isReply(error)) resolve()
        else reject(error)
      }
      pinged.then(() => answered(), answered)
    })
  }
}
