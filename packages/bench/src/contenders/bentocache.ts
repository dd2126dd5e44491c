import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisDriver } from 'bentocache/drivers/redis'
import type { Contender, Opening } from '../contender.js'

/** One layer: its memory driver, or Redis alone. It has no driver for memcached. */
export async function open(backend: 'memory' | 'reference' | 'redis', { port }: Opening): Promise<Contender> {
  const cache = bentostore()
  if (backend === 'redis') cache.useL2Layer(redisDriver({ connection: { host: '127.0.0.1', port } }))
  else cache.useL1Layer(memoryDriver({ maxItems: 10_000, serialize: backend === 'memory' }))
  // Its entries expire after 30 s by default, less than a run takes.
  const bento = new BentoCache({ default: 'cache', stores: { cache }, ttl: '1d' })
  const get = (key: string): Promise<unknown> => bento.get({ key })
  return {
    get,
    set: (key, value) => bento.set({ key, value }),
    getMany: keys => Promise.all(keys.map(get)),
    getOrSet: (key, load) => bento.getOrSet({ key, factory: load }),
    tagged: {
      set: (key, value, tags) => bento.set({ key, value, tags }),
      getOrSet: (key, load, tags) => bento.getOrSet({ key, factory: load, tags }),
      invalidate: tag => bento.deleteByTag({ tags: [tag] }),
    },
    close: () => bento.disconnectAll(),
  }
}
