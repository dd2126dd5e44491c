import { type Cache, ConfigError } from '@anycache/core'
import type { CacheConfig } from './config.js'
import { configFromEnvironment } from './environment.js'
import { configError } from './problems.js'

/**
 * Opens a cache by a URL, a config object, or the environment: `CACHE_URL`, else `REDIS_URL`, `MEMCACHE_SERVERS` or
 * `MEMCACHIER_SERVERS`, else memory (in production: refused). Rejects with one `ConfigError` that lists every problem.
 * It does not connect, so it cannot fail because a server is down; `await cache.ping()` connects. Only the chosen driver's packages are loaded.
 */
export async function createCache(config?: string | CacheConfig): Promise<Cache>
export async function createCache(config?: string | CacheConfig, ...more: unknown[]): Promise<Cache> {
  // Other libraries take options as a second argument. `urls.map(createCache)` passes an index there, which is harmless.
  if (typeof more[0] === 'object' && more[0] !== null) {
    throw new ConfigError(
      'createCache takes one argument; pass options together with the URL: createCache({ url, namespace, ttl })',
    )
  }
  const found = config === undefined ? configFromEnvironment(process.env) : ({ source: 'argument', config } as const)
  // zod costs some 80 ms to load, and is needed only here.
  const { resolveConfig } = await import('./resolve-config.js')
  const resolved = resolveConfig(found.config)
  if ('problems' in resolved) throw configError(found.source, resolved.problems)
  const { openCaches } = await import('./open-cache.js')
  const [cache] = await openCaches([resolved.config], found.source)
  return cache as Cache
}
