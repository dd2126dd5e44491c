import { Redis } from 'ioredis6'
import type { Contender, Opening } from '../contender.js'
import { codecOf } from './codec.js'

/** The raw client with its defaults. */
export async function open({ port, payload }: Opening): Promise<Contender> {
  const { stringify, parse } = codecOf(payload)
  const client = new Redis({ port, host: '127.0.0.1' })
  const get = async (key: string): Promise<unknown> => {
    const text = await client.get(key)
    return text === null ? undefined : parse(text)
  }
  return {
    // Text needs no conversion: the row is the raw client.
    get: payload === 'text' ? key => client.get(key) : get,
    set: (key, value) => client.set(key, stringify(value)),
    getMany: keys => client.mget(keys),
    async getOrSet(key, load) {
      const found = await get(key)
      if (found !== undefined) return found
      const loaded = await load()
      await client.set(key, stringify(loaded))
      return loaded
    },
    close: () => client.quit(),
  }
}
