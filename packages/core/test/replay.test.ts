import { type Cache, cacheOver } from '@anycache/core'
import { beforeEach, expect, test, vi } from 'vitest'
import { IllStore } from './ill-store.js'

const server = 'ill:1'
const bound = { timeout: 5000, interval: 10 }

let store: IllStore
let cache: Cache

beforeEach(async () => {
  store = new IllStore()
  cache = cacheOver(store, { namespace: 'shop' })
})

/** Owes so many deletes, and forgets what the store was called for so far. */
async function owe(count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `k${i}`)
  const illness = store.illness
  store.illness = 'down'
  await cache.deleteMany(keys)
  store.illness = illness
  store.calls.length = 0
  store.sizes.length = 0
}

/** The keys per replayed batch so far. */
function batches(): number[] {
  return [...store.sizes]
}

function removed(): number {
  return batches().reduce((sum, size) => sum + size, 0)
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

test('nothing is replayed to a server whose breaker is open, and everything at once when it closes', async () => {
  store.tell({ type: 'breaker', server, state: 'open' })
  await owe(3000)
  await wait(600)
  expect(batches()).toEqual([])
  store.tell({ type: 'breaker', server, state: 'half-open' })
  // A probe connects before the breaker closes.
  store.tell({ type: 'connect', server })
  await wait(50)
  expect(batches()).toEqual([])
  store.tell({ type: 'breaker', server, state: 'closed' })
  await vi.waitFor(() => expect(batches().reduce((sum, size) => sum + size, 0)).toBe(3000), bound)
  expect(batches()[0]).toBe(1)
  expect(Math.max(...batches())).toBeLessThanOrEqual(500)
})

test('a server that refuses deletes is asked for one key now and then, however many are owed', async () => {
  store.illness = 'read-only'
  await owe(20_000)
  await wait(1500)
  expect(new Set(batches())).toEqual(new Set([1]))
  // 100 ms after the failure, then 200, 400, 700, half of it at random.
  expect(batches().length).toBeLessThanOrEqual(12)
  expect(store.calls).not.toContain('clear')
  store.illness = 'well'
  await vi.waitFor(() => expect(batches().reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(20_000), bound)
})

test('a new failure neither hurries nor repeats the replay', async () => {
  store.illness = 'read-only'
  await owe(10)
  for (let i = 0; i < 100; i++) {
    await cache.delete(`other${i}`)
    await wait(5)
  }
  expect(store.calls.filter(verb => verb === 'removeMany').length).toBeLessThanOrEqual(8)
})

test('a key that its server refuses for good holds up no other', async () => {
  store.illKeys.add('k0')
  await owe(2000)
  await vi.waitFor(() => expect(batches().reduce((sum, size) => sum + size, 0)).toBeGreaterThanOrEqual(2000), bound)
  const strict = { onError: 'throw' } as const
  await vi.waitFor(async () => expect(await cache.get('k1999', strict)).toBeUndefined(), bound)
  expect(cache.stats().outageMisses).toBe(0)
})

test('a namespace that owes more than is remembered is not cleared on a server that takes no deletes', async () => {
  store.illness = 'read-only'
  await owe(100_001)
  await wait(800)
  expect(store.calls).not.toContain('clear')
  store.illness = 'well'
  await vi.waitFor(() => expect(store.calls).toContain('clear'), bound)
})

test('a store that was closed under its cache is not replayed to', async () => {
  store.illness = 'closed'
  await owe(10)
  await vi.waitFor(() => expect(store.calls).toEqual(['removeMany']), bound)
  await wait(1000)
  expect(store.calls).toEqual(['removeMany'])
  store.tell({ type: 'connect', server })
  await wait(50)
  expect(store.calls).toEqual(['removeMany'])
})

test('what is being overwritten when the replay begins holds up no other', async () => {
  await owe(2000)
  // The oldest 200 are written again, and the answer is still under way when the server turns out to be back.
  let answer = (): void => {}
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  store.slowness = verb => (verb === 'writeMany' ? answered : undefined)
  const set = cache.setMany(Array.from({ length: 200 }, (_, i) => [`k${i}`, 'new']))
  store.tell({ type: 'connect', server })
  await wait(1000)
  answer()
  expect(await set).toEqual([])
  await vi.waitFor(() => expect(removed()).toBeGreaterThanOrEqual(1800), bound)
  expect(await cache.get('k0')).toBe('new')
  expect(await cache.get('k1999', { onError: 'throw' })).toBeUndefined()
})

test('a key that fails while its namespace is being cleared gets the namespace cleared again', async () => {
  let end = (): void => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  store.slowness = verb => (verb === 'clear' ? ended : undefined)
  await owe(100_001)
  await vi.waitFor(() => expect(store.calls).toContain('clear'), bound)
  store.illKeys.add('late')
  await cache.delete('late')
  store.illKeys.clear()
  end()
  expect(await cache.set('k', 'new')).toBe(true)
  await vi.waitFor(async () => {
    await cache.set('k', 'new')
    expect(await cache.get('k')).toBe('new')
  }, bound)
})

test('a breaker that closes while nothing is owed lets later failures be replayed', async () => {
  await owe(1)
  store.tell({ type: 'breaker', server, state: 'open' })
  await cache.clear()
  store.tell({ type: 'breaker', server, state: 'closed' })
  await owe(1)
  await vi.waitFor(() => expect(batches()).toEqual([1]), bound)
})
