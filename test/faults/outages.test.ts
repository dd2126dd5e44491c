import { setTimeout as wait } from 'node:timers/promises'
import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'
import { Traffic } from './traffic.js'

/** After this time a call counts as hanging. Calls should take far less, but slow machines may not manage. */
const bound = { timeout: 5000, interval: 20 }

describe.each(backends)('%s', (_name, start) => {
  let bench: Bench
  let cache: Cache
  let errors: CacheError[]

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open()
    errors = []
    cache.on('error', ({ error }) => errors.push(error))
  })
  afterEach(() => bench.close())

  /** Resolves when every server answers every verb again. */
  async function works(): Promise<void> {
    await vi.waitFor(async () => {
      await cache.ping()
      const keys = Array.from({ length: 20 }, (_, i) => `probe ${i}`)
      expect(await cache.setMany(keys.map(key => [key, key]))).toEqual([])
      expect((await cache.getMany(keys)).size).toBe(20)
    }, bound)
  }

  async function underTraffic(fault: () => Promise<unknown>, healed: () => Promise<unknown>): Promise<Traffic> {
    const traffic = new Traffic(cache, 50)
    traffic.start(20)
    await vi.waitFor(() => expect(traffic.hits).toBeGreaterThan(100), bound)
    await fault()
    await healed()
    await works()
    const before = traffic.hits
    await vi.waitFor(() => expect(traffic.hits).toBeGreaterThan(before + 100), bound)
    await traffic.stop()
    expect(traffic.wrong).toEqual([])
    expect(traffic.rejected).toEqual([])
    return traffic
  }

  /** Calls answered while no server is up: many, since only the first ones wait. */
  async function answersAtOnce(): Promise<void> {
    await vi.waitFor(async () => {
      const keys = Array.from({ length: 30 }, (_, i) => `key ${i}`)
      await Promise.all(keys.map(key => cache.get(key, { timeout: '100ms' })))
      expect(errors.at(-1)?.message).toMatch(/breaker is open/)
    }, bound)
    const before = errors.length
    for (let i = 0; i < 200; i++) expect(await cache.get(`key ${i}`)).toBeUndefined()
    expect(errors.length).toBe(before + 200)
    expect(errors.slice(before).every(error => error.outcome === 'not-sent')).toBe(true)
  }

  test('a server that was never up gives misses at once, and is used when it comes up', async () => {
    await Promise.all(bench.proxies.map(proxy => proxy.refuse()))
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.set('k', 1)).toBe(false)
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    expect(errors[0]).toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'get', key: 'k' })
    await answersAtOnce()
    const keys = Array.from({ length: 100 }, (_, i) => `many ${i}`)
    errors.length = 0
    await cache.getMany(keys)
    await cache.setMany(keys.map(key => [key, 1]))
    await cache.deleteMany(keys)
    // Each call reports each server's failure once.
    expect(new Set(errors.map(error => `${error.op} ${error.server}`)).size).toBe(errors.length)
    expect(errors.length).toBe(3 * bench.servers.length)
    await expect(cache.increment('n')).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'increment' })
    await expect(cache.ping()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await works()
  })

  test('killed and restarted empty under traffic: no wrong value, no rejection, no hanging call', async () => {
    const traffic = await underTraffic(
      async () => {
        await Promise.all(bench.servers.map(server => server.kill()))
        await wait(300)
      },
      () => Promise.all(bench.servers.map(server => server.restart())),
    )
    expect(traffic.misses).toBeGreaterThan(0)
    expect(errors.length).toBeGreaterThan(0)
  })

  test('frozen under traffic: calls settle, the breaker refuses at once, and late replies reach no call', async () => {
    await underTraffic(
      async () => {
        await Promise.all(bench.servers.map(server => server.pause()))
        await wait(1500)
      },
      () => Promise.all(bench.servers.map(server => server.resume())),
    )
    expect(errors.some(error => error.code === 'ERR_CACHE_TIMEOUT')).toBe(true)
    expect(errors.some(error => /breaker is open/.test(error.message))).toBe(true)
  })

  test('a black hole: connections are accepted, but no reply comes', async () => {
    await works()
    for (const proxy of bench.proxies) proxy.blackHole()
    expect(await cache.get('k', { timeout: '150ms' })).toBeUndefined()
    expect(errors[0]).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', op: 'get', key: 'k' })
    await answersAtOnce()
    for (const proxy of bench.proxies) proxy.pass()
    await works()
  })

  test('replies cut in the middle, again and again: correct values or misses, never another caller’s value', async () => {
    const traffic = new Traffic(cache, 50)
    traffic.start(20)
    for (let round = 0; round < 40; round++) {
      for (const proxy of bench.proxies) proxy.cutAfter((round * 97) % 1500, { end: round % 2 ? 'fin' : 'reset' })
      await wait(20)
    }
    for (const proxy of bench.proxies) proxy.pass()
    await works()
    await vi.waitFor(() => expect(traffic.hits).toBeGreaterThan(0), bound)
    await traffic.stop()
    expect(traffic.wrong).toEqual([])
    expect(traffic.rejected).toEqual([])
  })

  test('a reply that stalls half-way is not taken for the start of the next one', async () => {
    const big = 'x'.repeat(100_000)
    await cache.set('big', big, { timeout: '5s' })
    for (const proxy of bench.proxies) proxy.stallAfter(200)
    expect(await cache.get('big', { timeout: '200ms' })).toBeUndefined()
    for (const proxy of bench.proxies) proxy.pass()
    await works()
    expect(await cache.get('big')).toBe(big)
  })

  test('replies that dribble in are read completely', async () => {
    await works()
    await cache.set('text', 'slow but whole '.repeat(5))
    for (const proxy of bench.proxies) proxy.dribble(7, 1)
    const options = { timeout: '10s' } as const
    expect(await cache.get('text', options)).toBe('slow but whole '.repeat(5))
    expect(await cache.getMany(['text', 'none'], options)).toEqual(new Map([['text', 'slow but whole '.repeat(5)]]))
    expect(await cache.increment('n', 3, options)).toBe(3)
    for (const proxy of bench.proxies) proxy.pass()
  })

  test('an increment is never sent twice, however often its reply is lost', async () => {
    await works()
    let counted = 0
    let unknown = 0
    for (let round = 0; round < 60; round++) {
      if (round % 3 === 0) for (const proxy of bench.proxies) proxy.cutAfter(0)
      try {
        await cache.increment('n')
        counted++
      } catch (error) {
        if ((error as CacheError).outcome === 'unknown') unknown++
        await wait(20)
      }
    }
    for (const proxy of bench.proxies) proxy.pass()
    await works()
    const total = await cache.get<number>('n')
    expect(counted).toBeGreaterThan(0)
    expect(unknown).toBeGreaterThan(0)
    expect(total).toBeGreaterThanOrEqual(counted)
    expect(total).toBeLessThanOrEqual(counted + unknown)
  })

  test('a delete that an outage prevented is owed: no process reads the old value after it', async () => {
    const beside = await bench.open()
    await cache.setMany([
      ['deleted', 'old'],
      ['overwritten', 'old'],
      ['touched', 'old'],
    ])
    for (const proxy of bench.proxies) proxy.blackHole()
    const options = { timeout: '150ms' } as const
    expect(await cache.delete('deleted', options)).toBe(false)
    expect(await cache.set('overwritten', 'new', options)).toBe(false)
    expect(await cache.touch('touched', '1m', options)).toBe(false)
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    for (const proxy of bench.proxies) proxy.pass()
    expect([...(await cache.getMany(['deleted', 'overwritten', 'touched'])).values()]).not.toContain('old')
    await vi.waitFor(async () => {
      expect([...(await beside.getMany(['deleted', 'overwritten', 'touched'])).values()]).not.toContain('old')
    }, bound)
    await works()
    expect(await cache.set('deleted', 'new')).toBe(true)
    expect(await beside.get('deleted')).toBe('new')
  })

  test('serverStats gives one entry per server, a dead one with its error, and rejects when none answers', async () => {
    const names = [...cache.info().servers].sort()
    const alive = await cache.serverStats()
    expect(alive.map(({ server }) => server).sort()).toEqual(names)
    for (const { stats, error } of alive) {
      expect(Object.keys(stats).length).toBeGreaterThan(5)
      expect(error).toBeUndefined()
    }
    const [first, ...others] = bench.proxies
    await first?.refuse()
    await first?.cut()
    if (others.length > 0) {
      const mixed = await cache.serverStats()
      expect(mixed.map(({ server }) => server).sort()).toEqual(names)
      const dead = mixed.filter(({ error }) => error !== undefined)
      expect(dead).toMatchObject([{ server: names.find(name => name.endsWith(`:${first?.port}`)), stats: {} }])
      expect(dead[0]?.error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'serverStats' })
      expect(errors.at(-1)).toBe(dead[0]?.error)
    }
    await Promise.all(others.map(proxy => proxy.refuse()))
    await Promise.all(others.map(proxy => proxy.cut()))
    errors.length = 0
    await expect(cache.serverStats()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'serverStats' })
    expect(new Set(errors.map(({ server }) => server)).size).toBe(names.length)
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await works()
    expect((await cache.serverStats()).every(({ error }) => error === undefined)).toBe(true)
  })

  test('restarted empty: old tokens store nothing, counters start over', async () => {
    await cache.set('k', 'old')
    const token = (await cache.getEntry('k'))?.casToken
    await Promise.all(bench.servers.map(server => server.kill()))
    await Promise.all(bench.servers.map(server => server.restart()))
    await works()
    const beside = await bench.open()
    await beside.set('k', 'newer')
    expect(await cache.compareAndSet('k', 'mine', token as never)).toBe('conflict')
    expect(await cache.get('k')).toBe('newer')
    expect(await cache.increment('n')).toBe(1)
  })

  test('under onError "throw" every verb reports the reason, and close() settles calls in flight', async () => {
    const strict = await bench.open({ onError: 'throw', timeout: '200ms' })
    await strict.set('k', 1)
    for (const proxy of bench.proxies) proxy.blackHole()
    const calls = [strict.get('k'), strict.set('k', 2), strict.delete('k'), strict.getMany(['k']), strict.has('k')]
    const closing = strict.close()
    for (const settled of await Promise.allSettled(calls)) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: expect.stringMatching(/ERR_CACHE_/) } })
    }
    await closing
    await expect(strict.get('k')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
  })
})

