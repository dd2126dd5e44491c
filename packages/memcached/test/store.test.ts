import { describeStore } from '@anycache/conformance'
import { startMemcached } from '@anycache/testing/memcached'
import { afterAll } from 'vitest'
import { MemcachedStore } from '../src/index.js'

const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached(), startMemcached()])
afterAll(() => Promise.all(servers.map(server => server.stop())))
const [first, ...others] = servers.map(({ port }) => `127.0.0.1:${port}`)

describeStore('memcached on one server', {
  store: () => new MemcachedStore({ servers: [first as string] }),
  mayFlush: true,
})
describeStore('memcached on three servers', {
  store: () => new MemcachedStore({ servers: others }),
  mayFlush: true,
})
