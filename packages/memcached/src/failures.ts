import type { Socket } from 'node:net'
import { type CacheError, ConnectionError, ServerError, TimeoutError } from '@anycache/core'
import type { Endpoint } from './endpoint.js'

const wayOut = 'see to it that a memcached listens there, and that tls is as the server has it'

/** Why a connection ended, or was never made: the socket's error, or `undefined` where the server just closed it. */
export function connectionFailure(
  endpoint: Endpoint,
  wasOpen: boolean,
  cause: NodeJS.ErrnoException | undefined,
): ConnectionError {
  const server = endpoint.name
  return new ConnectionError(reasonOf(server, wasOpen, cause), {
    server,
    outcome: wasOpen ? 'unknown' : 'not-sent',
    cause,
  })
}

/** Connecting, the login included, took too long. */
export function connectTimeout({ name }: Endpoint, socket: Socket): TimeoutError {
  // Redis waits for more, as do servers that expect TLS.
  const message = socket.connecting
    ? `${name} could not be connected to in time`
    : `${name} took the connection, but did not answer in time; unless it is frozen, ${wayOut}`
  return new TimeoutError(message, { server: name, outcome: 'not-sent' })
}

function reasonOf(server: string, wasOpen: boolean, cause: NodeJS.ErrnoException | undefined): string {
  // OpenSSL ends its messages with a line break.
  const message = cause?.message.trim()
  if (wasOpen) {
    return message === undefined ? `${server} closed the connection` : `the connection to ${server} failed: ${message}`
  }
  // A server that expects TLS, or another protocol, and says nothing about it.
  if (cause === undefined || cause.code === 'ECONNRESET' || cause.code === 'EPIPE') {
    const fact = `${server} closed the connection before it answered${message === undefined ? '' : ` (${message})`}`
    return `${fact}; ${wayOut}`
  }
  if (cause.code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    // memcached refuses a connection that is too many in plain text, with TLS as well.
    const noTls = 'speaks none: leave out tls, or start memcached with -Z'
    return `${server} answered without TLS; it has too many open connections: raise memcached’s -c, or it ${noTls} (${message})`
  }
  return `${server} cannot be reached: ${message}`
}

const otherServers: readonly [beginning: RegExp, what: string][] = [
  [/^HTTP\//, 'an HTTP server'],
  [/^SSH-/, 'an SSH server'],
  [/^[-+][A-Z]+\b/, 'a Redis'],
]

/** What came is not the binary protocol: before the first answer mostly a refusal in the words of another protocol. */
export function foreignBytes(endpoint: Endpoint, wasOpen: boolean, received: Buffer): CacheError {
  const server = endpoint.name
  if (wasOpen) {
    const message = `${server} sent bytes that are not memcached’s binary protocol`
    return new ConnectionError(message, { server, outcome: 'unknown' })
  }
  const context = { server, outcome: 'not-sent' } as const
  if (received[0] === 0x15 && received[1] === 0x03) {
    return new ConnectionError(`${server} speaks TLS; pass tls: true, or what tls.connect takes`, context)
  }
  const line = received.toString('latin1').split(/[\r\n]/, 1)[0] as string
  if (!/^[\x20-\x7e]+$/.test(line)) {
    return new ConnectionError(`${server} sent bytes that are not memcached’s binary protocol`, context)
  }
  if (/^ERROR Too many open connections/i.test(line)) {
    const fact = `${server} has too many open connections, and said so ("ERROR Too many open connections")`
    return new ServerError(`${fact}; raise memcached’s -c, or let fewer processes connect`, context)
  }
  const words = safely(line, endpoint)
  const said = words === '' ? '' : `; it said ${JSON.stringify(words)}`
  if (/^(?:CLIENT_|SERVER_)?ERROR\b/.test(line)) {
    const fact = `${server} refuses the binary protocol, which this store speaks${said}`
    return new ConnectionError(`${fact}. Start memcached without "-B ascii" and without "-Y"`, context)
  }
  const what = otherServers.find(([beginning]) => beginning.test(line))?.[1] ?? 'no memcached'
  return new ConnectionError(
    `${server} is ${what}${said}. See to it that host and port are those of a memcached`,
    context,
  )
}

/** A server's own words, up to the first that may echo a part of the login, which is all that was sent so far. */
function safely(line: string, { username = '', password = '' }: Endpoint): string {
  const secrets = [username, password].map(secret => secret.toLowerCase()).filter(secret => secret !== '')
  const words = (line.slice(0, 60).split(/["'`]/, 1)[0] as string).split(' ')
  const echo = words.findIndex(word => {
    const lower = word.toLowerCase()
    return lower !== '' && secrets.some(secret => secret.includes(lower) || lower.includes(secret))
  })
  return (echo < 0 ? words : words.slice(0, echo)).join(' ').trimEnd()
}
