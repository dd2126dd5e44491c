import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { type Cache, cacheOver, type LoadOptions, type LoadOutcome } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { createSerializer, type Serializer } from '@anycache/serializer'
import { beforeEach, expect, test, vi } from 'vitest'
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

test('loaders that need each other in their first step all end', async () => {
  const value = await cache.getOrSet('a', () => cache.getOrSet('b', () => cache.getOrSet('a', () => 'plain')))
  expect(value).toBe('plain')
})

test('a loader that waits twice for a load which needs it gets it, though one wait was given up', async () => {
  const impatient = new AbortController()
  const left = gate()
  const needsA = async (): Promise<string> => {
    await left.opened
    return `b(${await cache.getOrSet('a', () => 'plain a')})`
  }
  const value = await cache.getOrSet('a', async () => {
    const first = cache.getOrSet('b', needsA, { signal: impatient.signal })
    const second = cache.getOrSet('b', needsA)
    impatient.abort('left')
    await expect(first).rejects.toBe('left')
    left.open()
    return second
  })
  expect(value).toBe('b(plain a)')
})

test('a delete during a load nested in a load of the same key is undone by neither', async () => {
  const slow = gate()
  const nested = gate()
  const load = cache.getOrSet('k', () =>
    cache.getOrSet('k', async () => {
      nested.open()
      await slow.opened
      return 'stale'
    }),
  )
  await nested.opened
  await cache.delete('k')
  slow.open()
  expect(await load).toBe('stale')
  expect(await cache.get('k')).toBeUndefined()
})

test('caches over one store share the loads and the call order of a key', async () => {
  const store = new MemoryStore()
  const first = cacheOver(store, { namespace: 'shop' })
  const second = cacheOver(store, { namespace: 'shop' })
  const slow = gate()
  let loads = 0
  const load = async (): Promise<string> => {
    loads++
    await slow.opened
    return 'stale'
  }
  const both = [first.getOrSet('k', load), second.getOrSet('k', load)]
  await second.delete('k')
  slow.open()
  expect(await Promise.all(both)).toEqual(['stale', 'stale'])
  expect(loads).toBe(1)
  expect(await first.get('k')).toBeUndefined()
  const big = 'x'.repeat(300_000)
  expect((await Promise.all([first.set('k', big), second.get('k')]))[1]).toBe(big)
})

