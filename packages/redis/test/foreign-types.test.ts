import { cacheOver } from '@anycache/core'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RedisStore } from '../src/index.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

test('a list under the key is a miss to reads, present to add, and an error to update instead of a fight', async () => {
  await using cache = cacheOver(new RedisStore({ port: server.port }), { timeout: '5s' })
  await server.command('LPUSH', 'k', 'a')
  expect(await cache.get('k')).toBeUndefined()
  expect(await cache.getMany(['k'])).toEqual(new Map())
  expect(await cache.add('k', 1)).toBe(false)
  await expect(cache.increment('k')).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_A_COUNTER' })
  await expect(cache.update('k', () => 1)).rejects.toMatchObject({
    code: 'ERR_CACHE_CONFLICT',
    message: expect.stringMatching(/reads as a miss but is taken/),
  })
  expect(await cache.getOrSet('k', () => 'mine')).toBe('mine')
  expect(await cache.get('k')).toBe('mine')
})
