import { createCache } from 'anycache'
import { expect, test } from 'vitest'
import { NullStore } from '../src/null-store.js'

test('the null driver accepts every write and holds none', async () => {
  await using cache = await createCache('null://?namespace=shop')
  expect(await cache.set('a', 1)).toBe(true)
  expect(await cache.get('a')).toBeUndefined()
  expect(await cache.setMany([['a', 1]])).toEqual([])
  expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
  expect(await cache.getEntry('a')).toBeUndefined()
  expect(await cache.has('a')).toBe(false)
  expect(await cache.add('a', 1)).toBe(true)
  expect(await cache.add('a', 1)).toBe(true)
  expect(await cache.replace('a', 2)).toBe(false)
  expect(await cache.update('a', () => 5)).toBe(5)
  expect(await cache.append('a', 'x')).toBe(false)
  expect(await cache.touch('a', '1m')).toBe(false)
  expect(await cache.take('a')).toBeUndefined()
  expect(await cache.delete('a')).toBe(false)
  expect(await cache.deleteMany(['a', 'b'])).toBe(0)
  await cache.clear()
  await cache.ping()
  expect(await cache.serverStats()).toEqual([])
  for await (const key of cache.keys()) expect.unreachable(key)
  expect(await cache.keyFor('a')).toBe('shop:a')
})

test('the null driver counts from the start each time', async () => {
  await using cache = await createCache('null://')
  expect(await cache.increment('a', 5)).toBe(5)
  expect(await cache.increment('a', 5)).toBe(5)
  expect(await cache.increment('a', 1, { initial: 10 })).toBe(11)
  expect(await cache.decrement('a', 1)).toBe(0)
  expect(await cache.increment('a', 1, { create: false })).toBeUndefined()
  await expect(cache.increment('a', 1, { initial: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject({
    code: 'ERR_CACHE_COUNTER_RANGE',
  })
})

test('the null driver lets every claim win, and what the claimant stores then finds its lease gone', () => {
  const store = new NullStore()
  const space = store.space(['shop'])
  const { won } = space.claim('a', { flags: 8192, data: 'me' }, 1000, { deadline: 0 }) as { won: never }
  expect(space.claim('a', { flags: 8192, data: 'you' }, 1000, { deadline: 0 })).toHaveProperty('won')
  const write = { key: 'a', item: { flags: 0, data: 'v' }, ttl: 1000, when: { casToken: won } }
  expect(space.write(write, { deadline: 0 })).toEqual({ outcome: 'missing' })
  expect(space.remove('a', won, { deadline: 0 })).toBe(false)
  expect(store.limits).toMatchObject({ clear: true, remote: false, shared: false })
})

test('the null driver loads every time', async () => {
  await using cache = await createCache('null://')
  let loads = 0
  for (let i = 0; i < 3; i++) await cache.getOrSet('a', () => ++loads)
  expect(loads).toBe(3)
})

test('the null driver refuses what no cache accepts', async () => {
  await using cache = await createCache('null://')
  await expect(cache.set('', 1)).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_ARGUMENT' })
  await expect(cache.set('a', () => 1)).rejects.toMatchObject({ code: 'ERR_CACHE_SERIALIZATION' })
  await expect(cache.set('a', 1, { ttl: 0 })).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_ARGUMENT' })
})
