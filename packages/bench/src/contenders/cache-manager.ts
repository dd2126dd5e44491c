import { createCache } from 'cache-manager'
import type { Contender, Opening } from '../contender.js'
import { keyvOver } from './keyv.js'

/** cache-manager over one Keyv. */
export async function open(
  backend: 'memory' | 'reference' | 'redis' | 'memcached',
  opening: Opening,
): Promise<Contender> {
  const cache = createCache({ stores: [keyvOver(backend, opening)] })
  const fail = ({ error }: { error?: unknown }): void => {
    if (error !== undefined) throw error
  }
  cache.on('get', fail)
  cache.on('set', fail)
  cache.on('mget', fail)
  return {
    get: key => cache.get(key),
    set: (key, value) => cache.set(key, value),
    getMany: keys => cache.mget(keys),
    getOrSet: (key, load) => cache.wrap(key, async () => load()),
    close: () => cache.disconnect(),
  }
}
