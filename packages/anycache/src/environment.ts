import { ConfigError } from '@anycache/core'

/** Where a config came from, as `info().source` and errors name it. */
export type Source = 'argument' | 'default' | 'CACHE_URL' | 'REDIS_URL' | 'MEMCACHE_SERVERS' | 'MEMCACHIER_SERVERS'

/** A config before any check, and where it came from. */
export interface Found {
  readonly source: Source
  readonly config: unknown
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * What the environment says: `CACHE_URL`, else `REDIS_URL` or the memcached variables, else memory. A variable that is empty
 * counts as not set. Throws `ConfigError` where two servers are named, and in production where none is.
 */
export function configFromEnvironment(env: Variables): Found {
  if (env.CACHE_URL) return { source: 'CACHE_URL', config: env.CACHE_URL }
  const named = (['REDIS_URL', 'MEMCACHE_SERVERS', 'MEMCACHIER_SERVERS'] as const).filter(name => env[name])
  if (named.length > 1) {
    throw new ConfigError(
      `${named.join(' and ')} are set, but a cache has one backend; unset the others, or set CACHE_URL to the one you want`,
    )
  }
  const [source] = named
  if (source === 'REDIS_URL') return { source, config: { driver: 'redis', url: env.REDIS_URL } }
  if (source === 'MEMCACHE_SERVERS') {
    return { source, config: memcached(env.MEMCACHE_SERVERS, env.MEMCACHE_USERNAME, env.MEMCACHE_PASSWORD) }
  }
  if (source === 'MEMCACHIER_SERVERS') {
    return { source, config: memcached(env.MEMCACHIER_SERVERS, env.MEMCACHIER_USERNAME, env.MEMCACHIER_PASSWORD) }
  }
  if (env.NODE_ENV === 'production') {
    throw new ConfigError(
      'NODE_ENV is production and no cache is configured; set CACHE_URL (redis://host:6379, memcached://host:11211), ' +
        'REDIS_URL or MEMCACHE_SERVERS, or set CACHE_URL=memory:// to give each process its own cache',
    )
  }
  return { source: 'default', config: { driver: 'memory' } }
}

function memcached(servers = '', username: string | undefined, password: string | undefined): object {
  return {
    driver: 'memcached',
    servers: servers.split(/[\s,]+/).filter(server => server !== ''),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  }
}
