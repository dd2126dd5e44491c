import { type CacheError, ConnectionError, now, type Pending, TimeoutError, unwatch } from '@anycache/core'
import type { KnownCounter } from './known-counters.js'

/** What is asked of a server. How it looks on the wire is the protocol's business. */
export type Verb =
  | 'get'
  | 'set'
  | 'add'
  | 'replace'
  | 'delete'
  | 'touch'
  | 'increment'
  | 'decrement'
  | 'stats'
  | 'flush'
  | 'noop'
  | 'authenticate'
  | 'raw'

/** A server's answer, whatever the protocol. One object serves a whole connection: read it at once, keep nothing of it. */
export interface Reply {
  status: 'ok' | 'missing' | 'exists' | 'not-stored' | 'too-large' | 'not-a-number' | 'unauthorized' | 'refused'
  /** The status in the protocol's own number. */
  code: number
  flags: number
  /** The value, a counter's 8 bytes, or the text of an error. A view of the bytes as received. */
  data: Buffer
  /** The name of a statistic; empty where it is not one. */
  name: string
  /** The version of the item, in two halves of 32 bits. Both 0: the server keeps none. */
  casHigh: number
  casLow: number
  /** The connection on which the version counts. */
  incarnation: string
}

/** What a reader returns when one request was not the whole operation: the request, changed by it, is sent again. */
export const again: unique symbol = Symbol('again')

/** Makes of a reply what the caller waits for. May throw. */
export type Reader = (request: Request, reply: Reply) => unknown

/** Where a request is at home between its steps. */
export interface Lane {
  /** Sends it once more, ahead of what waits for it. */
  resend(request: Request): void
  /** It has left for good: answered, lost, or given up before it was sent. Called once. */
  ended(request: Request): void
}

/** Says whether what a batch was sent under still held. Called for each request of the batch exactly once. */
export interface Check {
  /** False: it did not, and the request was kept for another go. */
  answered(request: Request): boolean
  /** The request will not be answered. */
  dropped(): void
}

/** What was written to a server at once. However many of its answers are late, it is one failure. */
export interface Exchange {
  isLate: boolean
}

/** One operation on one key of one server, from the call to its settling; every field it may need, so that all have one shape. */
export class Request implements Pending {
  readonly deadline: number
  previous: Pending | undefined = undefined
  next: Pending | undefined = undefined

  verb: Verb
  /** The key within its namespace, as carried. */
  readonly key: string
  /** The key as the server sees it. Set when the request joins a batch. */
  wireKey: string
  readonly read: Reader
  lane: Lane | undefined = undefined
  check: Check | undefined = undefined
  resolve: (value: unknown, request: Request) => void = ignore
  reject: (error: unknown, request: Request) => void = ignore
  /** Called when the deadline passed. */
  expired: ((request: Request) => void) | undefined = undefined
  /** Its place among the many of one call. */
  index = 0

  flags = 0
  data: Uint8Array | string | undefined = undefined
  /** Bytes of `data`; what the request weighs against `maxInFlightBytes`. */
  bytes = 0
  ttl = 0
  /** The version to compare, and the connection it was read on; `''`: none. */
  incarnation = ''
  casHigh = 0
  casLow = 0
  /** What a count does to a counter, whichever step it is at; `undefined` for all else. */
  counts: 'increment' | 'decrement' | undefined = undefined
  by = 0
  /** A counter's first value; `undefined`: an absent one stays absent. */
  initial: number | undefined = undefined
  /** A count so small that it need not look first at what is known for a counter with room. */
  isSmall = false
  /** It found such a counter. */
  foundRoom = false
  /** The counter as it is known. */
  known: KnownCounter | undefined = undefined
  /** The request that went ahead and shows what a count found. */
  seen: Request | undefined = undefined
  /** How often somebody wrote between a look and the count. */
  races = 0
  /** What was counted is being undone. */
  undoes = false
  /** No other request for the key may be under way at the same time: this one takes several steps. */
  alone = false
  /** What a step has found for the next. */
  found: unknown = undefined
  /** Begins anew: what its steps have done so far lies under a generation that is gone. */
  restart: ((request: Request) => void) | undefined = undefined
  /** Makes the request that goes ahead of this one, each time it is sent. */
  before: ((request: Request) => Request) | undefined = undefined
  /** Requests of memjs' own client are encoded already. */
  raw: Buffer | undefined = undefined
  /** Takes one of several replies, the last excepted. */
  partial: ((reply: Reply, frame: Buffer) => void) | undefined = undefined