test('one signal may stop any number of calls, and keeps no listener', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const controller = new AbortController()
  const slow = gate()
  const { signal } = controller
  const load = async (): Promise<number> => {
    await slow.opened
    return 1
  }
  const done = Array.from({ length: 50 }, (_, i) => cache.getOrSet(`done${i}`, load, { signal }))
  slow.open()
  await Promise.all(done)
  await new Promise(resolve => setImmediate(resolve))
  expect(getEventListeners(signal, 'abort')).toEqual([])
  const stopped = Array.from({ length: 50 }, (_, i) => cache.getOrSet(`stopped${i}`, () => gate().opened, { signal }))
  controller.abort('enough')
  expect(await Promise.allSettled(stopped)).toEqual(stopped.map(() => ({ status: 'rejected', reason: 'enough' })))
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', warned)
  expect(warnings).toEqual([])
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

test('a load whose tag is invalidated while it asks for its key does not keep the key', async () => {
  const store = new IllStore()
  const remote = cacheOver(store)
  await remote.set('other', 1, { tags: 't' })
  const [asked, answered, slow] = [gate(), gate(), gate()]
  store.slowness = verb => {
    if (verb !== 'claim') return undefined
    asked.open()
    return answered.opened
  }
  const older = remote.getOrSet('k', () => slow.opened.then(() => 'older'), { tags: 't' })
  await asked.opened
  await remote.invalidateTags('t')
  answered.open()
  // While the older one still runs: nobody waits for what is not stored.
  expect(await remote.getOrSet('k', () => 'newer', { tags: 't' })).toBe('newer')
  slow.open()
  expect(await older).toBe('older')
  expect(await remote.get('k')).toBe('newer')
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

test('a value that cannot be encoded lets nobody overtake the one before it', async () => {
  const sound = createSerializer()
  const slow = gate()
  const serializer: Serializer = {
    async encode(value) {
      if (value === 'refused') throw new Error('refused')
      await slow.opened
      return sound.encode(value)
    },
    decode: sound.decode,
  }
  const own = cacheOver(new MemoryStore(), { serializer })
  const first = own.set('k', 'first')
  const refused = own.set('k', 'refused')
  refused.catch(() => {})
  await new Promise(resolve => setImmediate(resolve))
  const read = own.get('k')
  slow.open()
  expect(await first).toBe(true)
  expect(await read).toBe('first')
  await expect(refused).rejects.toMatchObject({ code: 'ERR_CACHE_SERIALIZATION', op: 'set', key: 'k' })
})

test.each([
  ['at once', () => new MemoryStore()],
  ['later', () => new IllStore()],
])('options may be changed as soon as the call was made, over a store that answers %s', async (_when, open) => {
  const own = cacheOver(open(), { namespace: 'shop' })
  const options: LoadOptions<string> = { ttl: '1h' }
  const load = own.getOrSet('k', async () => 'loaded', options)
  Object.assign(options, { ttl: 1, skipNull: 'never', shouldCache: () => false })
  expect(await load).toBe('loaded')
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(await own.get('k')).toBe('loaded')
})

test('a value that is too large to be decoded again is returned all the same', async () => {
  const own = cacheOver(new MemoryStore(), { serializer: { maxDecodedBytes: 1000 } })
  const list = Array.from({ length: 5000 }, (_, i) => i)
  expect(await own.getOrSet('k', () => list)).toEqual(list)
})

test('what onOutcome throws is never taken for an outage', async () => {
  await cache.set('k', 'cached')
  const error = Object.assign(new Error('of the caller'), { code: 'ERR_CACHE_TIMEOUT' })
  const onOutcome = (): never => {
    throw error
  }
  let loads = 0
  await expect(cache.getOrSet('k', () => ++loads, { onOutcome })).rejects.toBe(error)
  expect(loads).toBe(0)
})

test('a caller whose signal a listener of the miss fires does not wait for the load', async () => {
  const leaving = new AbortController()
  cache.on('miss', () => leaving.abort('enough'))
  const loader = vi.fn(() => new Promise<string>(() => {}))
  await expect(cache.getOrSet('k', loader, { signal: leaving.signal })).rejects.toBe('enough')
  expect(loader).not.toHaveBeenCalled()
})

test('a load that a listener of the miss begins is joined, and a delete supersedes it', async () => {
  const { opened, open } = gate()
  const load = async (): Promise<string> => {
    await opened
    return 'old'
  }
  const off = cache.on('miss', () => {
    off()
    void cache.getOrSet('k', load)
  })
  const value = cache.getOrSet('k', load)
  await cache.delete('k')
  open()
  expect(await value).toBe('old')
  expect(await cache.get('k')).toBeUndefined()
  expect(cache.stats()).toMatchObject({ loads: 1, joins: 1 })
})

test('an onOutcome that fires the signal of another waiter leaves the loaders that need each other known', async () => {
  const [a, b] = [gate(), gate()]
  const leaving = new AbortController()
  const first = cache.getOrSet('a', () => a.opened.then(() => 'a'), { onOutcome: () => leaving.abort('left') })
  const second = cache.getOrSet('b', async () => {
    await b.opened
    return cache.getOrSet('both', () => 'plain')
  })
  const both = cache.getOrSet('both', () =>
    Promise.all([
      cache.getOrSet('a', () => 'unused', { signal: leaving.signal }).catch(String),
      cache.getOrSet('b', () => 'unused'),
    ]),
  )
  a.open()
  await first
  b.open()
  expect(await second).toBe('plain')
  expect(await both).toEqual(['a', 'plain'])
})

test('the onOutcome of a caller that joined runs in its own async context', async () => {
  const request = new AsyncLocalStorage<string>()
  const { opened, open } = gate()
  const outcomes: unknown[] = []
  const call = (): Promise<void> =>
    cache.getOrSet('k', () => opened, {
      onOutcome: ({ source }) => outcomes.push([request.getStore(), source]),
    })
  const calls = [request.run('first', call), request.run('second', call)]
  open()
  await Promise.all(calls)
  expect(outcomes).toEqual([
    ['first', 'load'],
    ['second', 'joined'],
  ])
})

test('an append that is under way when a load of its key ends is not undone by it', async () => {
  const store = new IllStore()
  const shared = cacheOver(store, { namespace: 'shop' })
  await shared.set('k', 'a')
  const [{ opened, open }, read] = [gate(), gate()]
  const load = shared.getOrSet('k', () => opened.then(() => 'loaded'), { force: true })
  store.slowness = verb => (verb === 'get' ? read.opened : undefined)
  const append = shared.append('k', '+')
  open()
  await new Promise(setImmediate)
  read.open()
  expect(await load).toBe('loaded')
  expect(await append).toBe(true)
  expect(await shared.get('k')).toBe('a+')
})
