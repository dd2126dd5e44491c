import { checkOptions, InvalidArgumentError, shown } from '@anycache/core'
import type { PasswordSource } from './client/login.js'
import { ioredisParameters } from './ioredis-parameters.js'

/** How to reach the server of a client that the store makes for itself. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** A unix socket; then `host` and `port` mean nothing. */
  readonly path: string | undefined
  readonly username: string | undefined
  readonly password: string | PasswordSource | undefined
  readonly db: number
  readonly family: 0 | 4 | 6
  readonly protocol: 2 | 3
  readonly tls: object | undefined
  readonly clientName: string | undefined
}

/** What errors, events and `info()` call the server: `host:port`, or the path of its socket. */
export function nameOf({ host = 'localhost', port = 6379, path }: Pick<UrlParts, 'host' | 'port' | 'path'>): string {
  if (path) return path
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The parts that a URL names; what it does not name is left out. */
export interface UrlParts {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly path?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly db?: number | undefined
  readonly tls?: boolean | undefined
  readonly family?: 0 | 4 | 6 | undefined
  readonly protocol?: 2 | 3 | undefined
}

const forms =
  'redis://user:password@host:6379/0, rediss:// for TLS, valkey://, valkeys://, or unix:///path/to/socket?db=0'
const schemes: Readonly<Record<string, boolean>> = {
  'redis:': false,
  'rediss:': true,
  'valkey:': false,
  'valkeys:': true,
}
const socketForm = /^unix:\/\/(?:([^@/?#]*)@)?(\/[^?#]+)(?:\?([^#]*))?$/

/**
 * The server that a URL names. By hand, since ioredis takes query options as strings (`?enableOfflineQueue=false` switches it on)
 * and `valkey://` for the path of a socket. Throws `InvalidArgumentError`; the URL stays out of the message, for its password.
 */
export function parseUrl(text: string): UrlParts {
  const socket = socketForm.exec(text)
  if (socket !== null) {
    const [username = '', ...password] = (socket[1] ?? '').split(':')
    return {
      path: decoded(socket[2] as string),
      ...credentials(username, password.join(':')),
      ...parametersOf(new URLSearchParams(socket[3])),
    }
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  const tls = url === undefined ? undefined : schemes[url.protocol]
  if (url === undefined || tls === undefined) {
    throw new InvalidArgumentError(
      `RedisStore: url is not one of ${forms}; special characters of a password are written as %40`,
    )
  }
  if (url.hash !== '')
    throw new InvalidArgumentError('RedisStore: url must not have a "#"; in a password it is written as %23')
  const { db: fromQuery, ...parameters } = parametersOf(url.searchParams)
  const path = url.pathname.replace(/^\/|\/$/g, '')
  if (path !== '' && fromQuery !== undefined) throw new InvalidArgumentError('RedisStore: url names the database twice')
  return {
    // An IPv6 address stands in brackets, which no resolver takes.
    ...(url.hostname !== '' && { host: decoded(url.hostname.replace(/^\[(.*)\]$/, '$1')) }),
    ...(url.port !== '' && { port: portOf(url.port) }),
    ...credentials(url.username, url.password),
    ...parameters,
    db: path === '' ? fromQuery : dbOf(path),
    tls,
  }
}

function credentials(username: string, password: string): Pick<UrlParts, 'username' | 'password'> {
  return {
    ...(username !== '' && { username: decoded(username) }),
    ...(password !== '' && { password: decoded(password) }),
  }
}

function parametersOf(query: URLSearchParams): Pick<UrlParts, 'db' | 'family' | 'protocol'> {
  const { db, family, protocol, ...others } = Object.fromEntries(query)
  const unknown = Object.entries(others).filter(([name]) => !ioredisParameters.has(name))
  checkOptions('RedisStore: url', Object.fromEntries(unknown), ['db', 'family', 'protocol'])
  return {
    ...(db !== undefined && { db: dbOf(db) }),
    ...(family !== undefined && { family: oneOf([0, 4, 6], family, 'family') }),
    ...(protocol !== undefined && { protocol: oneOf([2, 3], protocol, 'protocol') }),
  }
}

function oneOf<const T extends readonly number[]>(allowed: T, text: string, name: string): T[number] {
  const found = allowed.find(one => String(one) === text)
  if (found !== undefined) return found
  throw new InvalidArgumentError(`RedisStore: ${name} in url must be ${allowed.join(' or ')}, got ${shown(text)}`)
}

function dbOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`RedisStore: the database in url must be a number like /2, got ${shown(text)}`)
}

function portOf(text: string): number {
  const port = Number(text)
  if (port > 0) return port
  throw new InvalidArgumentError(`RedisStore: the port in url must be from 1 to 65535, got ${shown(text)}`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidArgumentError('RedisStore: url has a "%" that is no escape; write it as %25')
  }
}
