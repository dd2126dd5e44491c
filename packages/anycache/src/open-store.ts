import { milliseconds, type Store } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import type { MemcachedServerConfig, TlsConfig } from './config.js'
import { addressName, memcachedAddress } from './memcached-address.js'
import { NullStore } from './null-store.js'
import type { CheckedConfig } from './schema.js'
import { withoutUndefined } from './without-undefined.js'

type Checked<D extends CheckedConfig['driver']> = Extract<CheckedConfig, { driver: D }>

/** Makes the store of a config, loading its driver's package only now. Connects to nothing. */
export async function openStore(config: CheckedConfig): Promise<Store> {
  switch (config.driver) {
    case 'memory': {
      const { MemoryStore } = await import('@anycache/memory')
      const { maxEntries, maxBytes, isolation } = config
      return new MemoryStore(withoutUndefined({ maxEntries, maxBytes, isolation }))
    }
    case 'redis': {
      const { RedisStore } = await import('@anycache/redis')
      return new RedisStore(redisOptions(config))
    }
    case 'memcached': {
      const { MemcachedStore } = await import('@anycache/memcached')
      return new MemcachedStore(memcachedOptions(config))
    }
    case 'null':
      return new NullStore()
  }
}

/**
 * Names what a config connects to, and how. Configs with the same identity can share one store; `undefined`: the store is never shared. The
 * timeout is left out: each call brings its own deadline.
 */
export function identityOf(config: CheckedConfig): string | undefined {
  if (config.driver === 'redis') return named(['redis', { ...redisOptions(config), timeout: undefined }])
  if (config.driver !== 'memcached') return undefined
  const { servers, ...options } = memcachedOptions(config)
  const places = servers.map(({ host, port, path, weight = 1, ...rest }) => ({
    name: addressName({ host, port, path }),
    weight,
    ...rest,
  }))
  return named(['memcached', places, { ...options, timeout: undefined }])
}

const sources = new WeakMap<object, number>()
let sourceCount = 0

/** As JSON, in which a function that gives a password stands as the number it is known by: another function is another login. */
function named(identity: readonly unknown[]): string {
  return JSON.stringify(identity, (_, value) => {
    if (typeof value !== 'function') return value
    const known = sources.get(value) ?? ++sourceCount
    sources.set(value, known)
    return { source: known }
  })
}

function redisOptions(config: Checked<'redis'>) {
  const { path, host = 'localhost', port = 6379, db = 0, password, family, protocol, clientName } = config
  const place = path === undefined ? { host, port } : { path }
  return {
    ...place,
    db,
    ...withoutUndefined({ password: given(password), family, protocol, clientName }),
    ...serverOptions(config),
  }
}

function memcachedOptions(config: Checked<'memcached'>) {
  const { servers = ['127.0.0.1:11211'] } = config
  const password = withoutUndefined({ password: given(config.password) })
  return { servers: servers.map(memcachedServerOptions), ...password, ...serverOptions(config) }
}

function memcachedServerOptions(server: string | MemcachedServerConfig) {
  const { host, port, path, weight, tls } = memcachedAddress(server)
  return withoutUndefined({ host, port, path, weight, tls: tlsOptions(tls) })
}

function serverOptions(config: Checked<'redis' | 'memcached'>) {
  const { username, tls, timeout, breaker, maxInFlightBytes } = config
  return withoutUndefined({
    username,
    tls: tlsOptions(tls),
    timeout,
    breaker: typeof breaker === 'object' ? breakerOptions(breaker) : breaker,
    maxInFlightBytes: maxInFlightBytes === undefined ? undefined : parseBytes(maxInFlightBytes),
  })
}

/** A password that is empty is none. */
function given<P>(password: P): P | undefined {
  return password === '' ? undefined : password
}

function tlsOptions(tls: boolean | TlsConfig | undefined) {
  if (typeof tls !== 'object') return tls
  const { ca, ...rest } = tls
  return withoutUndefined({ ...rest, ca: typeof ca === 'object' ? [...ca] : ca })
}

function breakerOptions({ failures, minDelay, maxDelay }: Exclude<CheckedConfig['breaker'], false | undefined>) {
  return withoutUndefined({
    failures,
    minDelay: minDelay === undefined ? undefined : milliseconds(minDelay, 'breaker.minDelay'),
    maxDelay: maxDelay === undefined ? undefined : milliseconds(maxDelay, 'breaker.maxDelay'),
  })
}
