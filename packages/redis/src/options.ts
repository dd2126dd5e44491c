import type { ConnectionOptions as TlsOptions } from 'node:tls'
import {
  checkOptions,
  type HealthOptions,
  type HealthSettings,
  healthOptionNames,
  InvalidArgumentError,
  resolveHealth,
  shown,
} from '@anycache/core'
import type { Redis } from 'ioredis'
import { checkClient, type RedisClient } from './client/client.js'
import type { PasswordSource } from './client/login.js'
import { type Endpoint, parseUrl } from './endpoint.js'

/** What a {@link RedisStore} takes: a `client`, or where the server is. */
export interface RedisStoreOptions<C extends RedisClient = Redis> extends HealthOptions {
  /**
   * A ready ioredis `Redis`, 5.4 or later, used as it is: its options, its `keyPrefix` and its connection stay its own, and it is
   * never closed. Not with any option that names a server. Clusters are not supported yet: `NotSupportedError`.
   */
  readonly client?: C
  /**
   * `redis://user:password@host:6379/2`, `rediss://` for TLS, `valkey://`, `valkeys://`, or `unix:///run/redis.sock?db=2`.
   * Other options win over its parts. Not with `host`, `port` or `path`.
   */
  readonly url?: string
  /** Default `localhost`. */
  readonly host?: string
  /** Default 6379. */
  readonly port?: number
  /** A unix socket, in place of host and port. */
  readonly path?: string
  /** The ACL user. Default: the server's default user. */
  readonly username?: string
  /**
   * Or a function that gives it, or promises it, asked each time a connection is made: for tokens that expire. One that throws or
   * takes longer than the timeout is a `ConnectionError`.
   */
  readonly password?: string | (() => string | Promise<string>)
  /** The number of the database. Default 0. */
  readonly db?: number
  /** Which addresses of the host are tried: 4 for IPv4, 6 for IPv6, 0 for both. Default 0. */
  readonly family?: 0 | 4 | 6
  /**
   * The version of Redis' protocol. 2 never sends `HELLO`, for a proxy that does not know it; a Redis that does not is noticed
   * without. Default 3.
   */
  readonly protocol?: 2 | 3
  /** `true`, or options of `tls.connect` such as `ca`. Default: as the URL says, else none. */
  readonly tls?: boolean | TlsOptions
  /** What `CLIENT LIST` calls the connection. Default: nothing. */
  readonly clientName?: string
}

/** {@link RedisStoreOptions}, resolved once. */
export interface ResolvedOptions extends HealthSettings {
  readonly server: RedisClient | Endpoint
}

const addressNames = [
  'url',
  'host',
  'port',
  'path',
  'username',
  'password',
  'db',
  'family',
  'protocol',
  'tls',
  'clientName',
] as const
const optionNames = ['client', ...addressNames, ...healthOptionNames] as const

/** The options with their defaults. Throws `InvalidArgumentError` for what cannot be used; no message holds a password. */
export function resolveOptions(options: RedisStoreOptions<RedisClient>): ResolvedOptions {
  checkOptions('RedisStore', options, optionNames)
  const { client } = options
  if (client !== undefined) {
    const extra = addressNames.find(name => options[name] !== undefined)
    if (extra !== undefined) wrong(`${extra} has no effect with client; set it on the client`)
    checkClient(client)
  }
  return { server: client ?? endpointOf(options), ...resolveHealth('RedisStore', options) }
}

function endpointOf(options: RedisStoreOptions<RedisClient>): Endpoint {
  const { url, host, port, path, db, family, protocol, tls } = options
  const places = [
    url !== undefined && 'url',
    (host ?? port) !== undefined && 'host and port',
    path !== undefined && 'path',
  ]
  const given = places.filter(place => place !== false)
  if (given.length > 1) wrong(`${given.join(' and ')} each name the server; give one of them`)
  const fromUrl = url === undefined ? {} : parseUrl(text('url', url) as string)
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    wrong(`port must be a whole number from 1 to 65535, got ${shown(port)}`)
  }
  if (db !== undefined && !(Number.isInteger(db) && db >= 0))
    wrong(`db must be a whole number from 0, got ${shown(db)}`)
  if (family !== undefined && family !== 0 && family !== 4 && family !== 6)
    wrong(`family must be 4, 6 or 0 for both, got ${shown(family)}`)
  if (protocol !== undefined && protocol !== 2 && protocol !== 3)
    wrong(`protocol must be 2 or 3, got ${shown(protocol)}`)
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null)) {
    wrong(`tls must be true, false or options of tls.connect, got ${shown(tls)}`)
  }
  // A password may be empty in a template of an environment that has none.
  const password = secret(options.password) ?? fromUrl.password
  const username = text('username', options.username) ?? fromUrl.username
  if (username !== undefined && password === undefined) {
    wrong('username needs a password; for a password alone write redis://:password@host')
  }
  const secured = tls ?? fromUrl.tls ?? false
  return {
    host: text('host', host) ?? fromUrl.host ?? 'localhost',
    port: port ?? fromUrl.port ?? 6379,
    path: text('path', path) ?? fromUrl.path,
    username,
    password,
    db: db ?? fromUrl.db ?? 0,
    family: family ?? fromUrl.family ?? 0,
    protocol: protocol ?? fromUrl.protocol ?? 3,
    tls: secured === false ? undefined : secured === true ? {} : { ...secured },
    clientName: text('clientName', options.clientName),
  }
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  return wrong(`${name} must be a non-empty string, got ${shown(value)}`)
}

function secret(value: unknown): string | PasswordSource | undefined {
  if (value === undefined || typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'function') return value as PasswordSource
  return wrong(`password must be a string or a function, got a ${typeof value}`)
}

function wrong(message: string): never {
  throw new InvalidArgumentError(`RedisStore: ${message}`)
}
