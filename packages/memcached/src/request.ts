import {
  type CacheError,
  ConnectionError,
  type Exchange,
  type Item,
  now,
  type Pending,
  TimeoutError,
  unwatch,
} from '@anycache/core'

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

export type Status =
  | 'ok'
  | 'missing'
  | 'exists'
  | 'too-large'
  | 'not-a-number'
  | 'unauthorized'
  | 'unknown-command'
  | 'refused'

/** Names one version of an item: two halves of 32 bits, and the connection on which they count. */
export interface Version {
  readonly incarnation: string
  readonly casHigh: number
  readonly casLow: number
}

/** A server's answer, whatever the protocol. One object serves a whole connection: read it at once, keep nothing of it. */
export interface Reply extends Version {
  status: Status
  /** Why the server refused, in words. */
  reason: string
  /** Of an item that was read or touched. */
  flags: number
  /** The value, or a whole frame for a `raw` request. A view of the bytes as received. */
  data: Buffer
  /** What a counter was counted to. Past 2^53 it is rounded, but stays past it. */
  count: number
  /** The name of a statistic; empty where it is not one. */
  name: string
  /** Both halves of the item's version are 0 where the server keeps none. */
  casHigh: number
  casLow: number
}

export const noData: Buffer = Buffer.alloc(0)

/** A reply to be filled again and again. */
export function emptyReply(incarnation: string): Reply {
  return { status: 'ok', reason: '', flags: 0, data: noData, count: 0, name: '', casHigh: 0, casLow: 0, incarnation }
}

/** What a reader returns when one request was not the whole operation: the request, changed by it, is sent again. */
export const again: unique symbol = Symbol('again')

/** Makes of a reply what the caller waits for. May throw. */
export type Reader = (request: Request, reply: Reply) => unknown

/** Who looks after a request between its steps. */
export interface RequestOwner {
  /** Sends it once more, ahead of what waits for it. */
  resend(request: Request): void
  /** It has left for good: answered, lost, or given up before it was sent. Called once. */
  ended(request: Request): void
  /** Its deadline passed. */
  late(request: Request): void
}

/** An operation of several requests: one {@link Request} that changes from step to step, or that others go ahead of. */
export interface Steps {
  /** Goes back to the first step: what was done so far lies under a generation that is gone. */
  restart?(request: Request): void
  /** Makes the request that goes ahead of this step in the same batch, each time it is sent. */
  before?(request: Request): Request | undefined
  /** The same, for a request that goes right behind. */
  behind?(request: Request): Request | undefined
}

/** Says whether what a batch was sent under still held. Called for each request of the batch exactly once. */
export interface Check {
  /** False: it did not, and the request was kept for another go. */
  answered(request: Request): boolean
  /** The request will not be answered. */
  dropped(): void
}

/** One operation on one key of one server, from the call to its settling; every field it may need, so that all have one shape. */
export class Request implements Pending {
  readonly deadline: number
  previous: Pending | undefined = undefined
  next: Pending | undefined = undefined

  verb: Verb
  /** The key within its namespace, as it travels. */
  readonly key: string
  /** The key as the server sees it. Set when the request joins a batch. */
  wireKey: string
  readonly read: Reader
  owner: RequestOwner | undefined = undefined
  check: Check | undefined = undefined
  resolve: (value: unknown, request: Request) => void = ignore
  reject: (error: unknown, request: Request) => void = ignore
  /** Its place among the many of one call. */
  index = 0

  /** What a write stores, in whichever of its steps. */
  item: Item | undefined = undefined
  /** Bytes of the item's metadata and data. */
  bytes = 0
  ttl = 0
  /** The amount of a count. */
  by = 0
  /** The version to work on; `undefined`: whatever is there. */
  only: Version | undefined = undefined
  /** An unconditional write of more than the server takes: it travels as a delete. */
  isTooLarge = false
  steps: Steps | undefined = undefined
  /** No other request for the key may be under way at the same time: this one takes several steps. */
  alone = false
  /** Takes one of several replies, the last excepted. */
  partial: ((reply: Reply) => void) | undefined = undefined

  server = ''
  /** What it was last written with, or waits to be written with. */
  exchange: Exchange | undefined = undefined
  /** Its number on its connection: they count up, and wrap after 2^32. */
  serial = 0
  /** The server does not answer a success, or a miss to a get; any later reply implies it. */
  quiet = false
  /** On its way or waiting for its reply. */
  inFlight = false
  isRepeated = false
  /** A step of it has left, so that its effect is not known before a reply. */
  sent = false
  /** It is past the queues of its namespace, so that `clear()` must wait for it. */
  present = false
  /** It counts against the bounds of its server. */
  isHeld = false
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

  /** What it weighs against `maxInFlightBytes`. */
  get weight(): number {
    return this.bytes + this.key.length
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
    if (result === again) this.owner?.resend(this)
    else this.#settle(result)
  }

  /** Fails the request because its connection is gone. Each gets an error of its own; `undefined`: we closed the connection. */
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
    const { owner } = this
    if (owner === undefined || this.over || this.isRepeated || !this.isRead) return false
    this.isRepeated = true
    this.inFlight = false
    this.#drop()
    owner.resend(this)
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
    this.owner?.late(this)
  }

  #loss(cause: CacheError | undefined): CacheError {
    const { server } = this
    const context = { server, outcome: this.sent ? 'unknown' : 'not-sent', cause } as const
    if (cause === undefined) return new ConnectionError(`the connection to ${server} was closed`, context)
    if (now() >= this.deadline) return new TimeoutError(`${server} did not answer in time`, context)
    return cause.at(context)
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
    this.owner?.ended(this)
  }
}

/** A GET of the same key for the same batch, which nobody waits for. */
export function besides({ key, wireKey }: Request, read: Reader): Request {
  const request = new Request('get', key, Number.POSITIVE_INFINITY, read)
  request.wireKey = wireKey
  return request
}

/** Sends a request that settles a promise. */
export function promised<T>(request: Request, send: (request: Request) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    request.resolve = resolve as (value: unknown) => void
    request.reject = reject
    send(request)
  })
}

function ignore(): void {}
