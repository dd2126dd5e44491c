import { startMemcached } from '../servers/memcached.js'
import { startRedis } from '../servers/redis.js'
import type { TestServer } from '../servers/test-server.js'

/** Every backend by name, and how to start its server. */
export const backends: readonly [string, (() => Promise<TestServer>) | undefined][] = [
  ['memory', undefined],
  ['redis', startRedis],
  ['memcached', startMemcached],
]
