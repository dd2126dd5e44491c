import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, backends } from './backends.js'

/** Far less than the timeout of the caches here: only a close that waits for the timeout takes longer. */
const bound = 6000

describe.each(backends)('%s', (_name, start) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await start()
  })
  afterEach(() => bench.close())

  async function settlesSoon(closing: Promise<void>): Promise<void> {
    const late = new Promise(resolve => setTimeout(resolve, bound, 'late').unref())
    expect(await Promise.race([closing.then(() => 'closed'), late])).toBe('closed')
  }

  test('close() does not wait for replies that no call needs', async () => {
    const cache = await bench.open({ timeout: '20s' })
    await cache.set('k', 1)
    await Promise.all(bench.servers.map(server => server.pause()))
    expect(await cache.get('k', { timeout: 100 })).toBeUndefined()
    expect(await cache.getMany(['k', 'l'], { timeout: 100 })).toEqual(new Map())
    expect(await cache.set('k', 2, { timeout: 100 })).toBe(false)
    await settlesSoon(cache.close())
  })

  test('close() ends with the last pending call', async () => {
    const cache = await bench.open({ timeout: '20s' })
    await cache.set('k', 1)
    for (const proxy of bench.proxies) proxy.blackHole('down')
    const settled: string[] = []
    const call = cache.get('k', { timeout: 400 }).then(() => settled.push('call'))
    const hasty = cache.get('k', { timeout: 50 })
    const closing = cache.close().then(() => settled.push('close'))
    await hasty
    await settlesSoon(closing.then(() => {}))
    await call
    expect(settled).toEqual(['call', 'close'])
  })

  test('close() does not wait for a connection that no call needs', async () => {
    for (const proxy of bench.proxies) proxy.blackHole()
    const cache = await bench.open({ timeout: '20s' })
    expect(await cache.get('k', { timeout: 100 })).toBeUndefined()
    await settlesSoon(cache.close())
  })
})
