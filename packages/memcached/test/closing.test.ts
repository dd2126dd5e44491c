import { cacheOver, type Space } from '@anycache/core'
import { describe, expect, test, vi } from 'vitest'
import { MemcachedStore } from '../src/index.js'
import { behindProxy, code, proxy, server, storeOf, text, within } from './opened.js'

/** Far more than closing takes where it waits for nothing, far less than the patience of the stores here. */
const soon = 5000
const patient = { timeout: '60s' } as const

async function closesSoon(close: () => Promise<void>): Promise<void> {
  const started = performance.now()
  await close()
  expect(performance.now() - started).toBeLessThan(soon)
}

describe('closing', () => {
  test('under a cache that owes a delete ends the replay, and nothing is left unhandled', async () => {
    const one = await server()
    const wire = await proxy(one)
    const opened = new MemcachedStore({ servers: [`127.0.0.1:${wire.port}`], breaker: false })
    const cache = cacheOver(opened, { namespace: 's' })
    await wire.refuse()
    expect(await cache.delete('k')).toBe(false)
    await opened.close(within(200))
    const rejections: unknown[] = []
    const note = (error: unknown): unknown => rejections.push(error)
    process.on('unhandledRejection', note)
    await new Promise(resolve => setTimeout(resolve, 600))
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  test('lets what is under way finish, clears included, then refuses, and twice is fine', async () => {
    const one = await server()
    const wire = await proxy(one)
    wire.delay(50)
    const opened = new MemcachedStore({ servers: [`127.0.0.1:${wire.port}`] })
    const space = opened.space(['s'])
    const answers = [
      space.write(text('k', 'v'), within()),
      space.take('k', within()),
      space.clear(within),
      space.write(text('k', 'after'), within()),
    ]
    const closed = opened.close(within())
    expect(await Promise.all(answers)).toMatchObject([
      { outcome: 'stored' },
      { flags: 0 },
      undefined,
      { outcome: 'stored' },
    ])
    await Promise.all([closed, opened.close(within())])
    await expect(space.get('k', within())).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
    await vi.waitFor(() => expect(wire.openConnections).toBe(0), 2000)
  })

  test('waits for nothing beyond its deadline', async () => {
    const one = await server()
    const opened = new MemcachedStore({ servers: [`127.0.0.1:${one.port}`] })
    await opened.ping(within())
    await one.pause()
    const pending = code(opened.space([]).get('k', within(60_000)))
    await opened.close(within(100))
    expect(await pending).toBe('ERR_CACHE_CONNECTION')
  })

  test('does not wait for replies that nobody waits for', async () => {
    const { one, opened, space } = await behindProxy(patient)
    const cache = cacheOver(opened, { timeout: '60s' })
    await cache.set('k', 'v')
    await one.pause()
    expect(await cache.get('k', { timeout: 100 })).toBeUndefined()
    expect(await code(space.take('k', within(100)))).toBe('ERR_CACHE_TIMEOUT')
    expect(await code(opened.space(['s']).take('k', within(100)))).toBe('ERR_CACHE_TIMEOUT')
    await closesSoon(() => cache.close())
  })

  test('waits for the last call that is pending, and no longer', async () => {
    const { one, opened, space } = await behindProxy(patient)
    await one.pause()
    let settled = 0
    const calls = [200, 400, 600].map(ms => code(space.get('k', within(ms))).finally(() => settled++))
    await closesSoon(() => opened.close(within(60_000)))
    expect(settled).toBe(3)
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ERR_CACHE_TIMEOUT']))
  })

  test('does not wait for a connection that nobody waits for', async () => {
    const one = await server()
    const wire = await proxy(one)
    wire.blackHole()
    const opened = new MemcachedStore({ servers: [`127.0.0.1:${wire.port}`], ...patient })
    expect(await code(opened.space([]).get('k', within(100)))).toBe('ERR_CACHE_TIMEOUT')
    await closesSoon(() => opened.close(within(60_000)))
  })

  test('does not wait for the breaker’s probe', async () => {
    const { one, opened, space, events } = await behindProxy(patient)
    await one.pause()
    await vi.waitFor(async () => {
      await code(space.get('k', within(30)))
      expect(events.filter(type => type === 'breaker').length).toBeGreaterThan(1)
    }, 5000)
    await closesSoon(() => opened.close(within(60_000)))
  })

  test('makes every verb say afterwards that the store is closed, over one server and over several', async () => {
    for (const count of [1, 3]) {
      const servers = await Promise.all(Array.from({ length: count }, () => server()))
      const opened = storeOf(...servers)
      const space: Space = opened.space(['s'])
      await space.write(text('k', 'v'), within())
      await opened.close(within())
      const calls = {
        get: space.get('k', within()),
        getMany: space.getMany(['k', 'l', 'm'], within()),
        write: space.write(text('k', 'v'), within()),
        writeMany: space.writeMany([text('k', 'v'), text('l', 'v'), text('m', 'v')], within()),
        remove: space.remove('k', undefined, within()),
        removeMany: space.removeMany(['k', 'l', 'm'], within()),
        claim: space.claim('k', { flags: 8192, data: 'lease' }, 1000, within()),
        take: space.take('k', within()),
        touch: space.touch('k', 1000, within()),
        count: space.count('k', 1, undefined, within()),
        clear: space.clear(within),
        wireKey: space.wireKey('k', within()),
        ping: opened.ping(within()),
        flush: opened.flush(within()),
      }
      const codes = await Promise.all(Object.entries(calls).map(async ([verb, call]) => [verb, await code(call)]))
      expect(codes).toEqual(Object.keys(calls).map(verb => [verb, 'ERR_CACHE_CLOSED']))
      const closed = { error: { code: 'ERR_CACHE_CLOSED' } }
      expect(await opened.serverStats(undefined, within())).toMatchObject(servers.map(() => closed))
      expect(await opened.serverStats('conns', within())).toMatchObject(servers.map(() => closed))
    }
  })

  test('of a store under its cache is reported by the cache as such', async () => {
    const { opened } = await behindProxy()
    const cache = cacheOver(opened)
    await opened.close(within())
    const calls = [
      cache.get('k'),
      cache.set('k', 1),
      cache.setMany([['k', 1]]),
      cache.delete('k'),
      cache.increment('n'),
    ]
    for (const call of calls) expect(await code(call)).toBe('ERR_CACHE_CLOSED')
  })
})
