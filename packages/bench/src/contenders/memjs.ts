import { createRequire } from 'node:module'
import type { Contender, Opening } from '../contender.js'
import { codecOf } from './codec.js'

/** memjs as an application calls it; the package is CommonJS and brings no types. */
interface Client {
  get(key: string): Promise<{ value: Buffer | null }>
  set(key: string, value: string, options: object): Promise<boolean>
  close(): void
}

const require = createRequire(import.meta.url)
const memjs = require('memjs') as { Client: { create(servers: string, options: object): Client } }

/**
 * The raw client with its defaults, except its timeout: with 51 200 requests in flight (`getMany` at 512, which memjs has to
 * send one by one) the default of half a second passes before the first answer is read.
 */
export async function open({ port, payload }: Opening): Promise<Contender> {
  const { stringify, parse } = codecOf(payload)
  const client = memjs.Client.create(`127.0.0.1:${port}`, { timeout: 10 })
  const get = async (key: string): Promise<unknown> => {
    const { value } = await client.get(key)
    return value === null ? undefined : parse(value.toString())
  }
  return {
    get,
    set: (key, value) => client.set(key, stringify(value), {}),
    getMany: keys => Promise.all(keys.map(get)),
    async getOrSet(key, load) {
      const found = await get(key)
      if (found !== undefined) return found
      const loaded = await load()
      await client.set(key, stringify(loaded), {})
      return loaded
    },
    close: () => client.close(),
  }
}
