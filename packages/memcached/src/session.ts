import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type CacheError,
  ConnectionError,
  type Exchange,
  now,
  type Pending,
  Progress,
  unwatch,
  type Verdict,
  watchDeadline,
} from '@anycache/core'
import { noVersion } from './cas-tokens.js'
import type { Endpoint } from './endpoint.js'
import { connectionFailure, connectTimeout, foreignBytes } from './failures.js'
import {
  type Inbox,
  MalformedReply,
  type Protocol,
  type ReplyReader,
  type ServerSettings,
} from './protocol/protocol.js'
import { emptyReply, type Reply, type Request } from './request.js'
import { openSocket } from './socket.js'
import { lateExchanges, repeatableReads, Unanswered } from './unanswered.js'

const largestItem = 1024 ** 3
const tooLarge: Reply = { ...emptyReply(''), status: 'too-large' }

/** So long must a connection be silent after it was idle, as a share of what its callers or the store wait, to be taken for dead. */
const wakingShare = 0.75

/** Notified of what becomes of a session. */
export interface SessionListener {
  opened(session: Session, settings: ServerSettings): void
  /** An answer came in time. */
  heard(): void
  /** Once, last. `error` is `undefined` when we closed it; an idle one that the server closed counts 0 failures. `refused`: no connection can be made. */
  closed(session: Session, error: CacheError | undefined, failures: number, refused: boolean): void
}

/**
 * One connection, from its socket to its end. Each request written is answered, or lost with the session; a session is never
 * used again after bytes that did not parse, and the next one starts with nothing of it.
 */
export class Session implements Pending, Inbox {
  /** Names this connection in CAS tokens: a restarted server counts its versions from the start again. */
  readonly incarnation: string = randomBytes(6).toString('base64url')
  /** When connecting must be done; later, when a connection that was idle must have given a sign of life. */
  deadline: number
  previous: Pending | undefined = undefined
  next: Pending | undefined = undefined
  readonly #endpoint: Endpoint
  readonly #listener: SessionListener
  readonly #timeout: number
  readonly #protocol: Protocol
  readonly #socket: Socket
  readonly #progress: Progress
  readonly #reader: ReplyReader
  readonly #unanswered = new Unanswered()
  #nextSerial: number
  #maxItemBytes = largestItem
  /** Among the answers of this chunk is one that came in time. */
  #isPrompt = false
  #open = false
  #closed = false

  constructor(
    endpoint: Endpoint,
    { protocol, timeout }: { readonly protocol: Protocol; readonly timeout: number },
    listener: SessionListener,
  ) {
    this.#endpoint = endpoint
    this.#listener = listener
    this.#protocol = protocol
    this.#reader = protocol.reader(this.incarnation, this)
    this.#nextSerial = protocol.firstSerial
    this.#timeout = timeout
    this.deadline = now() + timeout
    this.#socket = openSocket(endpoint, () => this.#greet())
    this.#progress = new Progress(this.#socket, timeout)
    watchDeadline(this)
    this.#socket.on('data', chunk => this.#receive(chunk))
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#lost(error))
    this.#socket.on('end', () => this.#lost(undefined))
    this.#socket.on('close', () => this.#lost(undefined))
  }

  /** Whether requests may be written: connected, logged in, and the server's settings known. */
  get isOpen(): boolean {
    return this.#open && !this.#closed
  }

  /** Whether it was ever open. */
  get wasOpen(): boolean {
    return this.#open
  }

  /** Connecting took too long; or nothing came since it was used again, and while only reads are lost they may find a new one in time. */
  expire(): void {
    const server = this.#endpoint.name
    if (!this.#open) {
      // Like a refused connection: a frozen server must not cost every call that follows its patience.
      this.#end(connectTimeout(this.#endpoint, this.#socket), false, true)
    } else if (this.#unanswered.rest().every(request => request.over || request.isRead)) {
      const message = `the connection to ${server} was idle and has gone silent`
      this.#end(new ConnectionError(message, { server, outcome: 'unknown' }), true, false)
    }
  }

  /** What it says about the server that this request got no answer in time. */
  judge({ inFlight, exchange }: Request): Verdict {
    return this.#progress.judge(inFlight ? exchange : undefined, this.#reader.begunBytes)
  }

