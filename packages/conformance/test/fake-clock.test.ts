import { fakeClock } from '@anycache/conformance/testing'
import { cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'

test('moves only when a test moves it, and a memory store expires by it', async () => {
  const clock = fakeClock(1_767_225_600_000)
  const cache = cacheOver(new MemoryStore({ clock }), { ttl: '5m' })
  await cache.set('k', 'v')
  clock.advance('299s')
  expect(await cache.get('k')).toBe('v')
  clock.advance(1000)
  expect(await cache.get('k')).toBeUndefined()
  expect(clock.now()).toBe(1_767_225_600_000 + 300_000)
})

test('starts at 0 and never goes back', () => {
  const clock = fakeClock()
  expect(clock.now()).toBe(0)
  for (const by of [0, -1, Number.NaN, 'a while' as '1s', Number.POSITIVE_INFINITY]) {
    expect(() => clock.advance(by)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
  }
  expect(clock.now()).toBe(0)
  expect(() => fakeClock(Number.NaN)).toThrow(/number of ms/)
})
