import { type Cache, type CacheOptions, cacheOver, type Store } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import type { CheckedConfig } from './schema.js'
import { withoutUndefined } from './without-undefined.js'

/** The cache of a config, over its store. */
export function openCache(store: Store, config: CheckedConfig, source: string): Cache {
  const { namespace, ttl, jitter, timeout, onError, serializer, maxValueBytes, allowFlush, name } = config
  const options = withoutUndefined({
    ...{
      namespace,
      ttl,
      jitter,
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
