import type { InvalidArgumentError } from '@anycache/core'
import { describe, expect, test } from 'vitest'
import { behindProxy, code, server, store, storeOf, within } from './opened.js'

const fromOne = { value: 1, ttl: Number.POSITIVE_INFINITY }

describe('server statistics', () => {
  test('are those of a section, and one dead server costs no other', async () => {
    const [one, dead] = [await server(), await server()]
    const opened = store({ servers: [one, dead].map(({ port }) => `127.0.0.1:${port}`), timeout: 200 })
    await dead.kill()
    const [first, second] = await opened.serverStats('settings', within(500))
    expect(first).toMatchObject({ server: opened.servers[0], stats: { item_size_max: 1048576, cas_enabled: 'yes' } })
    expect(second).toMatchObject({ server: opened.servers[1], stats: {}, error: { code: 'ERR_CACHE_CONNECTION' } })
    await expect(opened.ping(within(500))).rejects.toMatchObject({
      server: opened.servers[1],
      message: expect.stringMatching(/1 of 2 servers/),
    })
  })

  test('are an entry with an error for each server, though none answers', async () => {
    const servers = [await server(), await server()]
    const opened = storeOf(...servers)
    for (const each of servers) await each.kill()
    for (const section of [undefined, 'settings', 'unusual']) {
      expect(await opened.serverStats(section, within(500))).toMatchObject(
        opened.servers.map(name => ({ server: name, stats: {}, error: { code: 'ERR_CACHE_CONNECTION' } })),
      )
    }
  })

  test('of a section that does not exist are an error', async () => {
    const [only] = await storeOf(await server()).serverStats('nonsense', within())
    expect(only?.error).toMatchObject({
      code: 'ERR_CACHE_SERVER',
      outcome: 'refused',
      message: expect.stringMatching(/has no statistics "nonsense"/),
    })
  })

  test.each([
    'reset',
    'reset timings',
    'resets',
    'sizes_enable',
    'sizes_disable',
    'detail on',
    'detail off',
    'detail',
    'x'.repeat(251),
  ])('of the section %j are refused before anything is sent', async section => {
    const { one, wire, opened } = await behindProxy()
    const before = await one.command('stats settings')
    const sent = wire.bytesUp
    const error: InvalidArgumentError = await opened.serverStats(section, within()).catch(failure => failure)
    expect(error).toMatchObject({ code: 'ERR_CACHE_INVALID_ARGUMENT', op: 'serverStats' })
    expect(error.message).toMatch(/settings, items, slabs, sizes/)
    expect(wire.bytesUp).toBe(sent)
    expect(await one.command('stats settings')).toBe(before)
  })

  test.each([
    '',
    'settings',
    'items',
    'slabs',
    'sizes',
    'conns',
    'detail dump',
    'x'.repeat(250),
    'Sizes_enable',
    'RESET',
  ])('of the section %j cost no count beside them its answer', async section => {
    const { wire, opened, space, events } = await behindProxy()
    const counts = Array.from({ length: 20 }, () => code(space.count('n', 1, fromOne, within())))
    const asked = opened.serverStats(section, within())
    counts.push(...Array.from({ length: 20 }, () => code(space.count('n', 1, fromOne, within()))))
    const [only] = await asked
    expect(only?.server).toBe(`127.0.0.1:${wire.port}`)
    expect(new Set(await Promise.all(counts))).toEqual(new Set(['answered']))
    expect(await space.count('n', 0, undefined, within())).toEqual({ value: 40 })
    expect(events).toEqual(['connect'])
  })

  test('of an unusual section leave no connection behind', async () => {
    const { wire, opened } = await behindProxy()
    for (let i = 0; i < 5; i++) await opened.serverStats('conns', within())
    await expect.poll(() => wire.openConnections, { timeout: 3000 }).toBe(1)
    expect(wire.connections).toBe(6)
  })
})
