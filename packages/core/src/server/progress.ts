import { now } from '../timers.js'
import { Exchange, type Wire } from './exchange.js'

/**
 * Silence for the store's timeout is death, and for this share of it to a call that saw nothing move since it was sent: it may have spent a
 * part of its time on connecting.
 */
const silentShare = 0.75
/** From this size on, what is written or received at once may be under way for longer than a small call waits. */
const heavyBytes = 64 * 1024
/** The slowest link on which a heavy write is given its time, in bytes per ms: 1 Mbit/s. */
const slowestLink = 125
/** What the buffers of both ends hold of a write, unseen: Linux' largest `tcp_wmem` and `tcp_rmem`. */
const hiddenBytes = 10 * 2 ** 20
/** Milliseconds unused after which a connection may have died unnoticed: nobody closes connections sooner for being idle. */
const idleAfter = 1000

/**
 * What a deadline that passed tells of the connection: `silent`, nothing moves, so it must be taken for dead; `busy`, something heavy is on
 * its way and the call waited behind it; `late`, the server takes its time.
 */
export type Verdict = 'silent' | 'busy' | 'late'

/** Whether bytes move on one connection, in either direction: then it lives, however long an answer takes. */
export class Progress<W extends Wire = Wire> {
  readonly wire: W
  readonly #timeout: number
  #unanswered = 0
  /** Since when something is unanswered without a pause. */
  #askedAt = 0
  /** When bytes were last seen to arrive or to leave. */
  #movedAt: number = now()
  /** Bytes that the kernel had taken, and not taken, when last looked at. */
  #gone = 0
  #unsent = 0
  /** The exchange whose replies come, and how many bytes came since. */
  #answering: Exchange<W> | undefined
  #received = 0
  /** Heavy exchanges, oldest first. */
  readonly #heavy: Exchange<W>[] = []
  #isDoubtful = false

  /** `timeout`: the store's, in ms. */
  constructor(wire: W, timeout: number) {
    this.wire = wire
    this.#timeout = timeout
  }

  /** Everything that was sent is answered. */
  get isIdle(): boolean {
    return this.#unanswered === 0
  }

  /** It was used after a second without use, and nothing came since: it may have died while idle, which is no failure of the server. */
  get isDoubtful(): boolean {
    return this.#isDoubtful
  }

  /** For what is about to be written at once. */
  begin(): Exchange<W> {
    const exchange = new Exchange(this.wire)
    if (this.#unanswered === 0 && exchange.sentAt - this.#movedAt >= idleAfter) this.#isDoubtful = true
    return exchange
  }

  /** One request of the exchange is written. */
  sent(exchange: Exchange<W>, bytes: number, deadline: number): void {
    if (this.#unanswered++ === 0) this.#askedAt = exchange.sentAt
    exchange.unanswered++
    const isNew = exchange.bytes < heavyBytes
    exchange.bytes += bytes
    // Steps without a deadline of their own travel with one that has it.
    if (deadline > exchange.until && deadline !== Number.POSITIVE_INFINITY) exchange.until = deadline
    if (isNew && exchange.bytes >= heavyBytes) this.#noteHeavy(exchange)
  }

  /** The exchange was handed to the socket. */
  wrote(): void {
    if (this.wire.writableLength > 0) this.#look()
  }

  /** A chunk came. Called before its replies are given out, or after. */
  arrived(bytes: number): void {
    this.#movedAt = now()
    this.#received += bytes
    this.#isDoubtful = false
  }

  /** One request was answered, perhaps with an error, or will not be. */
  answered(exchange: Exchange<W>): void {
    this.#unanswered--
    exchange.unanswered--
    // What came of one that is answered whole is under way no longer.
    if (exchange === this.#answering && exchange.unanswered > 0) return
    this.#answering = exchange
    this.#received = 0
  }

  /**
   * A deadline passed without an answer. `exchange`: what the call was sent with; undefined: it waits for something that was sent.
   * `begun`: the size of the reply that has begun, where the protocol tells.
   */
  judge(exchange: Exchange<W> | undefined, begun = 0): Verdict {
    if (this.#unanswered === 0) return 'late'
    this.#look()
    const moment = now()
    const silence = moment - Math.max(this.#movedAt, this.#askedAt)
    const allowance = this.#allowance(moment)
    // Against the store's timeout, not the call's own: a caller with little patience does not cost the others their answers.
    if (silence >= this.#timeout + allowance) return 'silent'
    if (silence < this.#timeout * silentShare + allowance)
      return allowance > 0 || this.#isHeavy(begun) ? 'busy' : 'late'
    return exchange !== undefined && this.#movedAt <= exchange.sentAt ? 'silent' : 'late'
  }

  /** How much longer silence is no sign of death, in ms: the kernel holds megabytes of which nobody sees whether they leave. */
  #allowance(moment: number): number {
    this.#forgetAnswered()
    const [oldest] = this.#heavy
    // As long as its callers wait, no longer, and of several the oldest: a frozen server must be noticed though heavy writes keep coming.
    if (oldest === undefined || oldest.until <= moment) return 0
    return Math.min(oldest.bytes, hiddenBytes) / slowestLink
  }

  /**
   * Whether something heavy is on its way. Many small calls on a link too slow for them do not count, however long they wait for one another:
   * only the breaker relieves such a connection.
   */
  #isHeavy(begun: number): boolean {
    return begun >= heavyBytes || this.#received > heavyBytes || (this.#heavy.length > 0 && this.#unsent > 0)
  }

  #noteHeavy(exchange: Exchange<W>): void {
    this.#forgetAnswered()
    this.#heavy.push(exchange)
  }

  #forgetAnswered(): void {
    while (this.#heavy[0]?.unanswered === 0) this.#heavy.shift()
  }

  #look(): void {
    const { _handle } = this.wire
    const unsent = _handle?.writeQueueSize ?? 0
    const gone = _handle ? _handle.bytesWritten - unsent : 0
    // Only what leaves after the kernel was full shows that the other end takes something.
    if (this.#unsent > 0 && gone > this.#gone) this.#movedAt = now()
    this.#gone = gone
    this.#unsent = unsent
  }
}
