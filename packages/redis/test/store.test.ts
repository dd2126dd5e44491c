import { describeStore } from '@anycache/conformance'
import { afterAll } from 'vitest'
import { startRedis } from '../../../test/servers/redis.js'
import { RedisStore } from '../src/index.js'

const server = await startRedis()
afterAll(() => server.stop())

describeStore('redis', { store: () => new RedisStore({ url: server.url }), mayFlush: true })
