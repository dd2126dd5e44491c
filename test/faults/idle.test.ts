import { setTimeout as wait } from 'node:timers/promises'
import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'

/** Longer than the time after which an unused connection counts as idle. */
const idle = 1200

describe.each(backends)('%s', (_name, start) => {
  let bench: Bench
  let cache: Cache
  let events: string[]
  let errors: CacheError[]
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open()
    events = []
    errors = []
    cache.on('disconnect', () => events.push('disconnect'))
    cache.on('breaker', ({ state }) => events.push(state))
    cache.on('error', ({ error }) => errors.push(error))
    expect(await cache.setMany(keys.map(key => [key, key]))).toEqual([])
  })
  afterEach(() => bench.close())

  const connections = (): number => bench.proxies.reduce((sum, proxy) => sum + proxy.connections, 0)

  /** Ends every connection, and resolves when the cache has noticed. */
  async function cut(): Promise<void> {
    const before = events.length
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    await vi.waitFor(() => expect(events.length).toBe(before + bench.proxies.length))
  }

  test('connections closed while idle do not count as failures, and the next call makes new ones', async () => {
    for (let round = 0; round < 8; round++) {
      await cut()
      expect((await cache.getMany(keys)).size).toBe(keys.length)
    }
    expect(events.filter(event => event !== 'disconnect')).toEqual([])
    expect(errors).toEqual([])
    expect(connections()).toBe(9 * bench.proxies.length)
  })

  test('an idle cache makes no connections', async () => {
    await wait(idle)
    const before = connections()
    await cut()
    await wait(300)
    expect(connections()).toBe(before)
  })

  test.each(['fin', 'reset'] as const)(
    'a read that meets a connection which died idle is asked again (%s)',
    async end => {
      await wait(idle)
      for (const proxy of bench.proxies) proxy.cutAfter(0, { end })
      expect(await cache.get('k1')).toBe('k1')
      for (const proxy of bench.proxies) proxy.pass()
      await wait(idle)
      for (const proxy of bench.proxies) proxy.cutAfter(0, { end })
      expect((await cache.getMany(keys)).size).toBe(keys.length)
      for (const proxy of bench.proxies) proxy.pass()
      await wait(idle)
      for (const proxy of bench.proxies) proxy.cutAfter(0, { end })
      expect(await Promise.all(keys.map(key => cache.get(key)))).toEqual(keys)
      expect(errors).toEqual([])
      expect(events.filter(event => event !== 'disconnect')).toEqual([])
    },
  )

  test('a write on a connection that died idle is not sent again', async () => {
    expect(await cache.increment('n')).toBe(1)
    await wait(idle)
    for (const proxy of bench.proxies) proxy.cutAfter(0)
    await expect(cache.increment('n')).rejects.toMatchObject({ outcome: 'unknown' })
    for (const proxy of bench.proxies) proxy.pass()
    expect(await cache.increment('n')).toBe(3)
    expect(events.filter(event => event !== 'disconnect')).toEqual([])
  })

  test('a lost read followed by a write does not find what that write stored', async () => {
    for (const write of [
      () => cache.set('k1', 'new'),
      () => cache.setMany([['k1', 'new']]),
      () => cache.increment('k1').catch(() => {}),
      () => cache.delete('k1'),
    ]) {
      await cache.set('k1', 1)
      await wait(idle)
      for (const proxy of bench.proxies) proxy.cutAfter(0)
      const read = cache.get('k1')
      await Promise.all([read, write()])
      expect([undefined, 1]).toContain(await read)
      for (const proxy of bench.proxies) proxy.pass()
      await vi.waitFor(async () => expect(await cache.set('k1', 1)).toBe(true), { timeout: 5000 })
    }
  })

  test('a read that is lost again is not sent a third time', async () => {
    await wait(idle)
    const before = connections()
    for (const proxy of bench.proxies) proxy.cutAfter(0, { repeat: true })
    expect(await cache.get('k1')).toBeUndefined()
    expect(errors).toHaveLength(1)
    expect(connections() - before).toBeLessThanOrEqual(3)
    for (const proxy of bench.proxies) proxy.pass()
  })

  test('a silently dropped connection costs the first calls their deadline at most', async () => {
    await wait(idle)
    for (const proxy of bench.proxies) proxy.stallAfter(0)
    expect([undefined, 'k1']).toContain(await cache.get('k1', { timeout: 600 }))
    await vi.waitFor(async () => expect(await cache.get('k1', { timeout: 600 })).toBe('k1'), { timeout: 5000 })
    for (const proxy of bench.proxies) proxy.pass()
  })
})
