import type { Socket } from 'node:net'
import { now } from '@anycache/core'
import type { Exchange, Request } from './request.js'

/** From this size on what is written or received at once may be on its way for longer than a small call waits. */
const heavyBytes = 64 * 1024
/** The slowest link that a heavy write is given time for, in bytes per ms: 1 Mbit/s. */
const slowestLink = 125

interface HeavyWrite {
  /** Of its last request. */
  readonly serial: number
  readonly bytes: number
  /** How long its callers wait. */
  readonly until: number
}

/** Whether bytes move on a connection, in either direction: then it lives, however long an answer takes. */
export class Progress {
  readonly #socket: Socket
  /** When bytes were last seen to arrive or to leave. */
  #movedAt = 0
  /** Bytes that the kernel had not taken when last looked at. */
  #unsent = 0
  /** The exchange whose replies come now, and how much has come of them. */
  #answering: Exchange | undefined
  #answeredBytes = 0
  /** What is unanswered of the heavy writes, oldest first. */
  readonly #heavy: HeavyWrite[] = []

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get movedAt(): number {
    return this.#movedAt
  }

  /** A chunk came, and `first` was unanswered. */
  arrived(moment: number, bytes: number, first: Request | undefined): void {
    this.#movedAt = moment
    if (first?.exchange !== this.#answering) {
      this.#answering = first?.exchange
      this.#answeredBytes = 0
    }
    this.#answeredBytes += bytes
  }

  /** So many bytes were written of these requests; `first` is the first of all that is unanswered. */
  wrote(bytes: number, requests: readonly Request[], first: Request): void {
    if (bytes >= heavyBytes) this.#noteHeavy(bytes, requests, first)
    if (this.#socket.writableLength > 0) this.#look()
  }

  /** Milliseconds in which nothing moved, though `first` is unanswered. */
  silence(first: Request): number {
    this.#look()
    return now() - Math.max(this.#movedAt, first.sentAt)
  }

  /** How much longer silence is no sign of death, in ms: the kernel holds megabytes of which nobody sees whether they leave. */
  allowance(first: Request): number {
    this.#forget(first)
    const [oldest] = this.#heavy
    // As long as its callers wait, no longer: a frozen server must be found out though heavy writes keep coming.
    return oldest === undefined || oldest.until <= now() ? 0 : oldest.bytes / slowestLink
  }

  /**
   * Whether something heavy is on its way, in a write or in the replies to one; `begun` is the size of the reply that has begun. Small things
   * do not count, however many wait for one another: only the breaker relieves a connection that cannot keep up with them.
   */
  isHeavy(first: Request, begun: number): boolean {
    if (begun >= heavyBytes) return true
    // More than one chunk: that alone may hold the replies to many small exchanges.
    if (first.exchange === this.#answering && this.#answeredBytes > heavyBytes) return true
    return this.#heavy.length > 0 && this.#unsent > 0
  }

  #noteHeavy(bytes: number, requests: readonly Request[], first: Request): void {
    this.#forget(first)
    let until = 0
    for (const { deadline } of requests) if (deadline !== Number.POSITIVE_INFINITY) until = Math.max(until, deadline)
    this.#heavy.push({ serial: (requests.at(-1) as Request).serial, bytes, until })
  }

  /** Drops the heavy writes that are answered: serial numbers count up, and wrap. */
  #forget(first: Request): void {
    const heavy = this.#heavy
    while (heavy[0] !== undefined && (heavy[0].serial - first.serial) >>> 0 >= 2 ** 31) heavy.shift()
  }

  #look(): void {
    const unsent = unsentBytes(this.#socket)
    if (this.#unsent > 0 && unsent !== this.#unsent) this.#movedAt = now()
    this.#unsent = unsent
  }
}

/** Node counts a write as pending until its last byte has left; how many have, its handle alone tells. Node's own socket timeout asks it too. */
function unsentBytes(socket: Socket): number {
  const { _handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null }
  return _handle?.writeQueueSize ?? socket.writableLength
}
