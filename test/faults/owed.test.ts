import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'

/** After this time a call counts as hanging. */
const bound = { timeout: 5000, interval: 20 }
const strict = { onError: 'throw' } as const

/** Each verb, and its answer once the owed delete was sent. */
const asking: [string, (cache: Cache, options: object) => Promise<unknown>, unknown][] = [
  ['get', (cache, options) => cache.get('k', options), undefined],
  ['has', (cache, options) => cache.has('k', options), false],
  ['getEntry', (cache, options) => cache.getEntry('k', options), undefined],
  ['getMany', (cache, options) => cache.getMany(['other', 'k'], options), new Map([['other', 'old']])],
  ['touch', (cache, options) => cache.touch('k', '1m', options), false],
  ['delete', (cache, options) => cache.delete('k', options), false],
  ['getOrSet', (cache, options) => cache.getOrSet('k', () => 'loaded', options), 'loaded'],
]

/** Verbs whose answer programs act on. */
const acting: [string, (cache: Cache) => Promise<unknown>][] = [
  ['append', cache => cache.append('k', 'x')],
  ['prepend', cache => cache.prepend('k', 'x')],
  ['update', cache => cache.update('k', () => undefined)],
  ['add', cache => cache.add('k', 'x')],
  ['increment', cache => cache.increment('k')],
  ['take', cache => cache.take('k')],
]

describe.each(backends)('%s: while the delete of a key is owed', (_name, start) => {
  let bench: Bench
  let cache: Cache

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open()
    expect(await cache.setMany(['k', 'other'].map(key => [key, 'old']))).toEqual([])
    await Promise.all(bench.proxies.map(proxy => proxy.refuse()))
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    expect(await cache.set('k', 'new')).toBe(false)
  })
  afterEach(() => bench.close())

  async function serversReturn(): Promise<void> {
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await vi.waitFor(() => cache.ping(), bound)
  }

  test.each(asking)('%s rejects under onError "throw" as for any other key', async (op, run) => {
    await expect(run(cache, strict)).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op })
  })

  test.each(acting)('%s rejects, though the cache fails open', async (op, run) => {
    await expect(run(cache)).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op, key: 'k' })
  })

  test('no loader runs for the key under onError "throw"', async () => {
    const loader = vi.fn(() => 'loaded')
    await expect(cache.getOrSet('k', loader, strict)).rejects.toMatchObject({ op: 'getOrSet' })
    expect(loader).not.toHaveBeenCalled()
  })

  test.each(asking)('%s under onError "throw" asks the server once it is back', async (_op, run, found) => {
    await serversReturn()
    expect(await run(cache, strict)).toEqual(found)
    expect(await cache.get('k', strict)).not.toBe('old')
    expect(await cache.get('other', strict)).toBe('old')
  })

  test('a loop that reads the key until it is there does not starve the reconnect', async () => {
    let isSet = false
    setTimeout(() => void serversReturn().then(async () => (isSet = await cache.set('k', 'fresh'))), 50)
    // Refused or owed, each call is answered without a server: if only microtasks ran, nothing else ever would.
    const until = performance.now() + 10_000
    while ((await cache.get('k')) === undefined && performance.now() < until);
    expect(isSet || (await cache.get('k')) === 'fresh').toBe(true)
    expect(await cache.get('k')).toBe('fresh')
  })
})

describe.each(backends)('%s: a call behind others on its key', (_name, start) => {
  let bench: Bench
  let cache: Cache
  let errors: CacheError[]

  beforeEach(async () => {
    bench = await start()
    // Without a breaker every call waits for its own deadline.
    cache = await bench.open({ timeout: '2s', breaker: false })
    errors = []
    cache.on('error', ({ error }) => errors.push(error))
    expect(await cache.set('k', 'old')).toBe(true)
    for (const proxy of bench.proxies) proxy.blackHole()
  })
  afterEach(() => bench.close())

  /** The names of the calls, in the order they settled. */
  async function settling(calls: Record<string, Promise<unknown>>): Promise<string[]> {
    const settled: string[] = []
    await Promise.allSettled(
      Object.entries(calls).map(([name, call]) => {
        const note = (): unknown => settled.push(name)
        return call.then(note, note)
      }),
    )
    return settled
  }

  test('ends by its own deadline, which starts with the call', async () => {
    const order = await settling({
      first: cache.append('k', '1'),
      second: cache.append('k', '2'),
      get: cache.get('k', { timeout: '300ms' }),
      getMany: cache.getMany(['k'], { timeout: '300ms' }),
      third: cache.append('k', '3', { timeout: '600ms' }),
    })
    expect(new Set(order.slice(0, 2))).toEqual(new Set(['get', 'getMany']))
    expect(order[2]).toBe('third')
    expect(errors.map(({ op, code }) => `${op} ${code}`)).toEqual([
      'get ERR_CACHE_TIMEOUT',
      'getMany ERR_CACHE_TIMEOUT',
      ...Array(3).fill('append ERR_CACHE_TIMEOUT'),
    ])
  })

  test('is not sent after its deadline; the delete of a set or delete given up like that is owed', async () => {
    const appending = cache.append('k', '1').catch(() => {})
    expect(await cache.set('k', 'late', { timeout: '100ms' })).toBe(false)
    expect(await cache.delete('k', { timeout: '100ms' })).toBe(false)
    await expect(cache.increment('k', 1, { timeout: '100ms' })).rejects.toMatchObject({ outcome: 'not-sent' })
    await appending
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    for (const proxy of bench.proxies) proxy.pass()
    expect(await cache.get('k')).toBeUndefined()
    const beside = await bench.open()
    await vi.waitFor(async () => expect(await beside.get('k')).toBeUndefined(), bound)
  })
})
