import { Admission, type CacheError, nextTick, refusal, type StoredItem, type Written } from '@anycache/core'
import type { Connection } from '../connection/connection.js'
import type { ClientExchange } from '../connection/exchanges.js'
import type { Argument } from '../protocol/command.js'
import { commandFailure } from '../protocol/failures.js'
import type { ItemReader } from '../protocol/replies.js'
import type { Batchable, Carrier } from './batchable.js'
import { GetBatch } from './get-batch.js'
import type { Heads } from './heads.js'
import { LoneWrite, type LoneWriteOptions } from './lone-write.js'
import { type Reader, Request } from './request.js'

/** Values from here on are written at once: joined with others they were slower than alone (0.5 to 0.9 of it). */
export const bigValue: number = 16 * 1024
/** Most keys of one MGET: the server serves others between two of them. */
export const mostKeys = 512

export interface BatcherOptions {
  readonly connection: Connection
  readonly maxInFlightBytes: number
  /** Whether one command may name several keys, wherever a cluster would keep them. */
  readonly joinsKeys: boolean
  /** The batcher of the server to which this one's error reply points, if it points to one. */
  readonly redirect?: (error: unknown) => Batcher | undefined
}

/**
 * The commands of a tick, in call order, in one write. Gets of a tick become one MGET, but a get never joins one that stands
 * before a write of its key. While there is no connection everything waits for it, within its deadline.
 */
export class Batcher implements Carrier {
  readonly connection: Connection
  readonly joinsKeys: boolean
  readonly admission: Admission
  readonly #mostKeys: number
  readonly #redirect: BatcherOptions['redirect']
  #waiting: Batchable[] = []
  #openGets: GetBatch | undefined
  readonly #writtenSince = new Set<string>()
  #scheduled = false
  #connecting = false
  /** Lone writes among what waits. */
  #lone = 0
  /** A lone write is under way. */
  #held = false
  /** The exchange of this tick, once something was sent in it. */
  #exchange: ClientExchange | undefined

  constructor({ connection, maxInFlightBytes, joinsKeys, redirect }: BatcherOptions) {
    this.connection = connection
    this.joinsKeys = joinsKeys
    this.admission = new Admission(connection.breaker, maxInFlightBytes)
    this.#mostKeys = joinsKeys ? mostKeys : 1
    this.#redirect = redirect
  }

  get server(): string {
    return this.connection.server
  }

  get(key: string, deadline: number, read: ItemReader): Promise<StoredItem | undefined> {
    const refused = this.admission.admit(key.length)
    if (refused !== undefined) return refusal(refused)
    let gets = this.#openGets
    const isFull = gets === undefined || gets.keyCount >= this.#mostKeys
    if (gets === undefined || isFull || (this.#writtenSince.size !== 0 && this.#writtenSince.has(key))) {
      gets = new GetBatch(this)
      this.#openGets = gets
      this.#writtenSince.clear()
      this.#push(gets)
    }
    return gets.get(key, deadline, read)
  }

  /** A command; `written` names the key that it changes, if it changes one. `heads` are read in front of it. */
  request<T>(
    name: string,
    args: Argument[],
    written: string | undefined,
    deadline: number,
    read: Reader<T>,
    heads?: Heads,
  ): Promise<T> {
    let bytes = 0
    let big = false
    for (const arg of args) {
      bytes += arg.length
      if (arg.length >= bigValue && (name === 'set' || name === 'eval')) big = true
    }
    if (heads !== undefined) for (const key of heads.keys) bytes += key.length
    const refused = this.admission.admit(bytes)
    if (refused !== undefined) return refusal(refused)
    const request = new Request(this, name, args, heads, bytes, big, deadline, read)
    if (written !== undefined && this.#openGets !== undefined) this.#writtenSince.add(written)
    this.#push(request)
    if (big) this.#write()
    return request.promise
  }

  /** A write of `key` during which nothing else is sent. */
  lone(key: string, options: LoneWriteOptions): Promise<Written> {
    const refused = this.admission.admit(options.size)
    if (refused !== undefined) return refusal(refused)
    const write = new LoneWrite(this, options)
    if (this.#openGets !== undefined) this.#writtenSince.add(key)
    this.#lone++
    this.#push(write)
    return write.promise
  }

  /** No later get joins the gets before: what is sent next concerns every key. */
  closeGets(): void {
    this.#openGets = undefined
  }

  resend(batchables: readonly Batchable[]): void {
    for (const batchable of batchables) this.#push(batchable)
  }

  repeat(batchable: Batchable): void {
    this.#waiting.unshift(batchable)
    this.#schedule()
  }

  redirect(batchable: Batchable, error: unknown): boolean {
    const other = this.#redirect?.(error)
    if (other === undefined) return false
    batchable.carrier = other
    if (batchable instanceof LoneWrite) other.#lone++
    other.#push(batchable)
    return true
  }

  resume(): void {
    this.#held = false
    this.#schedule()
  }

  #push(batchable: Batchable): void {
    this.#waiting.push(batchable)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    this.#write()
    this.#exchange = undefined
  }

  #write(): void {
    if (this.#waiting.length === 0 || this.#held) return
    const { connection } = this
    if (!connection.ready) {
      this.#connect()
      return
    }
    const sent = this.#take()
    this.#openGets = undefined
    this.#writtenSince.clear()
    this.#exchange ??= connection.exchanges.begin()
    const exchange = this.#exchange
    if (sent.length === 1) this.#send(sent[0] as Batchable, exchange)
    else this.#sendSeveral(sent, exchange)
    connection.exchanges.wrote()
  }

  #sendSeveral(sent: readonly Batchable[], exchange: ClientExchange): void {
    // ioredis writes each command to the socket by itself: seven tenths of what a small command costs.
    let from = 0
    while (from < sent.length) {
      if ((sent[from] as Batchable).big) {
        this.#send(sent[from++] as Batchable, exchange)
        continue
      }
      const next = sent.findIndex((batchable, i) => i > from && batchable.big)
      const until = next === -1 ? sent.length : next
      this.connection.together(() => {
        for (let i = from; i < until; i++) this.#send(sent[i] as Batchable, exchange)
      })
      from = until
    }
  }

  /** What may be sent now: all that waits, or the first lone write and what stands before it. */
  #take(): Batchable[] {
    const waiting = this.#waiting
    this.#waiting = []
    if (this.#lone === 0) return waiting
    this.#waiting = waiting.splice(waiting.findIndex(batchable => batchable instanceof LoneWrite) + 1)
    this.#lone--
    this.#held = true
    return waiting
  }

  #send(batchable: Batchable, exchange: ClientExchange): void {
    try {
      batchable.send(exchange)
    } catch (error) {
      batchable.reject(commandFailure(error, this.connection.server))
    }
  }

  #connect(): void {
    if (this.#connecting) return
    this.#connecting = true
    this.connection.connect().then(this.#connected, this.#unconnected)
  }

  readonly #connected = (): void => {
    this.#connecting = false
    this.#flush()
  }

  readonly #unconnected = (error: CacheError): void => {
    this.#connecting = false
    const waiting = this.#waiting
    this.#waiting = []
    this.#lone = 0
    this.#openGets = undefined
    this.#writtenSince.clear()
    for (const batchable of waiting) batchable.reject(error)
  }
}
