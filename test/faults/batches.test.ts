import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, backends } from './backends.js'

const value = 'x'.repeat(100)

describe.each(backends)('%s: a batch', (_name, start) => {
  let bench: Bench
  let cache: Cache
  let errors: CacheError[]
  let breakers: string[]

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open()
    errors = []
    breakers = []
    cache.on('error', ({ error }) => errors.push(error))
    cache.on('breaker', ({ state }) => breakers.push(state))
  })
  afterEach(() => bench.close())

  test('of 100,000 entries is stored, read and deleted completely', { timeout: 120_000 }, async () => {
    const patient = await bench.open({ timeout: '15s' })
    const keys = Array.from({ length: 100_000 }, (_, i) => `key ${i}`)
    expect(await patient.setMany(keys.map((key, i) => [key, value + i]))).toEqual([])
    const found = await patient.getMany<string>([...keys, 'none'])
    expect([...found.keys()]).toEqual(keys)
    expect(found.get('key 99999')).toBe(`${value}99999`)
    expect(await patient.deleteMany([...keys, 'none'])).toBe(100_000)
  })

  test('that takes longer than the timeout completes while answers keep coming', { timeout: 120_000 }, async () => {
    const slow = await bench.open({ timeout: '3s' })
    slow.on('error', ({ error }) => errors.push(error))
    slow.on('breaker', ({ state }) => breakers.push(state))
    await slow.ping()
    const keys = Array.from({ length: 30_000 * bench.servers.length }, (_, i) => `key ${i}`)
    // A megabyte per second: the batch needs more than four seconds, a chunk a third of one.
    for (const proxy of bench.proxies) proxy.dribble(20_000, 20, 'up')
    expect(await slow.setMany(keys.map(key => [key, value]))).toEqual([])
    for (const proxy of bench.proxies) {
      proxy.pass('up')
      proxy.dribble(20_000, 20, 'down')
    }
    expect((await slow.getMany(keys)).size).toBe(keys.length)
    expect(errors).toEqual([])
    expect(breakers).toEqual([])
  })

  test('over the limit of bytes in flight is not an overload', async () => {
    const small = await bench.open({ maxInFlightBytes: '1mb', timeout: '15s' })
    const entries = Array.from({ length: 60 }, (_, i) => [`big ${i}`, 'y'.repeat(100_000) + i] as const)
    const plain = { serializer: { compression: false } }
    const other = await bench.open({ maxInFlightBytes: '1mb', timeout: '15s', ...plain })
    expect(await small.setMany(entries)).toEqual([])
    expect(await other.setMany(entries)).toEqual([])
    expect((await other.getMany(entries.map(([key]) => key))).size).toBe(60)
  })

  test('keeps the call order of every key, whether sent or not', async () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `key ${i}`)
    const cache = await bench.open({ timeout: '15s' })
    const calls = [
      cache.setMany(keys.map(key => [key, 1])),
      cache.get('key 4999'),
      cache.increment('key 4998'),
      cache.set('key 4997', 'mine'),
      cache.getMany(['key 0', 'key 4997', 'key 4998']),
      cache.deleteMany(keys),
      cache.add('key 3', 'added'),
      cache.getMany(keys),
    ]
    expect(await Promise.all(calls)).toEqual([
      [],
      1,
      2,
      true,
      new Map<string, unknown>([
        ['key 0', 1],
        ['key 4997', 'mine'],
        ['key 4998', 2],
      ]),
      5000,
      true,
      new Map([['key 3', 'added']]),
    ])
  })

  test('to silent servers gives up after a few chunks, and its old values are never read again', async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `key ${i}`)
    const patient = await bench.open({ breaker: false, timeout: '1s' })
    expect(
      await patient.setMany(
        keys.map(key => [key, 'old']),
        { timeout: '10s' },
      ),
    ).toEqual([])
    for (const proxy of bench.proxies) proxy.blackHole()
    // Waiting for every chunk would take at least ten times the timeout, and ever longer for a larger batch.
    let settled = false
    const setting = patient.setMany(keys.map(key => [key, 'new'])).finally(() => {
      settled = true
    })
    for (let i = 0; i < 12 && !settled; i++) await patient.get('another')
    expect(settled).toBe(true)
    expect(await setting).toEqual(keys)
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    for (const proxy of bench.proxies) proxy.pass()
    expect([...(await patient.getMany(keys)).values()]).not.toContain('old')
  })
})