describe('one of three memcacheds', () => {
  const start = backends[2]?.[1] as () => Promise<Bench>
  let bench: Bench
  let cache: Cache
  const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`)

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open()
    expect(await cache.setMany(keys.map(key => [key, key]))).toEqual([])
  })
  afterEach(() => bench.close())

  test('dies: its keys are misses, other keys do not move, and it is used again when it returns', async () => {
    const errors: CacheError[] = []
    cache.on('error', ({ error }) => errors.push(error))
    await bench.servers[0]?.kill()
    await bench.proxies[0]?.cut()
    const left = await cache.getMany(keys)
    expect(left.size).toBeGreaterThan(20)
    expect(left.size).toBeLessThan(60)
    expect(new Set(errors.map(error => error.server)).size).toBe(1)
    expect(await cache.setMany(keys.map(key => [key, key]))).toEqual(keys.filter(key => !left.has(key)))
    await expect(cache.clear()).rejects.toThrow(String(bench.proxies[0]?.port))
    const stats = await cache.serverStats()
    expect(stats.filter(({ error }) => error !== undefined)).toHaveLength(1)
    await bench.servers[0]?.restart()
    await vi.waitFor(async () => expect(await cache.setMany(keys.map(key => [key, key]))).toEqual([]), bound)
    expect((await cache.getMany(keys)).size).toBe(60)
  })
})