  /** Sends the requests in their order, in one write. The array becomes the session's own. */
  write(batch: Request[]): void {
    const protocol = this.#protocol
    let admitted = 0
    let room = 0
    for (let i = 0; i < batch.length; i++) {
      const request = batch[i] as Request
      if (!this.#admit(request)) continue
      batch[admitted++] = request
      room += protocol.roomFor(request)
    }
    if (admitted === 0) return
    batch.length = admitted
    const buffer = Buffer.allocUnsafe(room)
    const progress = this.#progress
    const isWoken = progress.isDoubtful
    const exchange = progress.begin()
    if (progress.isDoubtful && !isWoken && this.#open) this.#wake(batch, exchange.sentAt)
    const last = admitted - 1
    const socket = this.#socket
    let from = 0
    let at = 0
    socket.cork()
    for (let i = 0; i <= last; i++) {
      const request = batch[i] as Request
      // The last reply gives a meaning to all the silence before it.
      request.quiet = i < last && protocol.canBeQuiet(request)
      request.serial = this.#nextSerial
      request.exchange = exchange
      request.sent = true
      request.inFlight = true
      this.#nextSerial = (this.#nextSerial + 1) >>> 0
      this.#unanswered.push(request)
      const start = at
      at = protocol.encode(request, buffer, at)
      const apart = protocol.apart(request)
      progress.sent(exchange, at - start + (apart?.length ?? 0), request.deadline)
      if (apart === undefined) continue
      socket.write(buffer.subarray(from, at))
      socket.write(apart)
      from = at
    }
    if (at > from) socket.write(buffer.subarray(from, at))
    socket.uncork()
    progress.wrote()
  }

  /** Ends it. What is unanswered is lost, with an outcome of its own each. */
  fail(error: CacheError | undefined): void {
    this.#end(error, this.#open && this.#unanswered.isEmpty, false)
  }

  #end(error: CacheError | undefined, isIdle: boolean, refused: boolean): void {
    if (this.#closed) return
    this.#closed = true
    unwatch(this)
    this.#socket.destroy()
    const unanswered = this.#unanswered.rest()
    this.#unanswered.clear()
    const failures = isIdle ? 0 : Math.max(1, lateExchanges(unanswered))
    const repeatable =
      this.#open && this.#progress.isDoubtful && error !== undefined ? repeatableReads(unanswered) : undefined
    for (const request of unanswered) if (!repeatable?.has(request) || !request.repeat()) request.lose(error)
    this.#listener.closed(this, error, failures, refused)
  }

  /** First use after a while: somebody on the way may have forgotten the connection, and it may be dead without a sign. */
  #wake(batch: readonly Request[], moment: number): void {
    let first = Number.POSITIVE_INFINITY
    for (const { deadline } of batch) first = Math.min(first, deadline)
    if (first === Number.POSITIVE_INFINITY) return
    // A caller with little patience is late alone: a connection that lives is not closed for it.
    this.deadline = moment + Math.max(first - moment, this.#timeout) * wakingShare
    watchDeadline(this)
  }

  /** Fits the request to this connection and server. False: it is settled already. */
  #admit(request: Request): boolean {
    if (request.over) {
      request.abandon()
      return false
    }
    const { verb, only, item } = request
    if (verb === 'raw') return true
    if (only !== undefined && only.incarnation !== this.incarnation) {
      // A version of another connection fits nothing here, so nothing is stored; the server only says whether the key is there.
      request.verb = 'delete'
      request.only = noVersion
      return true
    }
    if (item === undefined || request.isTooLarge) return true
    const overhead = this.#protocol.itemOverhead + (item.flags === 0 ? 0 : 4)
    if (request.bytes + Buffer.byteLength(request.wireKey) + overhead <= this.#maxItemBytes) return true
    if (verb !== 'set' || only !== undefined) {
      request.answer(tooLarge)
      return false
    }
    // An unconditional write must not leave the old value: its place is taken by a delete.
    request.verb = 'delete'
    request.isTooLarge = true
    return true
  }

  #greet(): void {
    if (this.#closed) return
    this.#protocol
      .greet(this.#endpoint, requests => this.write(requests))
      .then(
        settings => {
          if (this.#closed) return
          unwatch(this)
          this.#open = true
          this.#maxItemBytes = settings.maxItemBytes ?? largestItem
          this.#reader.maxItemBytes = this.#maxItemBytes
          this.#listener.opened(this, settings)
        },
        (error: CacheError) => this.fail(error),
      )
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    if (this.#open && this.#progress.isDoubtful) unwatch(this)
    this.#progress.arrived(chunk.length)
    this.#isPrompt = false
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error
      this.fail(foreignBytes(this.#endpoint, this.#open, error.received))
    }
    if (this.#isPrompt) this.#listener.heard()
  }

  at(index: number): Request | undefined {
    return this.#unanswered.at(index)
  }

  leave(): Request {
    const request = this.#unanswered.shift()
    this.#progress.answered(request.exchange as Exchange)
    // Late answers are no sign of health, or a server slower than every deadline would never get its rest. Nor is what goes
    // without an owner: a wrong password is answered promptly, too.
    if (!request.over && request.owner !== undefined) this.#isPrompt = true
    return request
  }

  #lost(cause: NodeJS.ErrnoException | undefined): void {
    const refused = cause?.code === 'ECONNREFUSED' || cause?.code === 'ENOENT'
    const isIdle = this.#open && (this.#progress.isDoubtful || this.#unanswered.isEmpty)
    this.#end(connectionFailure(this.#endpoint, this.#open, cause), isIdle, refused)
  }
}
