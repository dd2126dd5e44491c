import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, backends } from './backends.js'

const megabyte = 1_000_000
/** Incompressible bytes. */
const large = randomBytes(6 * megabyte)
const patient = { timeout: '60s' } as const

describe.each(backends)('%s', (_name, start) => {
  let bench: Bench
  let cache: Cache
  let states: string[]
  let errors: CacheError[]

  beforeEach(async () => {
    bench = await start('large')
    cache = await bench.open()
    states = []
    errors = []
    cache.on('breaker', ({ state }) => states.push(state))
    cache.on('disconnect', () => states.push('disconnect'))
    cache.on('error', ({ error }) => errors.push(error))
    await cache.set('small', 'v')
    for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, key)
  })
  afterEach(() => bench.close())

  /** About 2 MB/s. */
  function slow(direction: 'up' | 'down'): void {
    for (const proxy of bench.proxies) proxy.dribble(megabyte / 25, 20, direction)
  }

  /** Small calls with the default timeout, until the large one has settled. */
  async function beside<T>(call: Promise<T>): Promise<T> {
    let settled = false
    const end = call.finally(() => {
      settled = true
    })
    const calls: Promise<unknown>[] = []
    while (!settled) {
      calls.push(cache.get('small'), cache.getMany(['a', 'b', 'c', 'd']))
      await Promise.race([wait(50), end])
    }
    for (const proxy of bench.proxies) proxy.pass()
    await Promise.all(calls)
    return end
  }

  async function unharmed(): Promise<void> {
    expect(states).toEqual([])
    expect(errors.every(({ code }) => code === 'ERR_CACHE_TIMEOUT')).toBe(true)
    expect(await cache.get('small')).toBe('v')
  }

  test('a large value in transit to the server makes other calls late, and costs neither connection nor breaker', async () => {
    slow('up')
    expect(await beside(cache.set('large', large, patient))).toBe(true)
    await unharmed()
    expect(large.equals((await cache.get<Buffer>('large', patient)) as Buffer)).toBe(true)
  })

  test('a large value in transit from the server makes other calls late, and costs neither', async () => {
    await cache.set('large', large, patient)
    slow('down')
    expect(large.equals((await beside(cache.get<Buffer>('large', patient))) as Buffer)).toBe(true)
    await unharmed()
  })

  test('several large values in a row cost neither connection nor breaker', async () => {
    await cache.set('large', large.subarray(3 * megabyte), patient)
    slow('down')
    const calls = [cache.get('large', patient), cache.get('large', patient)]
    await wait(30)
    calls.push(cache.get('large', patient))
    expect((await beside(Promise.all(calls))).every(value => value !== undefined)).toBe(true)
    await unharmed()
  })

  test('a server that freezes during a large value is still noticed', async () => {
    for (const proxy of bench.proxies) proxy.blackHole()
    const lost = cache.set('large', large.subarray(5 * megabyte), { timeout: '30s' })
    const end = performance.now() + 20_000
    while (states.length === 0 && performance.now() < end) await cache.getMany(['small', 'a', 'b', 'c', 'd'])
    expect(states.length).toBeGreaterThan(0)
    for (const proxy of bench.proxies) proxy.pass()
    await lost
  })
})
