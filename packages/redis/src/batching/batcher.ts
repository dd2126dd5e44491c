import {
  type CacheError,
  ClosedError,
  nextTick,
  OverloadedError,
  type StoredItem,
  unwatch,
  type Written,
  watchDeadline,
} from '@anycache/core'
import type { Connection } from '../connection/connection.js'
import type { Entry, Lane } from './batchable.js'
import { commandFailure } from '../protocol/failures.js'
import { LoneWrite, type LoneWriteOptions } from './lone-write.js'
import { Reads } from './get-batch.js'
import { refused } from '../refused.js'
import { Request } from './request.js'
import type { Exchange } from '../connection/traffic.js'

/** Bytes that a command holds beside its arguments. */
const overhead = 64
/** Values from here on are written at once: joined with others they were slower than alone (0.5 to 0.9 of it). */
export const bigValue: number = 16 * 1024

/**
 * The commands of a tick, in call order, in one write. Gets of a tick become one MGET, but a get never joins one that stands
 * before a write of its key. While there is no connection everything waits for it, within its deadline.
 */
export class Queue implements Lane {
  readonly connection: Connection
  readonly #maxInFlight: number
  #entries: Entry[] = []
  #reads: Reads | undefined
  readonly #writtenSince = new Set<string>()
  #scheduled = false
  #connecting = false
  /** Lone writes among the entries. */
  #lone = 0
  /** A lone write is under way. */
  #held = false
  /** The exchange of this tick, once something was sent in it. */
  #exchange: Exchange | undefined
  /** Bytes held. */
  #inFlight = 0
  /** Calls that have not settled. */
  #pending = 0
  #closed = false
  #drained: (() => void) | undefined

  constructor(connection: Connection, maxInFlightBytes: number) {
    this.connection = connection
    this.#maxInFlight = maxInFlightBytes
  }

  get(key: string, deadline: number): Promise<StoredItem | undefined> {
    const size = overhead + key.length
    const refusal = this.#admit(size)
    if (refusal !== undefined) return refused(refusal)
    let reads = this.#reads
    if (reads === undefined || reads.full || (this.#writtenSince.size !== 0 && this.#writtenSince.has(key))) {
      reads = new Reads(this)
      this.#reads = reads
      this.#writtenSince.clear()
      this.#push(reads)
    }
    return reads.get(key, deadline, size)
  }

  /** A command; `written` names the key that it changes, if it changes one. */
  request<T>(
    name: string,
    args: (string | Buffer)[],
    written: string | undefined,
    deadline: number,
    read: (reply: unknown) => T,
  ): Promise<T> {
    let size = overhead
    let big = false
    for (const arg of args) {
      size += arg.length
      if (arg.length >= bigValue && name === 'set') big = true
    }
    const refusal = this.#admit(size)
    if (refusal !== undefined) return refused(refusal)
    const request = new Request(this, name, args, size, big, deadline, read)
    if (written !== undefined && this.#reads !== undefined) this.#writtenSince.add(written)
    this.#push(request)
    if (big) this.#write()
    return request.promise
  }

  /** A write of `key` beside which nothing else is under way. */
  lone(key: string, options: LoneWriteOptions): Promise<Written> {
    const refusal = this.#admit(options.size)
    if (refusal !== undefined) return refused(refusal)
    const write = new LoneWrite(this, options)
    if (this.#reads !== undefined) this.#writtenSince.add(key)
    this.#lone++
    this.#push(write)
    return write.promise
  }

  /** No later get joins the gets before: what is sent next concerns every key. */
  closeReads(): void {
    this.#reads = undefined
  }

  release(size: number, callers: number): void {
    this.#inFlight -= size
    this.#pending -= callers
    if (this.#drained !== undefined && this.#pending === 0) this.#drained()
  }

  resend(entries: readonly Entry[]): void {
    for (const entry of entries) this.#push(entry)
  }

  repeat(entry: Entry): void {
    this.#entries.unshift(entry)
    this.#schedule()
  }

  resume(): void {
    this.#held = false
    this.#schedule()
  }

  /** Refuses what comes, and resolves when every call has settled, or at the deadline. */
  async close(deadline: number): Promise<void> {
    this.#closed = true
    if (this.#pending === 0) return
    await new Promise<void>(resolve => {
      const wait = { deadline, expire: resolve }
      this.#drained = () => {
        unwatch(wait)
        resolve()
      }
      watchDeadline(wait)
    })
  }

  /** The reason where nothing may be sent now. */
  #admit(size: number): CacheError | undefined {
    const { connection } = this
    if (this.#closed) throw new ClosedError('the store is closed', { server: connection.server })
    const refusal = connection.breaker.refusal()
    if (refusal !== undefined) return refusal
    // Alone, a command may be larger than the bound: it would never get through otherwise.
    if (this.#inFlight !== 0 && this.#inFlight + size > this.#maxInFlight) {
      return new OverloadedError(
        `${connection.server} owes answers to ${this.#inFlight} bytes of commands, and maxInFlightBytes is ${this.#maxInFlight}; nothing was sent`,
        { server: connection.server, outcome: 'not-sent' },
      )
    }
    this.#inFlight += size
    this.#pending++
    return undefined
  }

  #push(entry: Entry): void {
    this.#entries.push(entry)
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
    if (this.#entries.length === 0 || this.#held) return
    const { connection } = this
    if (!connection.ready) {
      this.#connect()
      return
    }
    const entries = this.#take()
    this.#reads = undefined
    this.#writtenSince.clear()
    this.#exchange ??= connection.exchanges.begin()
    const exchange = this.#exchange
    if (entries.length === 1) {
      this.#send(entries[0] as Entry, exchange)
      return
    }
    // ioredis writes each command to the socket by itself: seven tenths of what a small command costs.
    let from = 0
    while (from < entries.length) {
      if ((entries[from] as Entry).big) {
        this.#send(entries[from++] as Entry, exchange)
        continue
      }
      const next = entries.findIndex((entry, i) => i > from && entry.big)
      const until = next === -1 ? entries.length : next
      connection.together(() => {
        for (let i = from; i < until; i++) this.#send(entries[i] as Entry, exchange)
      })
      from = until
    }
  }

  /** What may be sent now: all that waits, or the first lone write and what stands before it. */
  #take(): Entry[] {
    const entries = this.#entries
    this.#entries = []
    if (this.#lone === 0) return entries
    this.#entries = entries.splice(entries.findIndex(entry => entry instanceof LoneWrite) + 1)
    this.#lone--
    this.#held = true
    return entries
  }

  #send(entry: Entry, exchange: Exchange): void {
    try {
      entry.send(exchange)
    } catch (error) {
      entry.reject(commandFailure(error, this.connection.server))
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
    const entries = this.#entries
    this.#entries = []
    this.#lone = 0
    this.#reads = undefined
    this.#writtenSince.clear()
    for (const entry of entries) entry.reject(error)
  }
}
