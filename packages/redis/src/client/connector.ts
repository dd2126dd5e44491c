import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setImmediate, withRealTicks } from '@anycache/core'
import { AbstractConnector } from 'ioredis'
import { Login } from './login.js'

/** Where ioredis' options say to connect to. */
interface Place {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly family?: number
  readonly tls?: object
  readonly password?: unknown
  readonly disconnectTimeout: number
}

/**
 * Opens the socket of an owned client. ioredis' own connector waits for a `process.nextTick`, and a fake one never comes. And the reason of a
 * server that refuses is read: one that is full or protected sends it and hangs up, often before it has read a byte, and a write that
 * fails then would end the socket with the reason unread.
 */
export class Connector extends AbstractConnector {
  readonly #place: Place
  #abandon: (() => void) | undefined

  constructor(options: unknown) {
    const place = options as Place
    super(place.disconnectTimeout)
    this.#place = place
  }

  override async connect(): ReturnType<AbstractConnector['connect']> {
    const { host, port, path, family, tls, password } = this.#place
    if (password instanceof Login) await Promise.race([password.renew(), this.#disconnected()])
    const where = path ? { path } : { host, port, ...(family != null && { family }) }
    const socket = withRealTicks(() =>
      tls ? connectTls({ ...where, ...tls }) : createConnection(where as NetConnectOpts),
    )
    this.connecting = true
    this.stream = socket
    socket.once('error', error => {
      this.firstError = error
    })
    holdHandshake(socket, tls ? 'secureConnect' : 'connect')
    readBeforeFailing(socket)
    return socket
  }

  override disconnect(): void {
    super.disconnect()
    this.#abandon?.()
  }

  #disconnected(): Promise<never> {
    return new Promise((_, reject) => {
      this.#abandon = () => reject(new Error('it was closed before the password was known'))
    })
  }
}

/** The handshake leaves in one write, after the loop has looked for a refusal: the second write to a server that hung up fails. */
function holdHandshake(socket: Socket, connected: string): void {
  socket.cork()
  // One turn of the loop may be half over; the second one polls the socket.
  socket.once(connected, () => setImmediate(() => setImmediate(() => withRealTicks(() => socket.uncork()))))
}

/** Until the first bytes came, a failure waits until the loop has polled the socket once more, and what is read then is passed on. */
function readBeforeFailing(socket: Socket): void {
  const { destroy, push } = socket
  socket.destroy = error => {
    if (error === undefined || socket.connecting) return destroy.call(socket, error)
    setImmediate(() => setImmediate(() => withRealTicks(() => destroy.call(socket, error))))
    return socket
  }
  socket.push = chunk => {
    socket.destroy = destroy
    socket.push = push
    // A stream whose write has failed takes in nothing more.
    return chunk === null || socket.errored === null ? push.call(socket, chunk) : socket.emit('data', chunk)
  }
}
