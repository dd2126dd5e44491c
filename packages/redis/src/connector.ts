import { createConnection, type NetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { withRealTicks } from '@anycache/core'
import { AbstractConnector } from 'ioredis'

/** Where ioredis' options say to connect to. */
interface Place {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly family?: number
  readonly tls?: object
  readonly disconnectTimeout: number
}

/** Opens the socket of an owned client. ioredis' own connector waits for a `process.nextTick`, and a fake one never comes. */
export class Connector extends AbstractConnector {
  readonly #place: Place

  constructor(options: unknown) {
    const place = options as Place
    super(place.disconnectTimeout)
    this.#place = place
  }

  override async connect(): ReturnType<AbstractConnector['connect']> {
    const { host, port, path, family, tls } = this.#place
    const where = path ? { path } : { host, port, ...(family != null && { family }) }
    const socket = withRealTicks(() =>
      tls ? connectTls({ ...where, ...tls }) : createConnection(where as NetConnectOpts),
    )
    this.connecting = true
    this.stream = socket
    socket.once('error', error => {
      this.firstError = error
    })
    return socket
  }
}
