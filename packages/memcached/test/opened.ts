import { onTestFinished } from 'vitest'
import {
  type MemcachedServer,
  type MemcachedOptions as ServerOptions,
  startMemcached,
} from '../../../test/servers/memcached.js'
import { closing } from '../../../test/stores/opened.js'
import { type MemcachedOptions, MemcachedStore } from '../src/index.js'

export { anySpace, proxy, read, text, within } from '../../../test/stores/opened.js'

/** A memcached that ends with the test. */
export async function server(options?: ServerOptions): Promise<MemcachedServer> {
  const started = await startMemcached(options)
  onTestFinished(() => started.stop())
  return started
}

/** A store that closes with the test. */
export function store(options: MemcachedOptions): MemcachedStore {
  return closing(new MemcachedStore(options))
}

export function storeOf(...servers: readonly { port: number }[]): MemcachedStore {
  return store({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) })
}
