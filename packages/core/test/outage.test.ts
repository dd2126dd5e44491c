import { type Cache, type CacheError, cacheOver } from '@anycache/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

let store: IllStore
let cache: Cache
let errors: CacheError[]

beforeEach(() => {
  store = new IllStore()
  cache = cacheOver(store, { namespace: 'shop', allowFlush: true })
  errors = []
  cache.on('error', ({ error }) => errors.push(error))
})

const opening: [string, (cache: Cache, onError: 'open' | 'throw') => Promise<unknown>, unknown][] = [
  ['get', (c, onError) => c.get('k', { onError }), undefined],
  ['getMany', (c, onError) => c.getMany(['k'], { onError }), new Map()],
  ['getEntry', (c, onError) => c.getEntry('k', { onError }), undefined],
  ['has', (c, onError) => c.has('k', { onError }), false],
  ['set', (c, onError) => c.set('k', 1, { onError }), false],
  ['setMany', (c, onError) => c.setMany([['k', 1]], { onError }), ['k']],
  ['touch', (c, onError) => c.touch('k', '1s', { onError }), false],
  ['delete', (c, onError) => c.delete('k', { onError }), false],
  ['deleteMany', (c, onError) => c.deleteMany(['k'], { onError }), 0],
  ['getOrSet', (c, onError) => c.getOrSet('k', () => 'loaded', { onError }), 'loaded'],
]

describe.each(opening)('%s in an outage', (op, run, miss) => {
  test('looks like a miss and tells it', async () => {
    store.illness = 'down'
    expect(await run(cache, 'open')).toEqual(miss)
    expect(errors[0]).toMatchObject({ code: 'ERR_CACHE_CONNECTION', op, key: 'k', server: 'ill:1' })
    expect(cache.stats().errors).toBe(errors.length)
  })

  test('rejects under onError "throw"', async () => {
    store.illness = 'frozen'
    await expect(run(cache, 'throw')).rejects.toMatchObject({
      code: 'ERR_CACHE_TIMEOUT',
      op,
      key: 'k',
      server: 'ill:1',
    })
  })
})

const acting: [string, (cache: Cache) => Promise<unknown>][] = [
  ['add', c => c.add('k', 1)],
  ['replace', c => c.replace('k', 1)],
  ['compareAndSet', c => c.compareAndSet('k', 1, 'token' as never)],
  ['update', c => c.update('k', () => 1)],
  ['append', c => c.append('k', 'x')],
  ['prepend', c => c.prepend('k', 'x')],
  ['increment', c => c.increment('k')],
  ['decrement', c => c.decrement('k')],
  ['take', c => c.take('k')],
  ['clear', c => c.clear()],
  ['keyFor', c => c.keyFor('k')],
  ['ping', c => c.ping()],
]

test.each(acting)('%s rejects in an outage even when the cache fails open', async (op, run) => {
  store.illness = 'down'
  await expect(run(cache)).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op })
})

test('an outage miss is told from a true one', async () => {
  const outages: boolean[] = []
  cache.on('miss', ({ outage }) => outages.push(outage))
  await cache.get('k')
  store.illness = 'down'
  await cache.get('k')
  expect(outages).toEqual([false, true])
  expect(cache.stats()).toMatchObject({ misses: 2, outageMisses: 1 })
})

test('a miss for the sake of an owed delete is an outage miss', async () => {
  await cache.set('k', 'old')
  store.illness = 'down'
  await cache.delete('k')
  store.illness = 'well'
  await Promise.all([cache.get('k'), cache.getMany(['k', 'other']), cache.getOrSet('k', () => 1)])
  expect(cache.stats()).toMatchObject({ misses: 4, outageMisses: 3 })
})

test('one failing server among many keys is one event', async () => {
  store.illness = 'down'
  await cache.getMany(['a', 'b', 'c'])
  expect(errors).toHaveLength(1)
  store.illness = 'well'
  // A failure of its own for each key, as a store has whose keys travel in requests of their own.
  for (const key of ['a', 'b', 'c']) store.illKeys.add(key)
  errors.length = 0
  await cache.getMany(['a', 'b', 'c'])
  await cache.setMany(['a', 'b', 'c'].map(key => [key, 1]))
  await cache.deleteMany(['a', 'b', 'c'])
  expect(errors.map(({ op }) => op)).toEqual(['getMany', 'setMany', 'deleteMany'])
})

test('a load whose read failed does not wait for its write', async () => {
  store.illness = 'down'
  let stored: boolean | undefined
  expect(await cache.getOrSet('k', () => 7, { onOutcome: outcome => (stored = outcome.stored) })).toBe(7)
  expect(stored).toBe(false)
})

test('an error without a listener does not kill the process, and a throwing listener disturbs nothing', async () => {
  const quiet = cacheOver(store, { namespace: 'x' })
  store.illness = 'down'
  expect(await quiet.get('k')).toBeUndefined()
  const warned = new Promise(resolve => process.once('warning', resolve))
  quiet.on('miss', () => {
    throw new Error('listener')
  })
  expect(await quiet.get('k')).toBeUndefined()
  expect(await warned).toMatchObject({ message: 'listener' })
})

test('a listener that throws what is no text disturbs nothing', async () => {
  const warned = new Promise(resolve => process.once('warning', resolve))
  cache.on('miss', () => {
    throw Object.create(null)
  })
  expect(await cache.get('k')).toBeUndefined()
  expect(await warned).toMatchObject({ code: 'ANYCACHE_LISTENER' })
})

test('a batch tells of the values that are too large and could not be deleted either', async () => {
  const small = cacheOver(store, { namespace: 'shop', maxValueBytes: 10 })
  const codes: string[] = []
  small.on('error', ({ error }) => codes.push(error.code))
  const entries: [string, unknown][] = [
    ['a', 1],
    ['large', 'x'.repeat(11)],
    ['b', 2],
  ]
  expect(await small.setMany(entries)).toEqual(['large'])
  expect(codes).toEqual(['ERR_CACHE_VALUE_TOO_LARGE'])
  store.illKeys.add('large').add('b')
  expect(await small.setMany(entries)).toEqual(['large', 'b'])
  expect(codes.slice(1)).toEqual(['ERR_CACHE_CONNECTION'])
  store.illKeys.delete('b')
  const strict = small.setMany(entries, { onError: 'throw' })
  await expect(strict).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'setMany', key: 'large' })
})

test('a batch may be of any size', async () => {
  const entries = Array.from({ length: 200_000 }, (_, i): [string, number] => [`k${i}`, i])
  expect(await cache.setMany(entries)).toEqual([])
})

test('close waits for a clear, and lets no update write afterwards', async () => {
  let answer = (): void => {}
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  store.slowness = verb => (verb === 'clear' ? answered : undefined)
  let closed = false
  store.close = () => {
    closed = true
  }
  const cleared = cache.clear()
  const update = cache.update('k', async () => {
    await answered
    return 1
  })
  update.catch(() => {})
  const closing = cache.close()
  await new Promise(resolve => setImmediate(resolve))
  expect(closed).toBe(false)
  answer()
  await cleared
  await expect(update).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED', op: 'update', key: 'k' })
  await closing
  expect(closed).toBe(true)
})
