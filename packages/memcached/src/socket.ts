import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { withRealTicks } from '@anycache/core'
import type { Endpoint } from './endpoint.js'

/** How long a connection is idle before the kernel asks whether the other side still knows it. */
const keepAliveDelay = 30_000

/** Dials the server. Throws for a certificate that cannot be read. */
export function openSocket(endpoint: Endpoint, connected: () => void): Socket {
  const { path, host, port, tls } = endpoint
  const where = path === undefined ? { host, port } : { path }
  // Names only: an address has no place in SNI.
  const servername = path === undefined && isIP(host) === 0 ? { servername: host } : {}
  const socket = withRealTicks(() =>
    tls === undefined ? connect(where, connected) : connectTls({ ...servername, ...tls, ...where }, connected),
  )
  // The deadlines' timer keeps the process alive while something is awaited; an idle connection must not.
  socket.unref()
  return socket.setNoDelay(true).setKeepAlive(true, keepAliveDelay)
}
