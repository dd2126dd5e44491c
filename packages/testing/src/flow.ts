import type { Socket } from 'node:net'

/** What happens to the bytes of one direction. */
export type Behaviour =
  | { kind: 'pass' }
  | { kind: 'hold' }
  | { kind: 'cutAfter'; bytes: number; end: 'fin' | 'reset'; repeat: boolean }
  | { kind: 'stallAfter'; bytes: number; repeat: boolean }
  | { kind: 'dribble'; bytesPerChunk: number; everyMs: number }
  | { kind: 'delay'; ms: number }

/** What a flow reports. */
export type FlowListener = {
  received(chunk: Buffer): void
  forwarded(bytes: number): void
  /** A `cutAfter` or `stallAfter` happened on this flow. */
  spent(): void
  /** Cuts the connection this flow belongs to. */
  cut(end: 'fin' | 'reset'): void
}

type Arrival = { what: Buffer | 'fin' | 'reset'; at: number }

// The source is paused while this many bytes wait, as behind a full wire: the writer then notices.
const highWaterMark = 256 * 1024

/** Ends a connection by RST, or a unix socket, which has none, by closing it. */
export function reset(socket: Socket): void {
  // resetAndDestroy() shuts the socket down before it resets it, and the peer may then see an orderly end. This sets the
  // flag that it leaves for destroy(), without the shutdown.
  ;(socket as unknown as { resetAndClosing: boolean }).resetAndClosing = socket.remoteAddress !== undefined
  socket.destroy()
}

/** Carries the bytes of one connection in one direction, in order, FIN and RST included. */
export class Flow {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #listener: FlowListener
  #behaviour: Behaviour
  /** Bytes forwarded since the behaviour was set. */
  #forwarded = 0
  #stalled = false
  #queue: Arrival[] = []
  #queued = 0
  #timer: NodeJS.Timeout | undefined

  constructor(source: Socket, sink: Socket, behaviour: Behaviour, listener: FlowListener) {
    this.#source = source
    this.#sink = sink
    this.#behaviour = behaviour
    this.#listener = listener
    source.on('data', (chunk: Buffer) => {
      listener.received(chunk)
      this.#queued += chunk.length
      this.#arrive(chunk)
    })
    source.on('end', () => this.#arrive('fin'))
    source.on('error', () => this.#arrive('reset'))
    sink.on('drain', () => this.#pump())
    sink.on('close', () => this.#drop())
  }

  /** Applies from now on, also to bytes that already wait. */
  behave(behaviour: Behaviour): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#behaviour = behaviour
    this.#forwarded = 0
    this.#stalled = false
    this.#pump()
  }

  /** Forwards nothing until the next `behave`. */
  stall(): void {
    this.#stalled = true
  }

  #arrive(what: Arrival['what']): void {
    if (this.#sink.destroyed) return
    this.#queue.push({ what, at: performance.now() })
    this.#pump()
    if (this.#queued > highWaterMark) this.#source.pause()
  }

  #pump(): void {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (this.#stalled || this.#timer || this.#sink.destroyed || this.#sink.writableNeedDrain) return
      if (this.#sink.writableEnded && head.what !== 'reset') return
      const allowed = this.#allowance(head)
      if (allowed === 0) return
      if (typeof head.what === 'string') {
        this.#queue.shift()
        if (head.what === 'fin') this.#sink.end()
        else reset(this.#sink)
      } else this.#forward(head, head.what.subarray(0, allowed))
    }
  }

  /** How many bytes may be forwarded now; arranges the event that lets more through. */
  #allowance(head: Arrival): number {
    const behaviour = this.#behaviour
    switch (behaviour.kind) {
      case 'pass':
        return Number.POSITIVE_INFINITY
      case 'hold':
        return 0
      case 'dribble':
        return behaviour.bytesPerChunk
      case 'delay': {
        const wait = head.at + behaviour.ms - performance.now()
        if (wait <= 0) return Number.POSITIVE_INFINITY
        this.#wait(wait)
        return 0
      }
      default:
        // An end before the budget is spent is passed on.
        if (typeof head.what === 'string') return Number.POSITIVE_INFINITY
        if (this.#forwarded < behaviour.bytes) return behaviour.bytes - this.#forwarded
        this.#spend()
        return 0
    }
  }

  #forward(head: Arrival, part: Buffer): void {
    const rest = (head.what as Buffer).subarray(part.length)
    if (rest.length > 0) head.what = rest
    else this.#queue.shift()
    this.#queued -= part.length
    this.#forwarded += part.length
    this.#listener.forwarded(part.length)
    this.#sink.write(part)
    const behaviour = this.#behaviour
    if (behaviour.kind === 'dribble') this.#wait(behaviour.everyMs)
    if ((behaviour.kind === 'cutAfter' || behaviour.kind === 'stallAfter') && this.#forwarded === behaviour.bytes)
      this.#spend()
    if (this.#queued <= highWaterMark) this.#source.resume()
  }

  #spend(): void {
    const behaviour = this.#behaviour
    this.stall()
    this.#listener.spent()
    if (behaviour.kind === 'cutAfter') this.#listener.cut(behaviour.end)
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, ms)
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#queue = []
    this.#queued = 0
    // Bytes without a receiver are read and dropped, so that the source's end is seen.
    this.#source.resume()
  }
}
