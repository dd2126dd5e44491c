/// <reference path="./memjs.d.ts" />
import {
  awaitBy,
  type BreakerOptions,
  type CacheError,
  ConnectionError,
  Link,
  nextTick,
  now,
  OverloadedError,
  queueMicrotask,
  type StoreEvent,
  settled,
} from '@anycache/core'
import { type ResponseHandler, Server } from 'memjs'
import type { ServerSettings } from './greeting.js'
import { rawRequest } from './raw-request.js'
import { type Lane, type Reply, Request } from './request.js'
import type { Endpoint } from './servers.js'
import { Session, type SessionListener } from './session.js'

export interface ConnectionOptions {
  /** For connecting, for probes, and for requests of memjs' own client; in ms. */
  readonly timeout: number
  readonly breaker: BreakerOptions | false | undefined
  /** Bytes queued and unanswered at most. */
  readonly maxInFlightBytes: number
  readonly report: (event: StoreEvent) => void
}

/** Adds to a batch what it holds back until the moment of writing. */
export interface Composer {
  compose(batch: Request[]): void
}

// What a small request costs in memory beside its payload, roughly.
const requestBytes = 256
// Less than the whole: a call may have spent some of its time on connecting.
const silentShare = 0.75

/**
 * One server: a `Server` of memjs made safe. It connects when something is asked, gathers what is asked in one tick into one write,
 * settles every request exactly once by its own deadline, and makes a new session after a failed one. memjs' own client may use it too.
 */
