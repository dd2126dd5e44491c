import type { ConnectionOptions as TlsOptions } from 'node:tls'
import {
  type BreakerOptions,
  checkBreaker,
  checkOptions,
  type Duration,
  InvalidArgumentError,
  milliseconds,
  shown,
} from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import { type Endpoint, endpointsOf, type ServerOptions } from './endpoint.js'
import type { MemjsSource } from './memjs-client.js'

/** What a {@link MemcachedStore} takes. */
export interface MemcachedOptions {
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
  /** How long connecting, and twice a probe, may take. Default 500 ms. */
  readonly timeout?: Duration
  /** When a server is given a rest; `false`: never. */
  readonly breaker?: BreakerOptions | false
  /** Bytes queued and unanswered per server at most; beyond, operations reject with `OverloadedError`. A number or `'64mb'`, the default. */
  readonly maxInFlightBytes?: number | string
}

export interface ResolvedOptions {
  readonly endpoints: readonly Endpoint[]
  readonly client: MemjsSource | undefined
  readonly timeout: number
  readonly breaker: BreakerOptions | false | undefined
  readonly maxInFlightBytes: number
}

const optionNames = [
  'servers',
  'client',
  'username',
  'password',
  'tls',
  'timeout',
  'breaker',
  'maxInFlightBytes',
] as const
const defaultTimeout = 500
const defaultMaxInFlightBytes = 64 * 1024 * 1024

/** The options with their defaults. Throws `InvalidArgumentError` for what cannot be used. */
export function resolveOptions(options: MemcachedOptions): ResolvedOptions {
  checkOptions('MemcachedStore', options, optionNames)
  const { servers, client, tls, timeout = defaultTimeout } = options
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
  const maxInFlightBytes =
    options.maxInFlightBytes === undefined
      ? defaultMaxInFlightBytes
      : parseBytes(options.maxInFlightBytes, 'MemcachedStore: maxInFlightBytes')
  if (maxInFlightBytes < 1) {
    throw new InvalidArgumentError(
      `MemcachedStore: maxInFlightBytes must be at least 1, got ${shown(maxInFlightBytes)}`,
    )
  }
  return {
    endpoints: client === undefined ? endpointsOf(servers, { username, password, tls }) : endpointsOfClient(client),
    client,
    timeout: milliseconds(timeout, 'MemcachedStore: timeout'),
    breaker: checkBreaker('MemcachedStore', options.breaker),
    maxInFlightBytes,
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
