import { type Call, cacheOver, hold, NotSupportedError, remembering, type Store } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { createSerializer, nativeFormat } from '@anycache/serializer'
import { expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

const call: Call = { deadline: Number.POSITIVE_INFINITY }

/** A store whose closings are counted. */
class Counted extends MemoryStore {
  closings = 0

  override close(): void {
    this.closings++
    super.close()
  }
}

/** A store over two others, of which it shows the first. */
function pairOf(first: Store, second: Store): Store {
  const releases = [hold(first), hold(second)]
  return new Proxy(first, {
    get(target, name) {
      if (name === 'close') return (within: Call) => Promise.all(releases.map(release => release(within)))
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('the last cache over a store to be closed closes it, once', async () => {
  const store = new Counted()
  const caches = ['a', 'b'].map(namespace => cacheOver(store, { namespace }))
  await caches[0]?.close()
  await caches[0]?.close()
  expect(store.closings).toBe(0)
  await caches[1]?.close()
  expect(store.closings).toBe(1)
})

test('a store stays open while another store holds it, whichever of their caches is closed first', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const [alone, shared] = [new Counted(), new Counted()]
    const caches = [cacheOver(pairOf(shared, alone)), cacheOver(shared, { namespace: 'own' })] as const
    await caches[order[0]].close()
    expect(shared.closings).toBe(0)
    expect(alone.closings).toBe(order[0] === 0 ? 1 : 0)
    expect(await caches[order[1]].set('k', 'v')).toBe(true)
    await caches[order[1]].close()
    expect([shared.closings, alone.closings]).toEqual([1, 1])
  }
})

test('letting go twice counts once', async () => {
  const store = new Counted()
  const [first, second] = [hold(store), hold(store)]
  await first(call)
  await first(call)
  expect(store.closings).toBe(0)
  await second(call)
  expect(store.closings).toBe(1)
})

test('a store and the one that remembers for it are held as one, and have one call order', async () => {
  const store = new Counted()
  const remembered = remembering(store)
  expect(remembering(store, { timeout: '2s' })).toBe(remembered)
  expect(remembering(remembered)).toBe(remembered)
  const direct = cacheOver(store, { namespace: 'n' })
  const other = cacheOver(remembered, { namespace: 'n' })
  const loads = [direct, other].map(cache =>
    cache.getOrSet('k', () => new Promise(resolve => setImmediate(resolve, 1))),
  )
  expect(await Promise.all(loads)).toEqual([1, 1])
  expect(direct.stats().loads + other.stats().loads).toBe(1)
  await direct.close()
  expect(store.closings).toBe(0)
  await other.close()
  expect(store.closings).toBe(1)
})

test('remembering refuses options that it does not know', () => {
  expect(() => remembering(new MemoryStore(), { timout: 5 } as never)).toThrow(/unknown option "timout"/)
  expect(() => remembering(new MemoryStore(), { timeout: 0 })).toThrow(/remembering: timeout must be positive/)
})

test('nothing is replayed to a store that its last cache closed', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'n' })
  store.illness = 'down'
  expect(await cache.delete('k')).toBe(false)
  await cache.close()
  store.illness = 'well'
  const calls = store.calls.length
  // Longer than a replay waits at most.
  await new Promise(resolve => setTimeout(resolve, 900))
  expect(store.calls.length).toBe(calls)
})

test('a cache that its store refuses to open holds nothing', async () => {
  const store = new Counted()
  const open = store.space.bind(store)
  store.space = (path, format) => {
    if (format.plainKeys) throw new NotSupportedError('this store hashes keys')
    return open(path, format)
  }
  const serializer = { ...createSerializer(), format: { ...nativeFormat, plainKeys: true } }
  expect(() => cacheOver(store, { serializer })).toThrow(NotSupportedError)
  await cacheOver(store).close()
  expect(store.closings).toBe(1)
})
