import { cacheOver } from '@anycache/core'
import { expect, test } from 'vitest'
import { server, storeOf } from './opened.js'

const options = { namespace: 'shop', timeout: '10s', onError: 'throw' } as const

test('a server that keeps no versions has tags all the same', async () => {
  const one = await server({ args: ['-C'] })
  // Whether it keeps versions is known only once it has answered.
  for (const tags of ['first', 'second']) {
    const cache = cacheOver(storeOf(one), options)
    await Promise.all([cache.set('a', 1, { tags }), cache.set('b', 2, { tags })])
    await cache.set('c', 3, { tags })
    expect(await cache.touch('c', '1h')).toBe(true)
    expect(await cache.get('c')).toBe(3)
    await cache.invalidateTags(tags)
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(new Map())
  }
})

test('what a full server has evicted is a miss and never comes back, tags and entries alike', async () => {
  const one = await server({ args: ['-m', '4'] })
  const cache = cacheOver(storeOf(one), options)
  const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
  for (const key of keys) await cache.set(key, key, { tags: [`tag of ${key}`, 'all'] })
  // More than it holds, of the size of a version and of the size of an entry.
  for (let round = 0; round < 12; round++) {
    const filling = Array.from({ length: 10_000 }, (_, i) => [`filling ${round} ${i}`, 'x'.repeat(i % 100)] as const)
    await cache.setMany(filling)
  }
  const kept = await cache.getMany(keys)
  expect(kept.size).toBeLessThan(keys.length)
  // Their tags are used again, and their versions made again.
  await cache.setMany(
    keys.map(key => [`other ${key}`, key]),
    { tags: 'all' },
  )
  for (const key of keys) await cache.set(`new ${key}`, key, { tags: `tag of ${key}` })
  const now = await cache.getMany(keys)
  expect([...now.keys()].filter(key => !kept.has(key))).toEqual([])
  await cache.invalidateTags('all')
  expect(await cache.getMany(keys)).toEqual(new Map())
})
