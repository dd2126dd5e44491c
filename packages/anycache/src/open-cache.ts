import { type Cache, type CacheOptions, cacheOver, type Store } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import type { CheckedConfig } from './schema.js'
import { StorePool } from './store-pool.js'
import { withoutUndefined } from './without-undefined.js'

/**
 * Opens the cache of each config, loading only the drivers that they name. Caches of the same servers, reached in the same way, stand over
 * one store, which the last of them to be closed closes.
 */
export async function openCaches(configs: readonly CheckedConfig[], source: string): Promise<Cache[]> {
  const pool = new StorePool(configs)
  const caches: Cache[] = []
  try {
    for (const config of configs) caches.push(openCache(await pool.acquire(config), config, source))
    return caches
  } catch (error) {
    await Promise.allSettled(caches.map(cache => cache.close()))
    throw error
  } finally {
    await pool.release()
  }
}

function openCache(store: Store, config: CheckedConfig, source: string): Cache {
  const { namespace, ttl, jitter, readThrough, timeout, onError, serializer, maxValueBytes, allowFlush, name } = config
  const options = withoutUndefined({
    ...{
      namespace,
      ttl,
      jitter,
      readThrough,
      timeout,
      onError,
      serializer,
      allowFlush,
      name,
      source,
      keyspace: keyspaceOf(store, config),
    },
    maxValueBytes: maxValueBytes === undefined ? undefined : parseBytes(maxValueBytes),
  })
  return cacheOver(store, options as CacheOptions)
}

/** What the entries of a config's store are known by in this process: two caches opened on one server see the same ones. */
function keyspaceOf(store: Store, config: CheckedConfig): string | undefined {
  if (!store.limits.shared) return undefined
  return `${config.driver}://${store.servers.join(',')}/${config.driver === 'redis' ? (config.db ?? 0) : ''}`
}
