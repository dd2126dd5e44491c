import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import type { TestServer } from '@anycache/testing/test-server'

/** Every backend by name, and how to start its server. */
export const backends: readonly [string, (() => Promise<TestServer>) | undefined][] = [
  ['memory', undefined],
  ['redis', startRedis],
  ['memcached', startMemcached],
]
