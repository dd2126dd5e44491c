import { type Cache, cacheOver } from '@anycache/core'
import { beforeEach, expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

const keys = Array.from({ length: 6000 }, (_, i) => `k${i}`)

let store: IllStore
let cache: Cache

beforeEach(async () => {
  store = new IllStore()
  cache = cacheOver(store, { namespace: 'shop', timeout: '300ms' })
  // Six chunks, two at a time: the batch takes longer than the timeout, each chunk less.
  store.slowness = verb => (verb === 'writeMany' ? new Promise<void>(resolve => setTimeout(resolve, 200)) : undefined)
})

test('a large batch behind one of the same keys waits for it, longer than the timeout', async () => {
  const [unset, found, deleted] = await Promise.all([
    cache.setMany(keys.map(key => [key, 1])),
    cache.getMany(keys),
    cache.deleteMany(keys),
  ])
  expect(unset).toEqual([])
  expect([...found.keys()]).toEqual(keys)
  expect(deleted).toBe(keys.length)
  expect(cache.stats().errors).toBe(0)
})

test('a small batch behind a large one waits for its own keys only, and no longer than its deadline', async () => {
  const set = cache.setMany(keys.map(key => [key, 1]))
  const [first, last] = await Promise.all([cache.getMany(['k0', 'k1']), cache.getMany(['k5998', 'k5999'])])
  expect(first.size).toBe(2)
  expect(last.size).toBe(0)
  expect(cache.stats()).toMatchObject({ errors: 1, outageMisses: 2 })
  expect(await set).toEqual([])
})

test('a large batch that is encoded late keeps its place behind another', async () => {
  const text = 'text '.repeat(20_000)
  const calls = [
    cache.setMany(keys.map(key => [key, 1])),
    // Compressed in the thread pool.
    cache.setMany(keys.map((key, i) => [key, i === 3000 ? text : 2])),
    cache.getMany(keys),
    cache.setMany(keys.map(key => [key, 3])),
  ]
  const found = (await Promise.all(calls))[2] as Map<string, unknown>
  expect(found.get('k3000')).toBe(text)
  expect(new Set(found.values())).toEqual(new Set([2, text]))
  expect(await cache.get('k3000')).toBe(3)
  expect(cache.stats().errors).toBe(0)
})
