import KeyvMemcache from '@keyv/memcache'
import KeyvRedis from '@keyv/redis'
import { Keyv } from 'keyv'
import type { Contender, Opening } from '../contender.js'

/** Keyv over a backend, opened as in its README and the adapters'; by reference, it does not parse objects in memory. */
export function keyvOver(backend: 'memory' | 'reference' | 'redis' | 'memcached', { port }: Opening): Keyv {
  switch (backend) {
    case 'memory':
      return new Keyv()
    case 'reference': {
      const keyv = new Keyv()
      // Keyv's README says to do this to disable serialization.
      keyv.serialize = undefined
      keyv.deserialize = undefined
      return keyv
    }
    case 'redis':
      return new Keyv(new KeyvRedis(`redis://127.0.0.1:${port}`))
    case 'memcached':
      // The same longer timeout as in the raw memjs row.
      return new Keyv({ store: new KeyvMemcache(`127.0.0.1:${port}`, { timeout: 10 }) })
  }
}

export async function open(
  backend: 'memory' | 'reference' | 'redis' | 'memcached',
  opening: Opening,
): Promise<Contender> {
  const keyv = keyvOver(backend, opening)
  keyv.on('error', error => {
    throw error
  })
  const get = (key: string): Promise<unknown> => keyv.get(key)
  return {
    get,
    set: (key, value) => keyv.set(key, value),
    getMany: keys => keyv.getMany(keys),
    async getOrSet(key, load) {
      const found = await get(key)
      if (found !== undefined) return found
      const loaded = await load()
      await keyv.set(key, loaded)
      return loaded
    },
    close: () => keyv.disconnect(),
  }
}
