import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { checkOptions, InvalidArgumentError, shown } from '@anycache/core'
import { addressName, defaultHost, defaultPort, parseAddress, type ServerAddress, withoutBrackets } from './address.js'

/** One server, as an object. */
export interface ServerOptions {
  /** A name or an address; an IPv6 address with or without brackets. Default `127.0.0.1`. */
  readonly host?: string
  /** 1 to 65535. Default 11211. */
  readonly port?: number
  /** A unix socket, instead of host and port. */
  readonly path?: string
  /** The server's share of the keys, a whole number from 1. Default 1. */
  readonly weight?: number
  /** Speaks TLS: `true`, or what `tls.connect` takes (`ca`, `cert`, `key`, `servername`, …). Default: the store's `tls`. */
  readonly tls?: boolean | TlsOptions
}

/** What applies to every server that does not say otherwise. */
export interface SharedServerOptions {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean | TlsOptions | undefined
}

/** A server with everything needed to connect to it. */
export interface Endpoint {
  /** `host:port` or the socket's path: for messages, never with credentials. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly tls: TlsOptions | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly weight: number
  readonly ringName: string
}

const serverOptionNames = ['host', 'port', 'path', 'weight', 'tls'] as const
const forms = '"host", "host:port", "[::1]:11211", "unix:/path" or "memcached://host:port"'

/** The servers of a list, in its order. Throws `InvalidArgumentError` for what names none, and for one that is listed twice. */
export function endpointsOf(servers: unknown, shared: SharedServerOptions): Endpoint[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new InvalidArgumentError(
      `MemcachedStore: servers must be a list of at least one server, got ${shown(servers)}`,
    )
  }
  const endpoints = servers.map(server => endpointOf(server, shared))
  const names = new Set<string>()
  for (const { name } of endpoints) {
    if (names.has(name)) {
      throw new InvalidArgumentError(`MemcachedStore: server ${name} is listed twice; give it a weight instead`)
    }
    names.add(name)
  }
  return endpoints
}

function endpointOf(server: unknown, shared: SharedServerOptions): Endpoint {
  if (typeof server === 'string') return fromText(server, shared)
  checkOptions('MemcachedStore servers', server, serverOptionNames)
  const { host, port, path, weight, tls = shared.tls } = server as ServerOptions
  const login = { username: shared.username, password: shared.password }
  if (path !== undefined) {
    if (host !== undefined || port !== undefined) {
      throw new InvalidArgumentError(`MemcachedStore: a server has a path, or host and port, got ${shown(server)}`)
    }
    if (typeof path !== 'string' || path === '') {
      throw new InvalidArgumentError(`MemcachedStore: path must name a unix socket, got ${shown(path)}`)
    }
    return endpoint({ path, weight, tls, ...login })
  }
  return endpoint({ host: host ?? defaultHost, port, weight, tls, ...login })
}

function fromText(text: string, shared: SharedServerOptions): Endpoint {
  const address = parseAddress(text)
  if (address === undefined) {
    // What stands before an "@" may be a password.
    const harmless = text.includes('@') ? `…@${text.slice(text.lastIndexOf('@') + 1)}` : text
    throw new InvalidArgumentError(`MemcachedStore: a server is ${forms}, got ${shown(harmless)}`)
  }
  const { login, ...where } = address
  const credentials =
    login === undefined ? { username: shared.username, password: shared.password } : credentialsOf(login)
  return endpoint({ ...where, weight: undefined, tls: shared.tls, ...credentials })
}

function credentialsOf(login: string): { username: string; password: string } {
  const colon = login.indexOf(':')
  if (colon < 1) {
    throw new InvalidArgumentError('MemcachedStore: credentials in a server are "user:password@", percent-encoded')
  }
  try {
    return {
      username: decodeURIComponent(login.slice(0, colon)),
      password: decodeURIComponent(login.slice(colon + 1)),
    }
  } catch {
    throw new InvalidArgumentError(
      'MemcachedStore: credentials in a server must be percent-encoded; encode "%" as "%25"',
    )
  }
}

interface Parts extends ServerAddress {
  readonly weight: unknown
  readonly tls: unknown
  readonly username: string | undefined
  readonly password: string | undefined
}

function endpoint(parts: Parts): Endpoint {
  const { path, port = defaultPort, weight = 1, tls, username, password } = parts
  const host = parts.host ?? ''
  if (typeof host !== 'string' || (path === undefined && host === '')) {
    throw new InvalidArgumentError(`MemcachedStore: host must be a name or an address, got ${shown(host)}`)
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError(`MemcachedStore: port must be a whole number from 1 to 65535, got ${shown(port)}`)
  }
  if (!Number.isInteger(weight) || (weight as number) < 1) {
    throw new InvalidArgumentError(
      `MemcachedStore: weight must be a whole number from 1, got ${shown(weight)}; leave a server out to give it nothing`,
    )
  }
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null)) {
    throw new InvalidArgumentError(
      `MemcachedStore: tls must be true, false or an object for tls.connect, got ${shown(tls)}`,
    )
  }
  const shared = {
    tls: tls === true ? {} : tls === false ? undefined : (tls as TlsOptions | undefined),
    username,
    password,
    weight: weight as number,
  }
  const name = addressName(parts)
  // libmemcached gives a unix socket the port 0.
  if (path !== undefined) return { ...shared, name, host: '', port: 0, path, ringName: `${path}:0` }
  const bare = withoutBrackets(host)
  const ringName = port === defaultPort ? bare : `${bare}:${port}`
  return { ...shared, name, host: bare, port, path, ringName }
}
