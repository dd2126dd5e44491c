import { describeCache } from '@anycache/conformance'
import { startRedis } from '@anycache/testing/redis'
import { afterAll } from 'vitest'
import { RedisStore } from '../src/index.js'

const server = await startRedis()
afterAll(() => server.stop())

describeCache('redis', { store: () => new RedisStore({ url: server.url }), mayFlush: true })
