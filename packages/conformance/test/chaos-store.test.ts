import { type ChaosStore, chaosStore } from '@anycache/conformance/testing'
import { type CacheError, cacheOver, OverloadedError } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

function open(options: { timeout?: number; onError?: 'open' | 'throw' } = {}) {
  const store: ChaosStore = chaosStore(new MemoryStore())
  const cache = cacheOver(store, { namespace: 'test', timeout: 200, ...options })
  const errors: CacheError[] = []
  cache.on('error', ({ error }) => errors.push(error))
  return { store, cache, errors }
}

test('a healthy chaos store answers as the store beneath', async () => {
  const { store, cache } = open()
  expect(await cache.set('k', { a: 1 })).toBe(true)
  expect(await cache.get('k')).toEqual({ a: 1 })
  expect(await cache.increment('n', 5)).toBe(5)
  expect(cache.info()).toMatchObject({ driver: 'memory', servers: ['chaos'], limits: { shared: true } })
  const found: string[] = []
  for await (const key of cache.keys()) found.push(key)
  expect(found.sort()).toEqual(['k', 'n'])
  expect(store.calls).toMatchObject({ write: 1, get: 1, count: 1, keys: 1, getMany: 0 })
})

describe('down', () => {
  test('reads are misses, loads load, and what a program acts on rejects', async () => {
    const { store, cache, errors } = open()
    await cache.set('k', 'old')
    store.down()
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getMany(['k', 'l'])).toEqual(new Map())
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    expect(await cache.set('k', 'new')).toBe(false)
    expect(await cache.setMany([['m', 1]])).toEqual(['m'])
    await expect(cache.increment('n')).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    await expect(cache.ping()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', server: 'chaos' })
    await expect(cache.clear()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
    expect(errors.length).toBeGreaterThan(5)
  })

  test('with onError "throw" everything rejects', async () => {
    const { store, cache } = open({ onError: 'throw' })
    store.down()
    await expect(cache.get('k')).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'get', key: 'k' })
    await expect(cache.getMany(['k'])).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  })

  test('a delete that was not done is made good when the server is up again', async () => {
    const { store, cache } = open()
    await cache.set('k', 'old')
    store.down()
    expect(await cache.delete('k')).toBe(false)
    store.up()
    expect(await cache.get('k')).toBeUndefined()
    await expect.poll(() => store.client && store.calls.removeMany).toBeGreaterThan(0)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.add('k', 'new')).toBe(true)
  })

  test('its beginning and end are reported once each', async () => {
    const { store, cache } = open()
    const heard: string[] = []
    cache.on('disconnect', ({ server }) => heard.push(`disconnect ${server}`))
    cache.on('connect', ({ server }) => heard.push(`connect ${server}`))
    store.down()
    store.down()
    store.up()
    store.up()
    expect(heard).toEqual(['disconnect chaos', 'connect chaos'])
  })

  test('calls that wait fail when the server goes down', async () => {
    const { store, cache } = open({ timeout: 10_000 })
    store.freeze()
    const waiting = cache.increment('n')
    waiting.catch(() => {})
    store.down()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
    store.up()
    expect(await cache.increment('n')).toBe(1)
  })
})

describe('frozen', () => {
  test('every call settles at its deadline', async () => {
    const { store, cache, errors } = open({ timeout: 60 })
    store.freeze()
    const answers = await Promise.all([cache.get('k'), cache.getMany(['k']), cache.getOrSet('l', () => 'loaded')])
    expect(answers).toEqual([undefined, new Map(), 'loaded'])
    await expect(cache.take('k')).rejects.toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'unknown' })
    expect(new Set(errors.map(error => error.code))).toEqual(new Set(['ERR_CACHE_TIMEOUT']))
  })

  test('calls that wait are answered in call order when it thaws', async () => {
    const { store, cache } = open({ timeout: 10_000 })
    store.freeze()
    const answers = Promise.all([cache.set('k', 1), cache.increment('k'), cache.get('k'), cache.delete('k')])
    store.up()
    expect(await answers).toEqual([true, 2, 2, true])
  })

  test('a call that was given up takes effect all the same', async () => {
    const { store, cache } = open({ timeout: 30 })
    store.freeze()
    await expect(cache.increment('n')).rejects.toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
    store.up()
    expect(await cache.get('n')).toBe(1)
  })
})

describe('slow', () => {
  test('calls are answered later, in call order', async () => {
    const { store, cache } = open({ timeout: 10_000 })
    store.slow('30ms')
    const started = performance.now()
    const first = cache.set('k', 1)
    store.slow(1)
    expect(await Promise.all([first, cache.get('k')])).toEqual([true, 1])
    expect(performance.now() - started).toBeGreaterThanOrEqual(29)
  })

  test('slower than the deadline is an outage', async () => {
    const { store, cache } = open({ timeout: 30 })
    await cache.set('k', 1)
    store.slow('1h')
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.stats().outageMisses).toBe(1)
    store.up()
    expect(await cache.get('k')).toBe(1)
  })
})

test('failNext fails as many calls as it says, with the error it was given', async () => {
  const { store, cache } = open()
  await cache.set('k', 1)
  store.failNext()
  await expect(cache.increment('k')).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
  expect(await cache.increment('k')).toBe(2)
  store.failNext(2, new OverloadedError('too much in flight', { server: 'chaos', outcome: 'not-sent' }))
  expect(await cache.get('k')).toBeUndefined()
  await expect(cache.increment('k')).rejects.toMatchObject({ code: 'ERR_CACHE_OVERLOADED', outcome: 'not-sent' })
  expect(await cache.get('k')).toBe(2)
  for (const count of [0, -1, 1.5, Number.NaN]) expect(() => store.failNext(count)).toThrow(/whole number/)
})

describe('corrupt', () => {
  test('damages one key in every namespace until it is written again', async () => {
    const { store, cache, errors } = open()
    const nested = cache.namespace('nested')
    for (const each of [cache, nested])
      await each.setMany([
        ['k', 5],
        ['l', 'v'],
      ])
    store.corrupt('k')
    expect([...(await cache.getMany(['k', 'l'])).keys()]).toEqual(['l'])
    expect(errors.map(error => error.code)).toEqual(['ERR_CACHE_SERIALIZATION'])
    await expect(cache.increment('k')).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_A_COUNTER' })
    expect(await cache.add('k', 'other')).toBe(false)
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    expect(await cache.get('k')).toBe('loaded')
    expect(await nested.get('k')).toBeUndefined()
    expect(await nested.take('k')).toBeUndefined()
  })

  test('damages everything without a key, until up', async () => {
    const { store, cache } = open()
    await cache.set('k', 'v')
    store.corrupt()
    expect(await cache.has('k')).toBe(false)
    store.up()
    expect(await cache.has('k')).toBe(true)
  })
})

test('an open chaos store that is frozen ends with its cache', async () => {
  const { store, cache } = open({ timeout: 50 })
  store.freeze()
  const waiting = cache.get('k')
  await cache.close()
  expect(await waiting).toBeUndefined()
  await expect(cache.get('k')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
})

test('its troubles and the deadlines go by the real clock under fake timers', async () => {
  const { store, cache, errors } = open({ timeout: 5000 })
  await cache.set('k', 'v')
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  store.slow(50)
  expect(await cache.get('k')).toBe('v')
  store.freeze()
  expect(await cache.get('k', { timeout: 100 })).toBeUndefined()
  expect(errors.map(({ code }) => code)).toEqual(['ERR_CACHE_TIMEOUT'])
  store.up()
  expect(await cache.get('k')).toBe('v')
})