export class Connection extends Server implements SessionListener, Lane {
  readonly endpoint: Endpoint
  readonly link: Link
  /** What the server told of itself when it was last connected to. */
  settings: ServerSettings | undefined
  readonly #options: ConnectionOptions
  #session: Session | undefined
  /** Composed, and waiting for the session to open. */
  #waiting: Request[] = []
  #batch: Request[] = []
  #composers: Composer[] = []
  #isScheduled = false
  #inFlightBytes = 0
  #unsettled = 0
  #isClosed = false
  /** Closed for good: what still wants to be sent is lost, and opens no socket. */
  #isShut = false
  #idle: (() => void) | undefined
  #shutting: Promise<void> | undefined
  readonly #handlers = new Map<number, ResponseHandler>()
  readonly #errorHandlers = new Map<number, (error: Error) => void>()
  readonly #flush = (): void => this.#write()
  readonly #afterMicrotasks = (): void => nextTick(this.#flush)
  readonly #expired = (request: Request): void => this.#judge(request)

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    super(endpoint.host, endpoint.port)
    // memjs takes them from the environment where they are not given; ours are the endpoint's alone.
    this.username = undefined
    this.password = undefined
    this.endpoint = endpoint
    this.#options = options
    this.link = new Link({
      server: endpoint.name,
      breaker: options.breaker,
      probe: () => this.probe(),
      report: options.report,
    })
  }

  /** Takes a request in: from now on it counts against the bounds and has its deadline. False: it was refused, and has been told. */
  accept(request: Request, lane: Lane): boolean {
    request.server = this.endpoint.name
    const refusal = this.#refusal(request)
    if (refusal === undefined) this.#admit(request, lane)
    else request.fail(refusal)
    return refusal === undefined
  }

  /** Sends with this tick's batch. */
  send(request: Request): void {
    this.#batch.push(request)
    this.schedule()
  }

  /** Accepts and sends a request that belongs to no namespace. */
  asked<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      request.resolve = resolve as (value: unknown) => void
      request.reject = reject
      if (this.accept(request, this)) this.send(request)
    })
  }

  /** `asked`, for what was accepted before: neither the bound nor the closing of the store stops it half-way. */
  askedWithin<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      request.resolve = resolve as (value: unknown) => void
      request.reject = reject
      request.server = this.endpoint.name
      const refusal = this.link.refusal()
      if (refusal !== undefined) {
        request.fail(refusal)
        return
      }
      this.#admit(request, this)
      this.send(request)
    })
  }

  /** Closing waits for this, as for a request. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#unsettled++
    try {
      return await work()
    } finally {
      this.#left()
    }
  }

  resend(request: Request): void {
    this.send(request)
  }

  /** What was accepted has left. */
  ended(request: Request): void {
    this.#inFlightBytes -= requestBytes + request.bytes
    this.#left()
  }

  /** Lets the composer add to this tick's batch. */
  schedule(composer?: Composer): void {
    if (composer !== undefined) this.#composers.push(composer)
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Behind the microtasks: the continuations of one answer's many readers then share the next write.
    queueMicrotask(this.#afterMicrotasks)
  }

  /** Resolves when the server answered; the breaker does not stand in the way. */
  probe(): Promise<void> {
    // Half the time where it must connect, so that a server that returns is found within a second. On an open connection the whole:
    // a server slower than half of it answers calls in time, and would else be refused for ever.
    const { timeout } = this.#options
    const patience = this.#session?.isOpen ? timeout : timeout / 2
    const request = new Request('noop', '', now() + patience, readNothing)
    return new Promise((resolve, reject) => {
      request.resolve = resolve as (value: unknown) => void
      request.reject = reject
      request.server = this.endpoint.name
      this.#admit(request, this)
      this.send(request)
    })
  }

  /** Waits for what is under way, until the deadline at most, and closes the socket. */
  shut(deadline: number): Promise<void> {
    this.#isClosed = true
    this.link.close()
    this.#shutting ??= this.#whenIdle(deadline).then(() => {
      this.#isShut = true
      this.close()
    })
    return this.#shutting
  }

  // memjs' client calls these four.

  override onResponse(seq: number, handler: ResponseHandler): void {
    this.#handlers.set(seq, handler)
  }

  override onError(seq: number, handler: (error: Error) => void): void {
    this.#errorHandlers.set(seq, handler)
  }

  override write(frames: Buffer): void {
    const seq = frames.readUInt32BE(12)
    const handler = this.#handlers.get(seq)
    const errorHandler = this.#errorHandlers.get(seq)
    this.#handlers.delete(seq)
    this.#errorHandlers.delete(seq)
    const request = rawRequest(frames, now() + this.#options.timeout, handler, errorHandler)
    if (this.accept(request, this)) this.send(request)
  }

  /** Closes the socket at once. The next request opens another one, unless the store was closed. */
  override close(): void {
    this.#session?.fail(undefined)
  }

  // The session's listener.

  opened(_session: Session, settings: ServerSettings): void {
    this.settings = settings
    this.#options.report({ type: 'connect', server: this.endpoint.name })
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length > 0) this.#session?.write(waiting)
  }

  heard(): void {
    this.link.succeeded()
  }

  closed(session: Session, error: CacheError | undefined, failures: number, refused: boolean): void {
    this.#session = undefined
    if (error !== undefined) for (let i = 0; i < failures; i++) this.link.failed(error, refused)
    if (session.wasOpen) this.#options.report({ type: 'disconnect', server: this.endpoint.name, error })
    const waiting = this.#waiting
    this.#waiting = []
    for (const request of waiting) request.lose(error)
  }

  #admit(request: Request, lane: Lane): void {
    this.#inFlightBytes += requestBytes + request.bytes
    this.#unsettled++
    request.lane = lane
    request.expired = this.#expired
    awaitBy(request)
  }

  #left(): void {
    if (--this.#unsettled === 0) this.#idle?.()
  }

  #whenIdle(deadline: number): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve()
    return new Promise(resolve => {
      const patience = { deadline, expire: resolve }
      awaitBy(patience)
      this.#idle = () => {
        settled(patience)
        resolve()
      }
    })
  }

  #refusal(request: Request): CacheError | undefined {
    const server = this.endpoint.name
    if (this.#isClosed) return new ConnectionError(`the store of ${server} is closed`, { server, outcome: 'not-sent' })
    const refusal = this.link.refusal()
    if (refusal !== undefined) return refusal
    const { maxInFlightBytes } = this.#options
    // One request always fits: a bound below the item limit would otherwise shut some values out for ever.
    if (this.#inFlightBytes === 0 || this.#inFlightBytes + request.bytes <= maxInFlightBytes) return undefined
    return new OverloadedError(
      `${server} has ${this.#inFlightBytes} bytes queued or unanswered, over maxInFlightBytes (${maxInFlightBytes})`,
      { server, outcome: 'not-sent' },
    )
  }

  #write(): void {
    this.#isScheduled = false
    const batch = this.#batch
    this.#batch = []
    const composers = this.#composers
    if (composers.length > 0) {
      this.#composers = []
      for (const composer of composers) composer.compose(batch)
    }
    if (batch.length === 0) return
    if (this.#isShut) {
      for (const request of batch) request.lose(undefined)
      return
    }
    try {
      this.#session ??= new Session(this.endpoint, this.#options.timeout, this)
    } catch (cause) {
      // `tls.connect` throws for a certificate that it cannot read.
      const server = this.endpoint.name
      const { message } = cause as Error
      const error = new ConnectionError(`${server}: ${message}`, { server, outcome: 'not-sent', cause })
      this.link.failed(error)
      for (const request of batch) request.lose(error)
      return
    }
    if (this.#session.isOpen) this.#session.write(batch)
    else if (this.#waiting.length === 0) this.#waiting = batch
    else for (const request of batch) this.#waiting.push(request)
  }

  /**
   * A deadline passed. Where the server is wholly silent the connection goes; otherwise the late reply is awaited and dropped.
   * A caller with little patience does not cost the others theirs: the silence must have lasted nearly as long as the store's own.
   */
  #judge(request: Request): void {
    const server = this.endpoint.name
    const error = new ConnectionError(`${server} has gone silent`, { server, outcome: 'unknown' })
    const session = this.#session
    const isSilent = request.inFlight && session?.silentSince(request.sentAt) === true
    if (isSilent && session.silence() >= this.#options.timeout * silentShare) session.fail(error)
    else this.link.failed(error)
  }
}

function readNothing(_request: Request, _reply: Reply): void {}
