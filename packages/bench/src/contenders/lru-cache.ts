import { LRUCache } from 'lru-cache'
import type { Contender, Opening } from '../contender.js'
import { type Codec, codecOf } from './codec.js'

/** The raw library, bounded as our memory store is by default. Objects are held as JSON, so that every read gives a copy. */
export async function open({ payload }: Opening): Promise<Contender> {
  return over(codecOf(payload))
}

/** The raw library, which returns the same object it was given. */
export async function openByReference(): Promise<Contender> {
  return over(undefined)
}

function over(codec: Codec | undefined): Contender {
  const cache = new LRUCache<string, object | string>({ max: 10_000 })
  const get = (key: string): unknown => {
    const held = cache.get(key)
    return held === undefined || codec === undefined ? held : codec.parse(held as string)
  }
  const set = (key: string, value: unknown): unknown =>
    cache.set(key, codec === undefined ? (value as object) : codec.stringify(value))
  return {
    get,
    set,
    getMany: keys => keys.map(get),
    async getOrSet(key, load) {
      const found = get(key)
      if (found !== undefined) return found
      const loaded = await load()
      set(key, loaded)
      return loaded
    },
    close: () => cache.clear(),
  }
}
