import { setTimeout as wait } from 'node:timers/promises'
import type { Cache, CacheError } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'

/** After this time a call counts as hanging. */
const bound = { timeout: 10_000, interval: 20 }
const outage = /^ERR_CACHE_(?:TIMEOUT|CONNECTION|SERVER|OVERLOADED)$/
const tags = ['t0', 't1', 't2', 't3', 't4']

interface Written {
  readonly tag: string
  readonly number: number
}

/** What has happened, in one order for all processes. */
class History {
  #moment = 0
  /** When the write of each number settled. */
  readonly settled = new Map<number, number>()
  /** When the last invalidation of each tag that has succeeded was called. */
  readonly invalidated = new Map<string, number>()
  numbers = 0

  now(): number {
    return ++this.#moment
  }
}

/** Tagged reads, writes and invalidations of one cache: no read may give what was written before an invalidation that came before the read. */
class TaggedTraffic {
  readonly wrong: string[] = []
  readonly rejections: CacheError[] = []
  hits = 0
  invalidations = 0
  readonly #cache: Cache
  readonly #running: Promise<void>[] = []
  readonly #history: History
  #isOver = false

  constructor(cache: Cache, history: History) {
    this.#cache = cache
    this.#history = history
  }

  start(): void {
    for (const tag of tags) {
      for (let i = 0; i < 3; i++) this.#running.push(this.#repeat(() => this.#write(`${tag} ${i}`, tag)))
      for (let i = 0; i < 3; i++) this.#running.push(this.#repeat(() => this.#read([`${tag} ${i}`])))
      this.#running.push(this.#repeat(() => this.#invalidate(tag)))
    }
    this.#running.push(this.#repeat(() => this.#read(tags.flatMap(tag => [0, 1, 2].map(i => `${tag} ${i}`)))))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await step()
      } catch (error) {
        this.rejections.push(error as CacheError)
      }
      await wait(Math.random() * 5)
    }
  }

  async #write(key: string, tag: string): Promise<void> {
    const history = this.#history
    const number = ++history.numbers
    try {
      await this.#cache.set(key, { tag, number } satisfies Written, { tags: [tag, 'all'] })
    } finally {
      // Also where it failed: it may take effect later, with the versions that it has read before.
      history.settled.set(number, history.now())
    }
  }

  async #read(keys: readonly string[]): Promise<void> {
    const { settled } = this.#history
    const invalidated = new Map(this.#history.invalidated)
    const found =
      keys.length === 1
        ? [await this.#cache.get<Written>(keys[0] as string)]
        : [...(await this.#cache.getMany<Written>(keys)).values()]
    for (const value of found) {
      if (value === undefined) continue
      this.hits++
      const written = settled.get(value.number) ?? Number.POSITIVE_INFINITY
      const since = invalidated.get(value.tag) ?? 0
      if (written < since) this.wrong.push(`${value.tag}: written until ${written}, invalidated at ${since}`)
    }
  }

  async #invalidate(tag: string): Promise<void> {
    await wait(20)
    const { invalidated } = this.#history
    const called = this.#history.now()
    await this.#cache.invalidateTags(tag)
    this.invalidations++
    invalidated.set(tag, Math.max(called, invalidated.get(tag) ?? 0))
  }
}

describe.each(backends)('tags on %s', (_name, start) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await start()
  })
  afterEach(() => bench.close())

  /** Two processes' caches under traffic while `fault` happens and ends. */
  async function underTraffic(fault: () => Promise<unknown>, heal: () => Promise<unknown>): Promise<TaggedTraffic[]> {
    const history = new History()
    const traffics = await Promise.all(
      (['open', 'throw'] as const).map(
        async onError => new TaggedTraffic(await bench.open({ onError, timeout: '300ms' }), history),
      ),
    )
    const busy = async (): Promise<void> => {
      const before = traffics.map(({ hits, invalidations }) => ({ hits, invalidations }))
      await vi.waitFor(() => {
        for (const [i, { hits, invalidations }] of before.entries()) {
          expect(traffics[i]?.hits).toBeGreaterThan(hits + 20)
          expect(traffics[i]?.invalidations).toBeGreaterThan(invalidations + 10)
        }
      }, bound)
    }
    for (const traffic of traffics) traffic.start()
    await busy()
    await fault()
    await heal()
    await busy()
    await Promise.all(traffics.map(traffic => traffic.stop()))
    return traffics
  }

  function expectRight(traffics: readonly TaggedTraffic[]): void {
    for (const { wrong, rejections } of traffics) {
      expect(wrong).toEqual([])
      for (const { code } of rejections) expect(code).toMatch(outage)
    }
    // Where the cache fails open only an invalidation rejects; where it throws, reads and writes do as well.
    const [open, strict] = traffics.map(({ rejections }) => new Set(rejections.map(({ op }) => op)))
    expect([...(open ?? [])].filter(op => op !== 'invalidateTags')).toEqual([])
    expect([...(strict ?? [])]).toEqual(expect.arrayContaining(['set', 'get']))
  }

  test('killed and restarted empty: nothing invalidated comes back, and no call hangs', async () => {
    const traffics = await underTraffic(
      async () => {
        await Promise.all(bench.servers.map(server => server.kill()))
        await wait(700)
      },
      () => Promise.all(bench.servers.map(server => server.restart())),
    )
    expectRight(traffics)
  })

  test('frozen: nothing invalidated comes back, and no call hangs', async () => {
    const traffics = await underTraffic(
      async () => {
        await Promise.all(bench.servers.map(server => server.pause()))
        await wait(1500)
      },
      () => Promise.all(bench.servers.map(server => server.resume())),
    )
    expectRight(traffics)
  })

  test('what a failed set was to replace is not read again, though only its tags could not be looked up', async () => {
    const cache = await bench.open()
    await cache.set('k', 'old', { tags: 't' })
    await Promise.all(bench.proxies.map(proxy => proxy.refuse()))
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    expect(await cache.set('k', 'new', { tags: 't' })).toBe(false)
    await expect(cache.add('other', 1, { tags: 't' })).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
      op: 'add',
    })
    await expect(cache.invalidateTags('t')).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
      op: 'invalidateTags',
    })
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await vi.waitFor(() => cache.ping(), bound)
    expect(await cache.get('k')).toBeUndefined()
    // Replayed: gone for every process.
    const other = await bench.open()
    await vi.waitFor(async () => expect(await other.get('k')).toBeUndefined(), bound)
    await cache.set('k', 'newest', { tags: 't' })
    expect(await other.get('k')).toBe('newest')
  })

  test('an invalidation that failed is made good when the server is back', async () => {
    const cache = await bench.open()
    const other = await bench.open()
    await cache.set('k', 'old', { tags: 't' })
    await Promise.all(bench.servers.map(server => server.pause()))
    await expect(cache.invalidateTags('t', { timeout: '100ms' })).rejects.toMatchObject({ op: 'invalidateTags' })
    await Promise.all(bench.servers.map(server => server.resume()))
    await vi.waitFor(() => cache.ping(), bound)
    expect(await cache.get('k')).toBeUndefined()
    await vi.waitFor(async () => expect(await other.get('k')).toBeUndefined(), bound)
  })
})
