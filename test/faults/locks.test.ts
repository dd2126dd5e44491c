import { startMemcached } from '@anycache/testing/memcached'
import { type Cache, createCache, type Lock } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'

/** After this time a call counts as hanging. */
const bound = { timeout: 5000, interval: 20 }

async function won(cache: Cache): Promise<Lock> {
  const lock = await cache.lock('k', { ttl: '1h', timeout: '10s' })
  if (lock === undefined) throw new Error('another one holds it')
  return lock
}

describe.each(backends)('%s: a lock', (_name, start) => {
  let bench: Bench
  let cache: Cache
  beforeEach(async () => {
    bench = await start()
    cache = await bench.open({ timeout: 300 })
    cache.on('error', () => {})
    await cache.ping()
  })
  afterEach(() => bench.close())

  async function cut(): Promise<void> {
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    await vi.waitFor(() => cache.ping(), bound)
  }

  test('outlives the connection it was taken on', async () => {
    const lock = await won(cache)
    await cut()
    expect(await lock.renew()).toBe(true)
    await cut()
    const other = await bench.open()
    expect(await other.lock('k', { timeout: '10s' })).toBeUndefined()
    expect(await lock.release()).toBe(true)
    await (await won(other)).release()
  })

  test('is lost with the memory of its server, and the next holder is not disturbed', async () => {
    const lock = await won(cache)
    await Promise.all(bench.servers.map(server => server.restart()))
    await vi.waitFor(() => cache.ping(), bound)
    const other = await bench.open()
    const next = await won(other)
    expect(next.fence).toBeGreaterThan(lock.fence)
    expect(await lock.renew()).toBe(false)
    expect(await lock.release()).toBe(false)
    expect(await next.renew()).toBe(true)
    expect(await next.release()).toBe(true)
  })

  test('whose claim was answered too late is withdrawn, long before its ttl ends', async () => {
    for (const proxy of bench.proxies) proxy.blackHole('down')
    await expect(cache.lock('k', { ttl: '1h' })).rejects.toMatchObject({ op: 'lock', key: 'k' })
    for (const proxy of bench.proxies) proxy.pass()
    const other = await bench.open()
    expect(await other.lock('k', { wait: '15s', timeout: '10s' })).toBeDefined()
  })

  test('whose claim waits in a frozen server is withdrawn when that goes on', async () => {
    await Promise.all(bench.servers.map(server => server.pause()))
    await expect(cache.lock('k', { ttl: '1h' })).rejects.toMatchObject({ op: 'lock', key: 'k' })
    await Promise.all(bench.servers.map(server => server.resume()))
    const other = await bench.open()
    expect(await other.lock('k', { wait: '15s', timeout: '10s' })).toBeDefined()
  })

  test('whose renewal was not answered is still held', async () => {
    const lock = await won(cache)
    for (const proxy of bench.proxies) proxy.blackHole('down')
    await expect(lock.renew()).rejects.toMatchObject({ op: 'renew', key: 'k' })
    for (const proxy of bench.proxies) proxy.pass()
    await vi.waitFor(() => cache.ping(), bound)
    expect(await lock.renew(undefined, { timeout: '10s' })).toBe(true)
    expect(await lock.release({ timeout: '10s' })).toBe(true)
  })
})

test('a memcached without versions has no locks, and nothing of one is left there', async () => {
  await using server = await startMemcached({ args: ['-C'] })
  for (let i = 0; i < 2; i++) {
    await using cache = await createCache(`${server.url}?namespace=shop`)
    await expect(cache.lock('k', { ttl: '1h' })).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_SUPPORTED' })
    expect((await cache.serverStats())[0]?.stats.curr_items).toBe(1)
  }
})