  server = ''
  /** What it was last written with, or waits to be written with. */
  exchange: Exchange | undefined = undefined
  /** The server does not answer a success; any later reply implies it. */
  quiet = false
  opcode = 0
  opaque = 0
  /** When the last byte was handed to the socket, on the clock of `performance.now()`. */
  sentAt = 0
  /** On its way or waiting for its reply. */
  inFlight = false
  isRepeated = false
  /** A step of it has left, so that its effect is not known before a reply. */
  sent = false
  /** It is past the queues of its namespace, so that `clear()` must wait for it. */
  present = false
  /** A caller waits for it, and closing the store with the caller. */
  awaited = false
  /** The caller has its answer. */
  over = false
  #ended = false

  constructor(verb: Verb, key: string, deadline: number, read: Reader) {
    this.verb = verb
    this.key = key
    this.wireKey = key
    this.deadline = deadline
    this.read = read
  }

  answer(reply: Reply): void {
    this.inFlight = false
    const { check } = this
    if (check !== undefined) {
      this.check = undefined
      if (!check.answered(this)) return
    }
    if (this.over) {
      this.#end()
      return
    }
    let result: unknown
    try {
      result = this.read(this, reply)
    } catch (error) {
      this.fail(error)
      return
    }
    if (result === again) this.lane?.resend(this)
    else this.#settle(result)
  }

  /** No reply will come. An error for each, since many requests may share one lost connection; `undefined`: it was closed by us. */
  lose(cause: CacheError | undefined): void {
    this.inFlight = false
    this.#drop()
    if (this.over) this.#end()
    else this.fail(this.#loss(cause))
  }

  /** It changes nothing, so that it may be sent once more. */
  get isRead(): boolean {
    return this.verb === 'get' || this.verb === 'noop' || this.verb === 'stats'
  }

  /** Sends a read once more, on another connection. False: it is no read, or was repeated before. */
  repeat(): boolean {
    const { lane } = this
    if (lane === undefined || this.over || this.isRepeated || !this.isRead) return false
    this.isRepeated = true
    this.inFlight = false
    this.#drop()
    lane.resend(this)
    return true
  }

  /** Its turn came after its deadline. */
  abandon(): void {
    this.#drop()
    this.#end()
  }

  fail(error: unknown): void {
    if (!this.over) {
      this.over = true
      unwatch(this)
      this.reject(error, this)
    }
    this.#end()
  }

  expire(): void {
    this.over = true
    const { server, sent } = this
    const reason = sent ? 'did not answer in time' : 'could not be asked in time'
    this.reject(new TimeoutError(`${server} ${reason}`, { server, outcome: sent ? 'unknown' : 'not-sent' }), this)
    // What is on its way keeps its place until the reply comes, which is then dropped.
    if (!this.inFlight) this.#end()
    this.expired?.(this)
  }

  #loss(cause: CacheError | undefined): CacheError {
    const { server } = this
    const context = { server, outcome: this.sent ? 'unknown' : 'not-sent', cause } as const
    if (cause === undefined) return new ConnectionError(`the connection to ${server} was closed`, context)
    if (now() >= this.deadline) return new TimeoutError(`${server} did not answer in time`, context)
    const Class = cause.constructor as new (message: string, context: object) => CacheError
    return new Class(cause.message, context)
  }

  #settle(result: unknown): void {
    this.over = true
    unwatch(this)
    this.resolve(result, this)
    this.#end()
  }

  #drop(): void {
    this.check?.dropped()
    this.check = undefined
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.lane?.ended(this)
  }
}

function ignore(): void {}
