import { randomBytes } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  awaitBy,
  type CacheError,
  ConnectionError,
  now,
  type Pending,
  settled,
  TimeoutError,
  withRealTicks,
} from '@anycache/core'
import { decode, decodeSilence, emptyReply, isLastAt, opaqueAt, opcodeAt } from './binary-reply.js'
import { canBeQuiet, encode, isApart, itemOverhead, roomFor } from './binary-request.js'
import { FrameReader, MalformedFrame } from './frame-reader.js'
import { greet, type ServerSettings } from './greeting.js'
import type { Reply, Request } from './request.js'
import type { Endpoint } from './servers.js'

const keepAliveDelay = 30_000
const largestItem = 1024 ** 3
const frameSlack = 64 * 1024
// A server that speaks only text waits for the end of a line before it says so. Our first frame holds two: its opaque is "\r\n\r\n".
const firstOpaque = 0x0d0a_0d0a
// Both halves of a version that no item gets: the server counts up from 1.
const noCas = 0xffff_ffff

/** Hears what becomes of a session. */
export interface SessionListener {
  opened(session: Session, settings: ServerSettings): void
  /** An answer came in time. */
  heard(): void
  /** Once, last. `error` is `undefined` when we closed it; an idle one that the server closed counts 0 failures. `refused`: nobody listens. */
  closed(session: Session, error: CacheError | undefined, failures: number, refused: boolean): void
}

/**
 * One connection, from its socket to its end. Each request written is answered, or lost with the session; a session is never
 * used again after bytes that did not parse, and the next one starts with nothing of it.
 */
export class Session implements Pending {
  /** Names this connection in CAS tokens: a restarted server counts its versions from the start again. */
  readonly incarnation: string = randomBytes(6).toString('base64url')
  /** When connecting must be done. */
  readonly deadline: number
  previous: Pending | undefined = undefined
  next: Pending | undefined = undefined
  readonly #endpoint: Endpoint
  readonly #listener: SessionListener
  readonly #socket: Socket
  readonly #reader: FrameReader = new FrameReader(frameSlack)
  readonly #reply: Reply
  readonly #take = (frame: Buffer, start: number, end: number): void => this.#answer(frame, start, end)
  /** What is asked and not answered, in order. Those before `#head` are done. */
  #flight: (Request | undefined)[] = []
  #head = 0
  #nextOpaque = firstOpaque
  #maxItemBytes = largestItem
  #lastArrival = 0
  /** Among the answers of this chunk is one that came in time. */
  #isPrompt = false
  #open = false
  #closed = false

