import { cacheOver } from '@anycache/core'
import { expect, test } from 'vitest'
import { commandCounts, server, store, until } from './opened.js'

test('ten thousand tagged entries leave one key for each tag, once they have expired', async () => {
  const redis = await server()
  const cache = cacheOver(store({ host: '127.0.0.1', port: redis.port }), { namespace: 'shop', timeout: '10s' })
  const entries = Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i] as const)
  for (let from = 0; from < entries.length; from += 1000) {
    const tags = [`t${(from / 1000) % 3}`, 'all']
    expect(await cache.setMany(entries.slice(from, from + 1000), { ttl: 2000, tags })).toEqual([])
  }
  await cache.invalidateTags(['t0', 'all', 'never used'])
  const kept = ['~tag-epoch:epoch', '~tags:all', '~tags:never used', '~tags:t0', '~tags:t1', '~tags:t2']
  // Redis counts what has expired until it comes across it.
  await cache.getMany(entries.map(([key]) => key))
  await until(async () => expect(await redis.command('DBSIZE')).toBe(kept.length))
  expect(((await redis.command('KEYS', '*')) as string[]).sort()).toEqual(kept.map(key => `shop/${key}`))
  await cache.close()
})

test('a tagged read is two commands, however many entries it reads together; a tagged write two', async () => {
  const redis = await server()
  const cache = cacheOver(store({ host: '127.0.0.1', port: redis.port }), { namespace: 'shop', timeout: '10s' })
  const keys = Array.from({ length: 500 }, (_, i) => `k${i}`)
  await cache.setMany(
    keys.map(key => [key, 1]),
    { tags: ['a', 'b'] },
  )
  const counted = async (run: () => Promise<unknown>): Promise<Record<string, number>> => {
    await redis.command('CONFIG', 'RESETSTAT')
    await run()
    const { 'config|resetstat': _, info: __, ...counts } = await commandCounts(redis)
    return counts
  }
  expect(await counted(() => cache.getMany(keys))).toEqual({ mget: 2 })
  expect(await counted(() => Promise.all(keys.map(key => cache.get(key))))).toEqual({ mget: 2 })
  expect(await counted(() => cache.set('k0', 1, { tags: ['a', 'b'] }))).toEqual({ mget: 1, set: 1 })
  expect(await counted(() => cache.set('k0', 1))).toEqual({ set: 1 })
  expect(await counted(() => cache.invalidateTags(['a', 'b']))).toEqual({ set: 3 })
  await cache.close()
})
