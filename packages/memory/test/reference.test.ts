import { cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'

const open = () => cacheOver(new MemoryStore({ isolation: 'reference', maxEntries: 100 }), { namespace: 'shop' })

test('a cache by reference hands the very value to every caller', async () => {
  const cache = open()
  const value = { run: () => 1 }
  await cache.set('k', value)
  expect(await cache.get('k')).toBe(value)
  expect((await cache.getMany(['k'])).get('k')).toBe(value)
  expect((await cache.getEntry('k'))?.value).toBe(value)
  const loaded = await Promise.all([cache.getOrSet('l', () => value), cache.getOrSet('l', () => value)])
  expect(loaded[0]).toBe(value)
  expect(loaded[1]).toBe(value)
  expect(await cache.take('l')).toBe(value)
})

test('null, text and bytes are values by reference as well, and undefined is refused', async () => {
  const cache = open()
  const bytes = Buffer.from('b')
  await cache.setMany([
    ['null', null],
    ['text', ''],
    ['bytes', bytes],
  ])
  expect([...(await cache.getMany(['null', 'text', 'bytes'])).values()]).toEqual([null, '', bytes])
  expect(await cache.get('bytes')).toBe(bytes)
  expect(await cache.append('text', 'a')).toBe(true)
  expect(await cache.get('text')).toBe('a')
  await expect(cache.set('k', undefined)).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_ARGUMENT' })
})

test('counters, conditions and versions work by reference', async () => {
  const cache = open()
  expect(await cache.increment('n', 5)).toBe(5)
  expect(await cache.get('n')).toBe(5)
  await cache.set('text', '41')
  await expect(cache.increment('text')).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_A_COUNTER' })
  expect(await cache.add('n', 1)).toBe(false)
  const list: number[] = []
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => cache.update('list', (old = list) => [...(old as number[]), i])),
  )
  expect(await cache.get('list')).toHaveLength(10)
  expect(list).toEqual([])
  expect(cache.stats().errors).toBe(0)
})
