import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { type FaultProxy, startProxy } from '@anycache/testing/proxy'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { type Cache, createCache } from 'anycache'

/** The servers of one backend, each behind a proxy that can fail. */
export interface Bench {
  readonly servers: readonly (RedisServer | MemcachedServer)[]
  readonly proxies: readonly FaultProxy[]
  /** A cache through the proxies, with its own connections; all caches of a bench share one namespace. */
  open(options?: Record<string, unknown>): Promise<Cache>
  /** A cache next to the proxies, as another process has it whose way to the servers is whole: its loads are its own. */
  beside(options?: Record<string, unknown>): Promise<Cache>
  close(): Promise<void>
}

let namespaces = 0

async function bench(
  servers: readonly (RedisServer | MemcachedServer)[],
  config: (ports: readonly number[]) => Record<string, unknown>,
): Promise<Bench> {
  const proxies = await Promise.all(servers.map(server => startProxy({ port: server.port })))
  const caches: Cache[] = []
  const namespace = `faults${++namespaces}`
  const openOver = async (
    wires: readonly { readonly port: number }[],
    options: Record<string, unknown> | undefined,
  ): Promise<Cache> => {
    const cache = await createCache({ namespace, ...config(wires.map(({ port }) => port)), ...options } as never)
    caches.push(cache)
    return cache
  }
  return {
    servers,
    proxies,
    open: options => openOver(proxies, options),
    beside: options => openOver(servers, options),
    async close() {
      await Promise.all(caches.map(cache => cache.close()))
      await Promise.all(proxies.map(proxy => proxy.close()))
      await Promise.all(servers.map(server => server.stop()))
    },
  }
}

const onMemcached = (ports: readonly number[]): Record<string, unknown> => ({
  driver: 'memcached',
  servers: ports.map(port => `127.0.0.1:${port}`),
})

/** Every backend that has a server, by name; `large`: for values of several megabytes. */
export const backends: readonly [name: string, start: (size?: 'large') => Promise<Bench>][] = [
  ['redis', async () => bench([await startRedis()], ([port]) => ({ driver: 'redis', host: '127.0.0.1', port }))],
  ['memcached', async size => bench([await memcached(size)], onMemcached)],
  [
    'three memcacheds',
    async size => bench(await Promise.all([memcached(size), memcached(size), memcached(size)]), onMemcached),
  ],
]

function memcached(size: 'large' | undefined): Promise<MemcachedServer> {
  return startMemcached(size === 'large' ? { args: ['-I', '8m', '-m', '256'] } : {})
}
