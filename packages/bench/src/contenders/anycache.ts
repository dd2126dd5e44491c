import { createCache } from 'anycache'
import type { Contender, Opening } from '../contender.js'

/** Under a namespace, as in the README, with its defaults except the timeout, which is that of the raw clients' rows. */
export async function open(backend: 'memory' | 'redis' | 'memcached', { port }: Opening): Promise<Contender> {
  return over(`${backend}://${backend === 'memory' ? '' : `127.0.0.1:${port}`}?namespace=bench&timeout=10s`)
}

/** In memory with `isolation: 'reference'`. */
export async function openByReference(): Promise<Contender> {
  return over('memory://?namespace=bench&isolation=reference')
}

async function over(url: string): Promise<Contender> {
  const cache = await createCache(url)
  return {
    get: key => cache.get(key),
    set: (key, value) => cache.set(key, value),
    getMany: keys => cache.getMany(keys),
    getOrSet: (key, load) => cache.getOrSet(key, load),
    tagged: {
      set: (key, value, tags) => cache.set(key, value, { tags }),
      getOrSet: (key, load, tags) => cache.getOrSet(key, load, { tags }),
      invalidate: tag => cache.invalidateTags(tag),
    },
    close: () => cache.close(),
  }
}
