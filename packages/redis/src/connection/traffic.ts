import { now } from '@anycache/core'
import { type Argument, isHarmless } from '../protocol/command.js'
import type { ClientStream } from '../client/corked-writer.js'
import type { Watch } from '../client/watch.js'

/** Bytes per ms of the slowest link over which a large value is waited for though nothing of it is seen to move. */
const slowestLink = 500
/** Milliseconds without a command after which a connection may have died unnoticed. */
const idleTime = 1000

/** The commands of one tick, and what was known when they were sent: what came since tells a slow server from a dead one. */
export interface Exchange {
  readonly stream: ClientStream
  readonly at: number
  readonly bytesRead: number
  /** Bytes that had left the process. */
  readonly bytesGone: number
  /** The connection had been idle, and had shown no sign of life since. */
  readonly doubtful: boolean
  /** Until when the large values ahead of it, and in it, may be under way. */
  carriedUntil: number
  /** Its failure was reported: one for all calls in it. */
  counted: boolean
}

/** What moves on the connection that is open. */
export class Traffic {
  readonly #watch: Watch
  #stream: ClientStream | undefined
  #unanswered = 0
  #usedAt = 0
  /** The bytes read when an idle connection was used again; -1 once something came. */
  #doubt = -1
  /** The keys that were written since then. */
  readonly #written = new Set<string>()
  #wroteAll = false
  #large = 0
  #carriedUntil = 0
  /** The first of the late exchanges since which nothing at all came. */
  #silence: Exchange | undefined

  constructor(watch: Watch) {
    this.#watch = watch
  }

  get allAnswered(): boolean {
    return this.#unanswered === 0
  }

  begin(stream: ClientStream): Exchange {
    const at = now()
    const { bytesRead } = stream
    if (stream !== this.#stream) this.#renew(stream)
    else if (at - this.#usedAt >= idleTime) {
      this.#trust()
      this.#doubt = bytesRead
    }
    this.#usedAt = at
    return {
      stream,
      at,
      bytesRead,
      bytesGone: goneFrom(stream),
      doubtful: bytesRead === this.#doubt,
      carriedUntil: this.#carriedUntil,
      counted: false,
    }
  }

  /** The same exchange, as it looks now. */
  seen(exchange: Exchange): Exchange {
    const { stream } = exchange
    return { ...exchange, at: now(), bytesRead: stream.bytesRead, bytesGone: goneFrom(stream), counted: false }
  }

  sent(name: string, args: readonly Argument[]): void {
    this.#unanswered++
    if (this.#doubt !== -1 && !isHarmless(name)) this.#noteWritten(name, args)
  }

  /** A write of the key was sent on a connection that may have died idle: a read before it, sent once more, would find what it wrote. */
  mayHaveWritten(key: string): boolean {
    return this.#wroteAll || this.#written.has(key)
  }

  answered({ stream }: Exchange): void {
    this.#watch.replied()
    if (stream !== this.#stream) return
    this.#unanswered--
    if (this.#doubt !== -1) this.#trust()
  }

  /** A large command is sent. Those behind it wait for it, as long as its caller does, or as the slowest link takes. */
  carries(exchange: Exchange, bytes: number, deadline: number): void {
    this.#large++
    const until = Math.min(deadline, Math.max(exchange.at, this.#carriedUntil) + bytes / slowestLink)
    this.#carriedUntil = Math.max(this.#carriedUntil, until)
    exchange.carriedUntil = this.#carriedUntil
  }

  /** It was answered. */
  carried({ stream }: Exchange): void {
    if (stream === this.#stream) this.#large--
  }

  /** Bytes move, ours or a reply's: who waits behind them is late, and the server is not to blame. */
  isMoving({ stream, bytesRead, bytesGone, carriedUntil }: Exchange): boolean {
    if (stream !== this.#stream) return false
    if (stream.bytesRead !== bytesRead && this.#watch.midReply) return true
    // Bytes that the kernel has taken are out of sight.
    if (this.#large > 0 && now() < carriedUntil) return true
    return stream.writableLength > 0 && goneFrom(stream) > bytesGone
  }

  /** Nothing at all came, or left, since it was sent. */
  isSilent(exchange: Exchange): boolean {
    const { stream, bytesRead } = exchange
    return stream === this.#stream && stream.bytesRead === bytesRead && !this.isMoving(exchange)
  }

  /** The connection had been idle, and was lost before a byte came. */
  diedIdle({ doubtful, stream, bytesRead }: Exchange): boolean {
    return doubtful && stream.bytesRead === bytesRead
  }

  /** Since when there is silence, as far as late exchanges tell; this one is late. */
  silentSince(exchange: Exchange): number {
    if (this.#silence === undefined || !this.isSilent(this.#silence)) this.#silence = exchange
    return this.#silence.at
  }

  #noteWritten(name: string, args: readonly Argument[]): void {
    if (name === 'flushdb') this.#wroteAll = true
    else if (name === 'eval') this.#written.add(String(args[2]))
    else if (name === 'unlink') for (const key of args) this.#written.add(String(key))
    else this.#written.add(String(args[0]))
  }

  #trust(): void {
    this.#doubt = -1
    this.#written.clear()
    this.#wroteAll = false
  }

  #renew(stream: ClientStream): void {
    this.#stream = stream
    this.#unanswered = 0
    this.#trust()
    this.#large = 0
    this.#carriedUntil = 0
    this.#silence = undefined
  }
}

/** Only the handle knows how much of a large write the kernel has taken: Node's own idle timer reads it there. */
function goneFrom({ _handle }: ClientStream): number {
  return _handle ? _handle.bytesWritten - _handle.writeQueueSize : 0
}
