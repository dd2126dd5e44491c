import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Cache, LoadOutcome } from 'anycache'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bench, backends } from './backends.js'

/** After this time a call counts as hanging. */
const bound = { timeout: 8000, interval: 20 }
const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** A loader that waits until it may end. */
function held(value: string) {
  const { opened, open } = gate()
  const called = gate()
  const load = vi.fn(async () => {
    called.open()
    await opened
    return value
  })
  return { load, called: called.opened, finish: open }
}

const faults: readonly [
  name: string,
  begin: (bench: Bench) => Promise<unknown>,
  end: (bench: Bench) => Promise<unknown>,
][] = [
  [
    'killed',
    bench => Promise.all(bench.servers.map(server => server.kill())),
    bench => Promise.all(bench.servers.map(server => server.restart())),
  ],
  [
    'frozen',
    bench => Promise.all(bench.servers.map(server => server.pause())),
    async bench => {
      for (const server of bench.servers) server.resume()
    },
  ],
  [
    'slower than the timeout',
    async bench => {
      for (const proxy of bench.proxies) proxy.delay(1500)
    },
    async bench => {
      for (const proxy of bench.proxies) proxy.pass()
    },
  ],
]

// Of several memcacheds the address says which one holds a key, so that the way around the proxies leads elsewhere.
describe.each(backends.slice(0, 2))('%s', (name, start) => {
  let bench: Bench
  let cache: Cache

  beforeEach(async () => {
    bench = await start()
    cache = await bench.open({ timeout: '300ms' })
    await cache.ping()
  })
  afterEach(() => bench.close())

  /** Resolves when a load is stored and read again, by either way to the servers. */
  async function storesAgain(beside: Cache): Promise<void> {
    let round = 0
    await vi.waitFor(async () => {
      const key = `again ${round++}`
      await cache.ping()
      expect(await cache.getOrSet(key, () => 'loaded')).toBe('loaded')
      expect(await cache.get(key)).toBe('loaded')
      expect(await beside.get(key)).toBe('loaded')
    }, bound)
  }

  describe.each(faults)('a server that is %s', (_fault, begin, end) => {
    test('is a miss: each key is loaded once for all its callers, and stored again when it is back', async () => {
      const beside = await bench.beside()
      await begin(bench)
      const { load, called, finish } = held('loaded')
      const outcomes: LoadOutcome[] = []
      const calls = Array.from({ length: 20 }, () =>
        cache.getOrSet('k', load, { onOutcome: outcome => outcomes.push(outcome) }),
      )
      await called
      await vi.waitFor(() => expect(cache.stats().joins).toBe(19), bound)
      finish()
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['loaded']))
      expect(load).toHaveBeenCalledTimes(1)
      expect(outcomes).toHaveLength(20)
      expect(outcomes.every(({ stored }) => !stored)).toBe(true)
      const many = await cache.getOrSetMany(['k', 'l'], keys => new Map(keys.map(key => [key, key])))
      expect([...many]).toEqual([
        ['k', 'k'],
        ['l', 'l'],
      ])
      await end(bench)
      await storesAgain(beside)
    })

    test('rejects under onError "throw", and no loader runs', async () => {
      await begin(bench)
      const load = vi.fn(() => 'loaded')
      const options = { onError: 'throw' } as const
      await expect(cache.getOrSet('k', load, options)).rejects.toMatchObject({ op: 'getOrSet', key: 'k' })
      await expect(cache.getOrSet('k', load, { ...options, force: true, tags: 't' })).rejects.toMatchObject({
        op: 'getOrSet',
      })
      await expect(cache.getOrSetMany(['k', 'l'], () => new Map([['k', load()]]), options)).rejects.toMatchObject({
        op: 'getOrSetMany',
      })
      expect(load).not.toHaveBeenCalled()
      await end(bench)
    })

    test('fails while a load runs: its value is returned, and the cache works again', async () => {
      const beside = await bench.beside()
      const { load, called, finish } = held('loaded')
      const loading = cache.getOrSet('k', load, { lease: '1s', tags: 't' })
      await called
      await begin(bench)
      finish()
      expect(await loading).toBe('loaded')
      expect(load).toHaveBeenCalledTimes(1)
      await end(bench)
      await storesAgain(beside)
      await vi.waitFor(async () => expect(await beside.getOrSet('k', () => 'theirs')).toMatch(/loaded|theirs/), bound)
    })

    test('fails while a call waits for another process: it loads for itself', async () => {
      const beside = await bench.beside()
      const theirs = held('theirs')
      const first = beside.getOrSet('k', theirs.load)
      await theirs.called
      const own = held('own')
      const waiting = cache.getOrSet('k', own.load)
      await wait(50)
      expect(own.load).not.toHaveBeenCalled()
      await begin(bench)
      await own.called
      own.finish()
      expect(await waiting).toBe('own')
      theirs.finish()
      expect(await first).toBe('theirs')
      await end(bench)
      await storesAgain(beside)
    })

    test('fails while a call under onError "throw" waits for another process: it rejects, and does not load', async () => {
      const beside = await bench.beside()
      const theirs = held('theirs')
      const first = beside.getOrSet('k', theirs.load)
      await theirs.called
      const load = vi.fn(() => 'own')
      const waiting = cache.getOrSet('k', load, { onError: 'throw' })
      waiting.catch(() => {})
      await wait(50)
      await begin(bench)
      await expect(waiting).rejects.toMatchObject({ op: 'getOrSet', key: 'k' })
      expect(load).not.toHaveBeenCalled()
      theirs.finish()
      await first
      await end(bench)
    })

    test('fails while a value is refreshed in the background: nothing is left behind', async () => {
      const beside = await bench.beside()
      const windows = { ttl: 1, staleWhileRevalidate: '1h' } as const
      await cache.getOrSet('k', () => 'old', windows)
      await wait(20)
      const { load, called, finish } = held('refreshed')
      expect(await cache.getOrSet('k', load, windows)).toBe('old')
      await called
      await begin(bench)
      finish()
      expect(await cache.getOrSet('other', () => 'loaded')).toBe('loaded')
      await wait(400)
      // What is stale cannot be read now, so it is loaded, or the refresh is joined that still waits for the server.
      expect(await cache.getOrSet('k', () => 'loaded', windows)).toMatch(/^(loaded|refreshed)$/)
      await end(bench)
      await storesAgain(beside)
    })
  })

  test('a claim whose answer is lost keeps nobody out longer than its lease', async () => {
    const beside = await bench.beside()
    for (let round = 0; round < 5; round++) {
      const key = `k${round}`
      const { load, called, finish } = held('own')
      // Its read passes, and its claim takes effect unseen.
      await cache.get(key)
      const reading = cache.getOrSet(key, load, { lease: '10s' })
      await new Promise(setImmediate)
      for (const proxy of bench.proxies) proxy.cutAfter(round)
      await called
      finish()
      expect(await reading).toBe('own')
      expect(load).toHaveBeenCalledTimes(1)
      for (const proxy of bench.proxies) proxy.pass()
      expect(await beside.getOrSet(key, () => 'theirs')).toMatch(/own|theirs/)
    }
    await storesAgain(beside)
  })

  /** `cache` deletes the key while another one, or itself, loads it, and cannot reach the server; from then on it cannot. */
  const deleteWhileLoading = async (loader: Cache): Promise<void> => {
    const { load, called, finish } = held('loaded')
    const loading = loader.getOrSet('k', load)
    await called
    await Promise.all(bench.proxies.map(proxy => proxy.refuse()))
    await Promise.all(bench.proxies.map(proxy => proxy.cut()))
    expect(await cache.delete('k')).toBe(false)
    finish()
    expect(await loading).toBe('loaded')
  }

  test('a delete that an outage left undone while its key was loaded undoes that load', async () => {
    const beside = await bench.beside()
    await deleteWhileLoading(cache)
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await storesAgain(beside)
    expect(await cache.get('k')).toBeUndefined()
    expect(await beside.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    expect(await beside.get('k')).toBe('new')
  })

  test('a delete that an outage left undone undoes what another process loaded meanwhile', async () => {
    const beside = await bench.beside()
    await deleteWhileLoading(beside)
    expect(await cache.get('k')).toBeUndefined()
    await Promise.all(bench.proxies.map(proxy => proxy.accept()))
    await vi.waitFor(async () => {
      expect(await cache.get('k')).toBeUndefined()
      expect(await beside.get('k')).toBeUndefined()
    }, bound)
    await storesAgain(beside)
    expect(await beside.get('k')).toBeUndefined()
  })

  test('a process ends by itself, whatever its loads wait for', { timeout: 90_000 }, async () => {
    const proxy = bench.proxies[0]
    const url = `${name}://127.0.0.1:${proxy?.port}?namespace=exit`
    const program = (body: string): string => `
      import { createCache } from 'anycache'
      const cache = await createCache(${JSON.stringify(url)})
      const never = new Promise(() => {})
      const windows = { ttl: 1, staleWhileRevalidate: '1h' }
      ${body}
      console.log('done')`
    const stale = `await cache.getOrSet('k', () => 'old', windows)
      await new Promise(resolve => setTimeout(resolve, 20))
      console.log(await cache.getOrSet('k', () => never, windows))`
    expect(await run(program(`${stale}; await cache.close()`))).toEqual({ code: 0, printed: 'old\ndone\n' })
    expect(await run(program(`cache.getOrSet('l', () => never); ${stale}`))).toEqual({
      code: 0,
      printed: 'old\ndone\n',
    })
    proxy?.blackHole()
    const ill = `console.log(await cache.getOrSet('m', () => 'loaded', windows))`
    expect(await run(program(ill))).toEqual({ code: 0, printed: 'loaded\ndone\n' })
    expect(await run(program(`${ill}; await cache.close()`))).toEqual({ code: 0, printed: 'loaded\ndone\n' })
  })
})

/** Runs a program of its own on the built packages. One that does not end by itself has no exit code. */
function run(program: string): Promise<{ code: number | null; printed: string }> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  if (!existsSync(`${root}/packages/anycache/dist/index.js`)) throw new Error('not built; run npm run build')
  return new Promise(resolve => {
    const args = ['--input-type=module', '-e', program]
    const child = execFile(process.execPath, args, { cwd: root, timeout: 20_000 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, printed: stdout + stderr })
    })
  })
}
