import { fakeClock } from '@anycache/conformance/testing'
import { cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'

test('ten thousand tagged entries leave one key for each tag, once they have expired', async () => {
  const clock = fakeClock()
  const store = new MemoryStore({ clock })
  const cache = cacheOver(store, { namespace: 'shop' })
  const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}`)
  for (const [i, key] of keys.entries()) await cache.set(key, i, { ttl: 1000, tags: [`t${i % 3}`, 'all'] })
  await cache.invalidateTags(['t0', 'all', 'never used'])
  clock.advance(1000)
  // Each look drops what has expired.
  expect(await cache.getMany(keys)).toEqual(new Map())
  expect([...store.client.keys()].sort()).toEqual(
    ['~tag-epoch:epoch', '~tags:all', '~tags:never used', '~tags:t0', '~tags:t1', '~tags:t2'].map(key => `shop/${key}`),
  )
})

test('values are kept by reference under tags, too', async () => {
  const store = new MemoryStore({ isolation: 'reference' })
  const cache = cacheOver(store, { namespace: 'shop' })
  const value = { run: () => 1 }
  await cache.set('k', value, { tags: 't' })
  expect(await cache.get('k')).toBe(value)
  await cache.invalidateTags('t')
  expect(await cache.get('k')).toBeUndefined()
})
