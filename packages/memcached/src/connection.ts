import {
  Admission,
  Breaker,
  type CacheError,
  ConnectionError,
  Exchange,
  failNextTurn,
  type HealthSettings,
  nextTurn,
  now,
  type StoreEvent,
  watchDeadline,
} from '@anycache/core'
import type { Endpoint } from './endpoint.js'
import { type Composer, Outbox } from './outbox.js'
import type { Protocol, ServerSettings } from './protocol/protocol.js'
import { promised, Request, type RequestOwner } from './request.js'
import { Session, type SessionListener } from './session.js'

export interface ConnectionOptions extends HealthSettings {
  readonly protocol: Protocol
  readonly report: (event: StoreEvent) => void
}

/**
 * The way to one server. It connects when something is asked, gathers what is asked in one tick into one write, settles every request
 * exactly once by its own deadline, and makes a new session after a failed one.
 */
export class Connection implements SessionListener, RequestOwner {
  readonly endpoint: Endpoint
  readonly breaker: Breaker
  /** The server's settings, as of the last connection. */
  settings: ServerSettings | undefined
  readonly #options: ConnectionOptions
  #session: Session | undefined
  /** Composed, and waiting for the session to open. */
  #waiting: Request[] = []
  readonly #outbox = new Outbox(batch => this.#write(batch))
  readonly #admission: Admission
  /** Closed for good: what still wants to be sent is lost, and opens no socket. */
  #isShut = false
  #shutting: Promise<void> | undefined

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.endpoint = endpoint
    this.#options = options
    this.breaker = new Breaker({
      server: endpoint.name,
      breaker: options.breaker,
      timeout: options.timeout,
      probe: patience => this.#probe(patience),
      report: options.report,
    })
    this.#admission = new Admission(this.breaker, options.maxInFlightBytes)
  }

  /** Takes a request in: from now on it counts against the bounds and has its deadline. False: it is refused, and will be rejected. */
  accept(request: Request, owner: RequestOwner): boolean {
    return this.#takeIn(request, owner, this.#admission.admit(request.weight))
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

  /** `asked`, for a step of what was accepted before: neither the bound nor the closing of the store stops it half-way. */
  askedWithin<T>(request: Request): Promise<T> {
    return promised(request, () => {
      if (this.#takeIn(request, this, this.#admission.admitStep(request.weight))) this.send(request)
    })
  }

  /** Another connection to the same server, without a breaker and without listeners; the caller's to shut. */
  sibling(): Connection {
    return new Connection(this.endpoint, { ...this.#options, breaker: false, report() {} })
  }

  /** Closing waits for this, as for a request. */
  during<T>(work: () => Promise<T>): Promise<T> {
    return this.#admission.during(work)
  }

  resend(request: Request): void {
    this.send(request)
  }

  /** What was accepted has left. */
  ended(request: Request): void {
    if (request.isHeld) this.#admission.release(request.weight)
    request.isHeld = false
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
    if (verdict !== 'silent') {
      if (exchange !== undefined) this.breaker.failedIn(exchange, error)
      return
    }
    if (exchange !== undefined) exchange.isCounted = true
    session?.fail(error)
  }

  /** Lets the composer add to this tick's batch. */
  schedule(composer: Composer): void {
    this.#outbox.schedule(composer)
  }

  get timeout(): number {
    return this.#options.timeout
  }

  /** Waits for the calls that are pending, until the deadline at most, and closes the socket. */
  shut(deadline: number): Promise<void> {
    this.breaker.close()
    this.#shutting ??= this.#admission.close(deadline).then(() => {
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

  /** Resolves when the server answered; the breaker does not stand in the way, and closing does not wait. */
  async #probe(patience: number): Promise<void> {
    const connects = this.#session === undefined
    try {
      await promised(new Request('noop', '', now() + patience, () => {}), request => {
        this.#watch(request, this)
        this.send(request)
      })
    } catch (error) {
      // The next probe would wait for this attempt.
      if (connects && this.#session?.isOpen === false) this.#session.fail(error as CacheError)
      throw error
    }
  }

  #takeIn(request: Request, owner: RequestOwner, refusal: CacheError | undefined): boolean {
    if (refusal !== undefined) {
      failNextTurn(request, refusal)
      return false
    }
    request.isHeld = true
    request.awaited = true
    this.#watch(request, owner)
    return true
  }

  /** From now on its deadline counts. */
  #watch(request: Request, owner: RequestOwner): void {
    request.server = this.endpoint.name
    request.owner = owner
    watchDeadline(request)
  }

  /** Nobody waits for the request any more. */
  #left(request: Request): void {
    if (!request.awaited) return
    request.awaited = false
    this.#admission.settled()
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
    const exchange = new Exchange()
    for (const request of batch) {
      request.exchange = exchange
      this.#waiting.push(request)
    }
  }
}
