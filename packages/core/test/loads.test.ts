import { type Cache, cacheOver, type LoadOutcome } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { beforeEach, expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

let cache: Cache

beforeEach(() => {
  cache = cacheOver(new MemoryStore())
})

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

test('a loader that asks for its own key is not made to wait for itself', async () => {
  const value = await cache.getOrSet('k', () => cache.getOrSet('k', async () => 'inner'))
  expect(value).toBe('inner')
})

test('two loaders that need each other both end', async () => {
  const both = gate()
  const first = cache.getOrSet('a', async () => {
    await both.opened
    return `a(${await cache.getOrSet('b', () => 'plain b')})`
  })
  const second = cache.getOrSet('b', async () => {
    await both.opened
    return `b(${await cache.getOrSet('a', () => 'plain a')})`
  })
  both.open()
  expect(await Promise.all([first, second])).toEqual(['a(b(plain a))', 'b(plain a)'])
})

test('a loader that invalidates its own key in its first step is not stored', async () => {
  await cache.getOrSet('k', () => {
    void cache.delete('k')
    return 'stale'
  })
  expect(await cache.get('k')).toBeUndefined()
})

test('a caller that comes after an invalidation gets a new load, and the older result is never stored', async () => {
  const slow = gate()
  const older = cache.getOrSet('k', async () => {
    await slow.opened
    return 'older'
  })
  await cache.delete('k')
  expect(await cache.getOrSet('k', () => 'newer')).toBe('newer')
  slow.open()
  expect(await older).toBe('older')
  expect(await cache.get('k')).toBe('newer')
})

test.each([
  ['set', (c: Cache) => c.set('k', 'written')],
  ['setMany', (c: Cache) => c.setMany([['k', 'written']])],
  ['add', (c: Cache) => c.add('k', 'written')],
  ['update', (c: Cache) => c.update('k', () => 'written')],
])('a %s during a load is not undone by it', async (_verb, write) => {
  const slow = gate()
  const load = cache.getOrSet('k', async () => {
    await slow.opened
    return 'loaded'
  })
  await write(cache)
  slow.open()
  expect(await load).toBe('loaded')
  expect(await cache.get('k')).toBe('written')
})

test('clear of a namespace supersedes the loads in those nested in it, and no others', async () => {
  const shop = cacheOver(new MemoryStore(), { namespace: 'shop' })
  const carts = shop.namespace('carts')
  const other = cacheOver(new MemoryStore(), { namespace: 'shops' })
  const slow = gate()
  const loads = [shop, carts, other].map(one =>
    one.getOrSet('k', async () => {
      await slow.opened
      return 1
    }),
  )
  await shop.clear()
  slow.open()
  await Promise.all(loads)
  expect([await shop.has('k'), await carts.has('k'), await other.has('k')]).toEqual([false, false, true])
})

test('force joins the load that runs instead of starting a second one', async () => {
  const slow = gate()
  const outcomes: LoadOutcome['source'][] = []
  let loads = 0
  const load = async (): Promise<number> => {
    loads++
    await slow.opened
    return loads
  }
  const onOutcome = ({ source }: LoadOutcome): void => void outcomes.push(source)
  const first = cache.getOrSet('k', load, { force: true, onOutcome })
  const second = cache.getOrSet('k', load, { force: true, onOutcome })
  slow.open()
  expect(await Promise.all([first, second])).toEqual([1, 1])
  expect(outcomes.sort()).toEqual(['joined', 'load'])
})

test('what cannot be stored is returned all the same, with an event', async () => {
  const codes: string[] = []
  cache.on('error', ({ error }) => codes.push(error.code))
  const value = await cache.getOrSet('k', () => ({ run: () => 1 }))
  expect(value.run()).toBe(1)
  expect(codes).toEqual(['ERR_CACHE_SERIALIZATION'])
})

test('a store that breaks in an unforeseen way costs a load nothing but an event', async () => {
  const store = new IllStore()
  const ill = cacheOver(store)
  const codes: string[] = []
  ill.on('error', ({ error }) => codes.push(error.code))
  const space = ill.getOrSet('k', () => {
    store.illness = 'refusing writes'
    return 1
  })
  expect(await space).toBe(1)
  expect(codes).toEqual(['ERR_CACHE_SERVER'])
})

test('large values keep their place among small ones of the same key', async () => {
  const big = 'x'.repeat(300_000)
  const answers = await Promise.all([
    cache.set('k', big),
    cache.get('k'),
    cache.setMany([
      ['k', 1],
      ['l', big],
    ]),
    cache.getMany(['k', 'l']),
    cache.increment('k'),
    cache.add('k', big),
    cache.delete('k'),
    cache.has('k'),
  ])
  expect(answers).toEqual([
    true,
    big,
    [],
    new Map<string, unknown>([
      ['k', 1],
      ['l', big],
    ]),
    2,
    false,
    true,
    false,
  ])
})

test('a clear between large values deletes what was set before it and nothing after it', async () => {
  const big = 'x'.repeat(300_000)
  await Promise.all([cache.set('before', big), cache.clear(), cache.set('after', big), cache.set('small', 1)])
  expect(await cache.getMany(['before', 'after', 'small'])).toEqual(
    new Map<string, unknown>([
      ['after', big],
      ['small', 1],
    ]),
  )
})