  constructor(endpoint: Endpoint, timeout: number, listener: SessionListener) {
    this.#endpoint = endpoint
    this.#listener = listener
    this.#reply = emptyReply(this.incarnation)
    this.deadline = now() + timeout
    this.#socket = withRealTicks(() => openSocket(endpoint, () => this.#greet()))
    awaitBy(this)
    // The deadlines' timer keeps the process alive while something is awaited; an idle connection must not.
    this.#socket.unref()
    this.#socket.setNoDelay(true).setKeepAlive(true, keepAliveDelay)
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

  /** Connecting took too long. */
  expire(): void {
    const { name } = this.#endpoint
    this.fail(new TimeoutError(`${name} could not be connected to in time`, { server: name, outcome: 'not-sent' }))
  }

  /** True when nothing at all arrived since then, so that the connection must be taken for dead. */
  silentSince(moment: number): boolean {
    return this.#lastArrival < moment
  }

  /** Milliseconds in which nothing came, though something was unanswered. */
  silence(): number {
    const first = this.#flight[this.#head]
    return first === undefined ? 0 : now() - Math.max(this.#lastArrival, first.sentAt)
  }

  /** Sends the requests in their order, in one write. */
  write(requests: readonly Request[]): void {
    const batch = requests.filter(request => this.#admit(request))
    let room = 0
    for (const request of batch) room += roomFor(request)
    const buffer = Buffer.allocUnsafe(room)
    const moment = now()
    const last = batch.length - 1
    const socket = this.#socket
    let from = 0
    let at = 0
    socket.cork()
    for (let i = 0; i <= last; i++) {
      const request = batch[i] as Request
      // The last reply tells of all the silence before it.
      request.quiet = i < last && canBeQuiet(request)
      request.opaque = this.#nextOpaque
      request.sentAt = moment
      request.sent = true
      request.inFlight = true
      this.#nextOpaque = (this.#nextOpaque + 1) >>> 0
      this.#flight.push(request)
      at = encode(request, buffer, at)
      if (!isApart(request)) continue
      socket.write(buffer.subarray(from, at))
      socket.write(request.data as Uint8Array)
      from = at
    }
    if (at > from) socket.write(buffer.subarray(from, at))
    socket.uncork()
  }

  /** Ends it. What is unanswered is lost, with an outcome of its own each. */
  fail(error: CacheError | undefined, refused = false): void {
    if (this.#closed) return
    this.#closed = true
    settled(this)
    this.#socket.destroy()
    const flight = this.#flight.slice(this.#head)
    this.#flight = []
    const moment = now()
    const late = flight.filter(request => !request?.over && (request as Request).deadline <= moment).length
    for (const request of flight) request?.lose(error)
    this.#listener.closed(this, error, this.#open && flight.length === 0 ? 0 : Math.max(1, late), refused)
  }

  /** Fits the request to this connection and server. False: it is settled already. */
  #admit(request: Request): boolean {
    if (request.over) {
      request.abandon()
      return false
    }
    if (request.raw !== undefined) return true
    if (request.incarnation !== '' && request.incarnation !== this.incarnation) {
      // A version of another connection fits nothing here, so nothing is stored; the server only says whether the key is there.
      request.verb = 'delete'
      request.data = undefined
      request.casHigh = noCas
      request.casLow = noCas
      return true
    }
    if (request.data === undefined) return true
    const bytes = request.bytes + Buffer.byteLength(request.wireKey) + itemOverhead + (request.flags === 0 ? 0 : 4)
    if (bytes <= this.#maxItemBytes) return true
    if (request.verb !== 'set' || request.incarnation !== '') {
      this.#reply.status = 'too-large'
      request.answer(this.#reply)
      return false
    }
    // An unconditional write must not leave the old value: its place is taken by a delete.
    request.verb = 'delete'
    request.data = undefined
    request.found = 'too-large'
    return true
  }

  #greet(): void {
    if (this.#closed) return
    greet(this.#endpoint, requests => this.write(requests)).then(
      settings => {
        if (this.#closed) return
        settled(this)
        this.#open = true
        this.#maxItemBytes = settings.maxItemBytes ?? largestItem
        this.#reader.maxBodyBytes = this.#maxItemBytes + frameSlack
        this.#listener.opened(this, settings)
      },
      (error: CacheError) => this.fail(error),
    )
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.#lastArrival = now()
    this.#isPrompt = false
    try {
      this.#reader.push(chunk, this.#take)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      this.fail(this.#garbled(error.received))
    }
    if (this.#isPrompt) this.#listener.heard()
  }

  #answer(frame: Buffer, start: number, end: number): void {
    if (this.#closed) return
    const flight = this.#flight
    const first = flight[this.#head]
    const skipped = first === undefined ? 0 : (opaqueAt(frame, start) - first.opaque) >>> 0
    const request = flight[this.#head + skipped]
    if (request === undefined || request.opcode !== opcodeAt(frame, start))
      throw new MalformedFrame(frame.subarray(start, end))
    for (let i = this.#head; i < this.#head + skipped; i++) {
      if (!flight[i]?.quiet) throw new MalformedFrame(frame.subarray(start, end))
    }
    const reply = this.#reply
    for (let i = 0; i < skipped; i++) {
      const silent = this.#leave()
      decodeSilence(reply, silent)
      silent.answer(reply)
    }
    decode(reply, frame, start, end)
    if (request.partial !== undefined && !isLastAt(frame, start)) {
      request.partial(reply, frame.subarray(start, end))
      return
    }
    this.#leave()
    if (request.raw !== undefined) reply.data = frame.subarray(start, end)
    request.answer(reply)
  }

  #leave(): Request {
    const request = this.#flight[this.#head] as Request
    this.#flight[this.#head++] = undefined
    // Late answers are no sign of health, or a server slower than every deadline would never get its rest. Nor is what goes
    // without a lane: a wrong password is answered promptly, too.
    if (!request.over && request.lane !== undefined) this.#isPrompt = true
    if (this.#head === this.#flight.length) {
      this.#flight = []
      this.#head = 0
    } else if (this.#head === 4096) {
      this.#flight = this.#flight.slice(4096)
      this.#head = 0
    }
    return request
  }

  #lost(error: NodeJS.ErrnoException | undefined): void {
    const { name } = this.#endpoint
    const refused = error?.code === 'ECONNREFUSED' || error?.code === 'ENOENT'
    const trouble = this.#open ? `the connection to ${name} failed` : `${name} cannot be reached`
    // OpenSSL ends its messages with a line break.
    const message = error === undefined ? `${name} closed the connection` : `${trouble}: ${error.message.trim()}`
    const outcome = this.#open ? 'unknown' : 'not-sent'
    this.fail(new ConnectionError(message, { server: name, outcome, cause: error }), refused)
  }

  #garbled(received: Buffer): ConnectionError {
    const { name } = this.#endpoint
    const text = received.toString('latin1', 0, 60).trimEnd()
    const isText = /^[\x20-\x7e]+$/.test(text.split('\r\n')[0] as string)
    const message =
      !this.#open && isText
        ? `${name} refuses the binary protocol, which this store speaks; it said ${JSON.stringify(text)}. Start memcached without "-B ascii" and without "-Y"`
        : `${name} sent bytes that are not memcached’s binary protocol`
    return new ConnectionError(message, { server: name, outcome: this.#open ? 'unknown' : 'not-sent' })
  }
}

function openSocket(endpoint: Endpoint, connected: () => void): Socket {
  const { path, host, port, tls } = endpoint
  const where = path === undefined ? { host, port } : { path }
  if (tls === undefined) return connect(where, connected)
  // Names only: an address has no place in SNI.
  const servername = path === undefined && isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...servername, ...tls, ...where }, connected)
}
