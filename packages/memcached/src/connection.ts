import {
  Breaker,
  type BreakerOptions,
  type CacheError,
  ClosedError,
  ConnectionError,
  nextTurn,
  now,
  type StoreEvent,
  watchDeadline,
} from '@anycache/core'
import { Budget } from './budget.js'
import type { Endpoint } from './endpoint.js'
import { type Composer, Outbox } from './outbox.js'
import type { Protocol, ServerSettings } from './protocol/protocol.js'
import { Refusals } from './refusals.js'
import { promised, Request, type RequestOwner } from './request.js'
import { Session, type SessionListener } from './session.js'
import { Unsettled } from './unsettled.js'

export interface ConnectionOptions {
  readonly protocol: Protocol
  /** For connecting, for probes, and for requests of memjs' own client; in ms. */
  readonly timeout: number
  readonly breaker: BreakerOptions | false | undefined
  /** Bytes queued and unanswered at most. */
  readonly maxInFlightBytes: number
  readonly report: (event: StoreEvent) => void
}

/**
 * The way to one server. It connects when something is asked, gathers what is asked in one tick into one write, settles every request
 * exactly once by its own deadline, and makes a new session after a failed one.
 */
export class Connection implements SessionListener, RequestOwner {
  readonly endpoint: Endpoint
  readonly breaker: Breaker
  /** What the server said of itself when it was last connected to. */
  settings: ServerSettings | undefined
  readonly #options: ConnectionOptions
  #session: Session | undefined
  /** Composed, and waiting for the session to open. */
  #waiting: Request[] = []
  readonly #outbox = new Outbox(batch => this.#write(batch))
  readonly #budget: Budget
  readonly #unsettled = new Unsettled()
  readonly #refusals = new Refusals()
  #isClosed = false
  /** Closed for good: what still wants to be sent is lost, and opens no socket. */
  #isShut = false
  #shutting: Promise<void> | undefined

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.endpoint = endpoint
    this.#options = options
    this.#budget = new Budget(endpoint.name, options.maxInFlightBytes)
    this.breaker = new Breaker({
      server: endpoint.name,
      breaker: options.breaker,
      probe: () => this.probe(),
      report: options.report,
    })
  }

  /** Takes a request in: from now on it counts against the bounds and has its deadline. False: it is refused, and will be rejected. */
  accept(request: Request, owner: RequestOwner): boolean {
    request.server = this.endpoint.name
    if (this.#isClosed) {
      request.fail(this.#closedError())
      return false
    }
    const refusal = this.breaker.refusal() ?? this.#budget.refusal(request)
    if (refusal === undefined) this.#takeIn(request, owner)
    else this.#refusals.add(request, refusal)
    return refusal === undefined
  }

  /** Sends with this tick's batch. */
  send(request: Request): void {
    this.#outbox.add(request)
  }

  /** Accepts and sends a request that belongs to no namespace. */
  ask(request: Request): void {
    if (this.accept(request, this)) this.send(request)
  }

  asked<T>(request: Request): Promise<T> {
    return promised(request, () => this.ask(request))
  }

  /** `asked`, for what was accepted before: neither the bound nor the closing of the store stops it half-way. */
  askedWithin<T>(request: Request): Promise<T> {
    return promised(request, () => {
      request.server = this.endpoint.name
      const refusal = this.breaker.refusal()
      if (refusal !== undefined) {
        this.#refusals.add(request, refusal)
        return
      }
      this.#takeIn(request, this)
      this.send(request)
    })
  }

  /** Another connection to the same server, without a breaker and heard by nobody; the caller's to shut. */
  apart(): Connection {
    return new Connection(this.endpoint, { ...this.#options, breaker: false, report() {} })
  }

  /** Closing waits for this, as for a request. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw this.#closedError()
    this.#unsettled.began()
    try {
      return await work()
    } finally {
      this.#unsettled.ended()
    }
  }

  resend(request: Request): void {
    this.send(request)
  }

  /** What was accepted has left. */
  ended(request: Request): void {
    this.#budget.refund(request)
    this.#left(request)
  }

  /**
   * A deadline passed. Where the server is wholly silent the connection goes; otherwise the late reply is awaited and dropped.
   * One failure for an exchange; none for a request that waited for another one to be done, whose own lateness counts.
   */
  late(request: Request): void {
    this.#left(request)
    const server = this.endpoint.name
    const session = this.#session
    const verdict = session?.judge(request)
    if (verdict === 'busy') return
    const error = new ConnectionError(`${server} has gone silent`, { server, outcome: 'unknown' })
    const { exchange } = request
    const isCounted = exchange?.isLate !== false
    if (exchange !== undefined) exchange.isLate = true
    if (verdict === 'silent') session?.fail(error)
    else if (!isCounted) this.breaker.failed(error)
  }

  /** Lets the composer add to this tick's batch. */
  schedule(composer: Composer): void {
    this.#outbox.schedule(composer)
  }

  get timeout(): number {
    return this.#options.timeout
  }

  /** Resolves when the server answered; the breaker does not stand in the way. */
  probe(): Promise<void> {
    // Half the time where it must connect, so that a server that returns is found within a second. On an open connection the whole:
    // a server slower than half of it answers calls in time, and would else be refused for ever.
    const { timeout } = this.#options
    const patience = this.#session?.isOpen ? timeout : timeout / 2
    const request = new Request('noop', '', now() + patience, () => {})
    return promised(request, () => {
      request.server = this.endpoint.name
      // Not taken in: closing waits for what callers asked, not for this.
      this.#admit(request, this)
      this.send(request)
    })
  }

  /** Waits for the calls that are pending, until the deadline at most, and closes the socket. */
  shut(deadline: number): Promise<void> {
    this.#isClosed = true
    this.breaker.close()
    this.#shutting ??= this.#unsettled.none(deadline).then(() => {
      this.#isShut = true
      this.hangUp()
    })
    return this.#shutting
  }

  /** Closes the socket at once. The next request opens another one, unless the store was closed. */
  hangUp(): void {
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
    this.breaker.succeeded()
  }

  closed(session: Session, error: CacheError | undefined, failures: number, refused: boolean): void {
    this.#session = undefined
    if (error !== undefined) for (let i = 0; i < failures; i++) this.breaker.failed(error, refused)
    if (session.wasOpen) this.#options.report({ type: 'disconnect', server: this.endpoint.name, error })
    const waiting = this.#waiting
    this.#waiting = []
    for (const request of waiting) request.lose(error)
  }

  #takeIn(request: Request, owner: RequestOwner): void {
    this.#unsettled.began()
    request.awaited = true
    this.#admit(request, owner)
  }

  #admit(request: Request, owner: RequestOwner): void {
    this.#budget.spend(request)
    request.owner = owner
    watchDeadline(request)
  }

  /** Nobody waits for the request any more. */
  #left(request: Request): void {
    if (!request.awaited) return
    request.awaited = false
    this.#unsettled.ended()
  }

  #closedError(): ClosedError {
    return new ClosedError('the store is closed', { server: this.endpoint.name })
  }

  #write(batch: Request[]): void {
    if (this.#isShut) {
      for (const request of batch) request.lose(undefined)
      return
    }
    try {
      this.#session ??= new Session(this.endpoint, this.#options, this)
    } catch (cause) {
      // `tls.connect` throws for a certificate that it cannot read.
      const server = this.endpoint.name
      const { message } = cause as Error
      const error = new ConnectionError(`${server}: ${message}`, { server, outcome: 'not-sent', cause })
      this.breaker.failed(error)
      void nextTurn().then(() => {
        for (const request of batch) request.lose(error)
      })
      return
    }
    if (this.#session.isOpen) this.#session.write(batch)
    else this.#wait(batch)
  }

  #wait(batch: readonly Request[]): void {
    const exchange = { isLate: false }
    for (const request of batch) {
      request.exchange = exchange
      this.#waiting.push(request)
    }
  }
}
