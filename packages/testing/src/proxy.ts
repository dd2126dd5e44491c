import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Behaviour, Flow, reset } from './flow.js'
import { withFreePort } from './free-port.js'

/** `up` is from the clients to the server, `down` is its replies. */
export type Direction = 'up' | 'down'

/** Starts a proxy that passes everything, on a free port of 127.0.0.1, in front of a server's port there or its unix socket. */
export async function startProxy(target: { port: number } | { path: string }): Promise<FaultProxy> {
  return withFreePort(async port => {
    const proxy = new FaultProxy(target, port)
    await proxy.accept()
    return proxy
  })
}

type Connection = { client: Socket; upstream: Socket; flows: Record<Direction, Flow> }

/**
 * A wire between clients and one server that fails on command. Each direction has one behaviour at a time; setting one
 * replaces the previous one at once, on connections open now and later. Bytes are never lost or reordered, only held:
 * after `pass()` a silent connection resumes where it stopped, as TCP does when a broken link heals.
 */
export class FaultProxy {
  readonly host = '127.0.0.1'
  readonly port: number
  #target: { port: number } | { path: string }
  readonly #connections = new Set<Connection>()
  #behaviours: Record<Direction, Behaviour> = { up: { kind: 'pass' }, down: { kind: 'pass' } }
  #listener: Server | undefined
  #accepted = 0
  #forwarded: Record<Direction, number> = { up: 0, down: 0 }
  #chunksUp = 0
  #record: Buffer[] | undefined

  /** Use `startProxy`. */
  constructor(target: { port: number } | { path: string }, port: number) {
    this.#target = target
    this.port = port
  }

  /** Connections accepted since the start. */
  get connections(): number {
    return this.#accepted
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#connections.size
  }

  /** Bytes forwarded to the server since the start. */
  get bytesUp(): number {
    return this.#forwarded.up
  }

  /** Bytes forwarded to clients since the start. */
  get bytesDown(): number {
    return this.#forwarded.down
  }

  /**
   * Chunks of at most 64 KiB in which clients' bytes arrived since the start. The kernel joins writes made before
   * the proxy reads: several writes of a client may look like one. To count writes, use `countWrites`.
   */
  get writesUp(): number {
    return this.#chunksUp
  }

  /** Later connections lead to another server, as behind an address that moves; open ones stay. */
  retarget(target: { port: number } | { path: string }): void {
    this.#target = target
  }

  /** Starts recording what clients send, discarding earlier records. */
  record(): void {
    this.#record = []
  }

  /** Everything clients sent since `record()`, in order of arrival, including what was not forwarded. */
  recorded(): Buffer {
    if (this.#record === undefined) throw new Error('nothing is recorded; call record() first')
    return Buffer.concat(this.#record)
  }

  /** Forwards everything at once, in both directions unless one is named. */
  pass(direction?: Direction): void {
    this.#behave({ kind: 'pass' }, direction)
  }

  /** Accepts connections and forwards nothing, neither bytes nor ends, in both directions unless one is named. */
  blackHole(direction?: Direction): void {
    this.#behave({ kind: 'hold' }, direction)
  }

  /**
   * Forwards `bytes` more bytes on each connection and ends it for the client, by FIN or by RST (`end`, FIN by default);
   * the server is reset. With 0 bytes the server does its work and its answer is lost: the cut happens when the answer's
   * first byte arrives. The first connection that gets this far is cut and the direction passes again, unless `repeat`.
   */
  cutAfter(
    bytes: number,
    {
      end = 'fin',
      repeat = false,
      direction = 'down',
    }: { end?: 'fin' | 'reset'; repeat?: boolean; direction?: Direction } = {},
  ): void {
    this.#behave({ kind: 'cutAfter', bytes, end, repeat }, direction)
  }

  /**
   * Forwards `bytes` more bytes on each connection, then nothing until the direction's behaviour is set again. The first
   * connection that gets this far stalls and the others pass again, unless `repeat`.
   */
  stallAfter(
    bytes: number,
    { repeat = false, direction = 'down' }: { repeat?: boolean; direction?: Direction } = {},
  ): void {
    this.#behave({ kind: 'stallAfter', bytes, repeat }, direction)
  }

  /** Forwards on each connection at most `bytesPerChunk` bytes every `everyMs` milliseconds. */
  dribble(bytesPerChunk: number, everyMs: number, direction: Direction = 'down'): void {
    this.#behave({ kind: 'dribble', bytesPerChunk, everyMs }, direction)
  }

  /** Forwards everything `ms` milliseconds after it arrived. */
  delay(ms: number, direction: Direction = 'down'): void {
    this.#behave({ kind: 'delay', ms }, direction)
  }

  /** Resets every connection that is open now, on both sides. Resolves when they are gone. */
  async cut(): Promise<void> {
    const open = [...this.#connections]
    for (const { client, upstream } of open) {
      reset(client)
      reset(upstream)
    }
    while (open.some(connection => this.#connections.has(connection))) await new Promise(setImmediate)
  }

  /** Stops listening, so that new connections are refused; open ones stay. */
  async refuse(): Promise<void> {
    this.#listener?.close()
    this.#listener = undefined
    // The kernel's socket is closed in the event loop's next turn.
    await new Promise(setImmediate)
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    if (this.#listener) return
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#connect(client))
    listener.listen(this.port, '127.0.0.1')
    await once(listener, 'listening')
    this.#listener = listener
  }

  /** Stops listening and resets every connection. May be called twice. */
  async close(): Promise<void> {
    await this.refuse()
    await this.cut()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #behave(behaviour: Behaviour, direction: Direction | undefined): void {
    for (const each of direction === undefined ? (['up', 'down'] as const) : [direction]) {
      this.#behaviours[each] = behaviour
      // Read again each time: bytes that already wait may trigger a fault at once, and it must not happen again.
      for (const { flows } of this.#connections) flows[each].behave(this.#behaviours[each])
    }
  }

  #connect(client: Socket): void {
    this.#accepted++
    const upstream = connect({ ...this.#target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const flow = (direction: Direction, source: Socket, sink: Socket): Flow =>
      new Flow(source, sink, this.#behaviours[direction], {
        received: chunk => {
          if (direction === 'down') return
          this.#chunksUp++
          this.#record?.push(chunk)
        },
        forwarded: bytes => {
          this.#forwarded[direction] += bytes
        },
        spent: () => this.#spent(direction, connection),
        cut: end => {
          if (end === 'fin') client.destroySoon()
          // Node reports a reset in the same turn as the last bytes as an orderly end: let those bytes be read first.
          else client.write('', () => setTimeout(() => setImmediate(() => reset(client)), 10))
          reset(upstream)
        },
      })
    const connection: Connection = {
      client,
      upstream,
      flows: { up: flow('up', client, upstream), down: flow('down', upstream, client) },
    }
    this.#connections.add(connection)
    const closed = (): void => {
      if (client.closed && upstream.closed) this.#connections.delete(connection)
    }
    client.on('close', closed)
    upstream.on('close', closed)
  }

  /** A one-time fault has happened: all other connections, open and new, pass. */
  #spent(direction: Direction, by: Connection): void {
    const behaviour = this.#behaviours[direction]
    if (!('repeat' in behaviour) || behaviour.repeat) return
    this.#behaviours[direction] = { kind: 'pass' }
    for (const connection of this.#connections)
      if (connection !== by) connection.flows[direction].behave({ kind: 'pass' })
  }
}
