import { type Cache, type CacheOptions, cacheOver, type Store } from '@anycache/core'
import { parseBytes } from '@anycache/serializer'
import { said } from './said.js'
import type { CheckedConfig } from './schema.js'

/** The cache of a config, over its store. */
export function openCache(store: Store, config: CheckedConfig, source: string): Cache {
  const { namespace, ttl, jitter, timeout, onError, serializer, maxValueBytes, allowFlush, name } = config
  const options = said({
    ...{ namespace, ttl, jitter, timeout, onError, serializer, allowFlush, name, source },
    maxValueBytes: maxValueBytes === undefined ? undefined : parseBytes(maxValueBytes),
  })
  return cacheOver(store, options as CacheOptions)
}
