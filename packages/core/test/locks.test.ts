import { getEventListeners } from 'node:events'
import { type CacheError, cacheOver, ServerError } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test, vi } from 'vitest'
import { IllStore } from './ill-store.js'

const refused = (): ServerError => new ServerError('ill:1 is out of memory', { server: 'ill:1', outcome: 'refused' })
const hour = { ttl: '1h' } as const

test('an outage rejects the call, whatever onError is, and is reported', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  const errors: CacheError[] = []
  cache.on('error', ({ error }) => errors.push(error))
  store.illness = 'down'
  for (const onError of ['open', 'throw'] as const) {
    await expect(cache.lock('k', { onError })).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
      op: 'lock',
      key: 'k',
    })
  }
  await expect(cache.lock('k', { wait: '10s' })).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  expect(errors.map(({ op, key }) => [op, key])).toEqual(Array(3).fill(['lock', 'k']))
  store.illness = 'well'
  const lock = await cache.lock('k', hour)
  store.illness = 'down'
  await expect(lock?.renew()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'renew', key: 'k' })
  await expect(lock?.release()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'release', key: 'k' })
  store.illness = 'well'
  expect(await lock?.renew()).toBe(true)
  expect(await lock?.release()).toBe(true)
})

test('the end of its block reports what fails, and throws nothing over the error of the block', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  const ops: (string | undefined)[] = []
  cache.on('error', ({ error }) => ops.push(error.op))
  const work = async (): Promise<never> => {
    await using lock = await cache.lock('k')
    store.illness = 'down'
    throw new Error(`the work on ${lock?.key} failed`)
  }
  await expect(work()).rejects.toThrow('the work on k failed')
  expect(ops).toEqual(['release'])
})

test('where no fencing number can be had it is given back, and the call rejects', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  store.slowness = verb => (verb === 'count' ? Promise.reject(refused()) : undefined)
  await expect(cache.lock('k', hour)).rejects.toMatchObject({ code: 'ERR_CACHE_SERVER', op: 'lock', key: 'k' })
  store.slowness = () => undefined
  expect(await cache.lock('k', hour)).toBeDefined()
})

test('a lock that was lost before its number was known is not given out, and its number is below the next one', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  let go = (): void => {}
  const counting = new Promise<void>(resolve => {
    store.slowness = verb => {
      if (verb !== 'count') return undefined
      resolve()
      return new Promise<void>(next => {
        go = next
      })
    }
  })
  const late = cache.lock('k', hour)
  await counting
  store.slowness = () => undefined
  store.flush()
  const next = await cache.lock('k', hour)
  go()
  expect(await late).toBeUndefined()
  expect(await next?.renew()).toBe(true)
})

test('its number counts only if it was still held when the number was taken', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  let go = (): void => {}
  const claimed = new Promise<void>(resolve => {
    store.slowness = verb => {
      if (verb !== 'claim') return undefined
      resolve()
      return new Promise<void>(next => {
        go = next
      })
    }
  })
  // It is paused between winning and taking its number.
  const paused = cache.lock('k', { ttl: '1h', wait: 5 })
  await claimed
  store.slowness = () => undefined
  store.flush()
  const second = await cache.lock('k', hour)
  go()
  // Its number would be higher than that of the holder.
  expect(await paused).toBeUndefined()
  expect(await second?.release()).toBe(true)
})

test('a store without versions, or bytes that other clients read, have no locks', async () => {
  const store = new IllStore()
  const cache = cacheOver(Object.assign(store, { limits: { ...store.limits, cas: false } }), { namespace: 'shop' })
  await expect(cache.lock('k')).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_SUPPORTED', op: 'lock', key: 'k' })
  expect(store.calls).toEqual([])
})

test('a wait looks again and again, and not all the time', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  await cache.lock('k', hour)
  store.calls.length = 0
  expect(await cache.lock('k', { wait: 300 })).toBeUndefined()
  const looks = store.calls.filter(verb => verb === 'claim').length
  expect(looks).toBeGreaterThanOrEqual(2)
  // The shortest pauses that there can be, and the look at the end.
  expect(looks).toBeLessThanOrEqual(14)
})

test('one signal may stop any number of waits, and keeps no listener', async () => {
  const cache = cacheOver(new MemoryStore(), { namespace: 'shop' })
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  await cache.lock('k', hour)
  const controller = new AbortController()
  const { signal } = controller
  await Promise.all(Array.from({ length: 20 }, () => cache.lock('k', { wait: 20, signal })))
  expect(getEventListeners(signal, 'abort')).toEqual([])
  const stopped = Array.from({ length: 20 }, () => cache.lock('k', { wait: '1h', signal }))
  controller.abort('enough')
  expect(await Promise.allSettled(stopped)).toEqual(stopped.map(() => ({ status: 'rejected', reason: 'enough' })))
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', warned)
  expect(warnings).toEqual([])
})

test('a signal that fires while the answer is on its way gives the lock back', async () => {
  const store = new IllStore()
  const cache = cacheOver(store, { namespace: 'shop' })
  const reason = new Error('no more')
  const leaving = new AbortController()
  store.slowness = verb => (verb === 'claim' ? new Promise(resolve => setTimeout(resolve, 30)) : undefined)
  const taking = cache.lock('k', { ttl: '1h', signal: leaving.signal })
  leaving.abort(reason)
  await expect(taking).rejects.toBe(reason)
  store.slowness = () => undefined
  await vi.waitFor(async () => expect(await cache.lock('k', hour)).toBeDefined(), 5000)
})

test('two caches over one store in one process keep each other out', async () => {
  const store = new MemoryStore()
  await using one = cacheOver(store, { namespace: 'shop' })
  await using other = cacheOver(store, { namespace: 'shop' })
  await using apart = cacheOver(store, { namespace: 'blog' })
  const lock = await one.lock('k')
  expect(await other.lock('k')).toBeUndefined()
  expect(await apart.lock('k')).toBeDefined()
  expect(await lock?.release()).toBe(true)
  expect(await other.lock('k')).toBeDefined()
})
