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
import { type Endpoint, endpointsOf, type ServerOptions } from './endpoint.js'
import type { MemjsSource } from './memjs-client.js'

/** What a {@link MemcachedStore} takes. */
export interface MemcachedOptions extends HealthOptions {
  /**
   * The servers, in the same order in every process: `'host'`, `'host:port'`, `'[::1]:11211'`, `'unix:/path'`,
   * `'memcached://user:password@host:port'` (percent-encoded), or {@link ServerOptions}.
   */
  readonly servers?: readonly (string | ServerOptions)[]
  /**
   * A ready memjs client, instead of servers and credentials: its servers, logins and placement are taken over, over connections
   * of our own; its sockets are left alone, and it stays the caller's to close.
   */
  readonly client?: MemjsSource
  /** For SASL PLAIN, on every server that names no other. Default: none; the environment is not asked. */
  readonly username?: string
  readonly password?: string
  /** Speaks TLS with every server that does not say otherwise: `true`, or what `tls.connect` takes. Default false. */
  readonly tls?: boolean | TlsOptions
}

export interface ResolvedOptions {
  readonly endpoints: readonly Endpoint[]
  readonly client: MemjsSource | undefined
  readonly health: HealthSettings
}

const optionNames = ['servers', 'client', 'username', 'password', 'tls', ...healthOptionNames] as const

/** The options with their defaults. Throws `InvalidArgumentError` for what cannot be used. */
export function resolveOptions(options: MemcachedOptions): ResolvedOptions {
  checkOptions('MemcachedStore', options, optionNames)
  const { servers, client, tls } = options
  if ((servers === undefined) === (client === undefined)) {
    throw new InvalidArgumentError('MemcachedStore: give either servers or a memjs client')
  }
  const username = text(options.username, 'username')
  const password = text(options.password, 'password')
  if ((username === undefined) !== (password === undefined)) {
    throw new InvalidArgumentError('MemcachedStore: username and password belong together')
  }
  if (client !== undefined && (username !== undefined || tls !== undefined)) {
    throw new InvalidArgumentError('MemcachedStore: credentials and tls belong to servers; a client brings its own')
  }
  return {
    endpoints: client === undefined ? endpointsOf(servers, { username, password, tls }) : endpointsOfClient(client),
    client,
    health: resolveHealth('MemcachedStore', options),
  }
}

function endpointsOfClient(client: MemjsSource): Endpoint[] {
  if (!Array.isArray(client?.servers) || client.servers.length === 0 || typeof client.getServer !== 'function') {
    throw new InvalidArgumentError(
      `MemcachedStore: client must be a Client of memjs with servers, got ${shown(client)}`,
    )
  }
  const servers: MemjsSource['servers'] = client.servers
  return servers.flatMap(({ host, port, username, password }) => {
    const login = username && password ? { username, password } : { username: undefined, password: undefined }
    return endpointsOf([{ host, port }], { ...login, tls: undefined })
  })
}

function text(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new InvalidArgumentError(`MemcachedStore: ${name} must be a string, got ${typeof value}`)
}
