import { randomUUID } from 'node:crypto'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Space } from '@anycache/core'
import type { MemcachedServer } from '@anycache/testing/memcached'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { MemcachedStore } from '../src/index.js'
import { proxy, read, server, store, storeOf, text, within } from './opened.js'

const absent = (key: string, data: string) => ({ ...text(key, data), when: 'absent' }) as const
const fromOne = { value: 1, ttl: Number.POSITIVE_INFINITY }

describe('the wire key', () => {
  let one: MemcachedServer
  let opened: MemcachedStore
  beforeEach(async () => {
    one = await server()
    opened = storeOf(one)
  })

  test('holds the namespace, its generation and the key', async () => {
    const space = opened.space(['shop'])
    await space.write(text('42', 'v'), within())
    const generation = (await one.command('get shop~generation')).split('\r\n')[1]
    expect(generation).toMatch(/^[\w-]{11}$/)
    expect(await space.wireKey('42', within())).toBe(`shop~${generation}:42`)
    expect(await one.command(`get shop~${generation}:42`)).toContain('\r\nv\r\n')
  })

  test('holds one generation for a nested namespace, which depends on all it is nested in', async () => {
    const space = opened.space(['shop', 'carts'])
    const before = await space.wireKey('42', within())
    expect(before).toMatch(/^shop\/carts~[\w-]{11}:42$/)
    await opened.space(['shop']).clear(within)
    const between = await space.wireKey('42', within())
    await space.clear(within)
    const after = await space.wireKey('42', within())
    expect(new Set([before, between, after]).size).toBe(3)
    expect(await space.wireKey('42', within())).toBe(after)
  })

  test('is at most 250 bytes long, however long the namespaces and the key', async () => {
    for (const depth of [1, 2, 10, 40]) {
      const space = opened.space(Array.from({ length: depth }, (_, i) => `namespace-number-${i}`))
      const key = 'ключ'.repeat(100)
      expect(Buffer.byteLength(await space.wireKey(key, within()))).toBeLessThanOrEqual(250)
      await space.write(text(key, `${depth}`), within())
      await space.write(text('short', `short ${depth}`), within())
      expect(await read(space, key)).toBe(`${depth}`)
      expect(await read(space, 'short')).toBe(`short ${depth}`)
    }
  })
})

describe.each([1, 3])('clear() with servers: %i', count => {
  let servers: MemcachedServer[]
  let mine: MemcachedStore
  let theirs: MemcachedStore
  let path: string[]
  beforeEach(async () => {
    servers = await Promise.all(Array.from({ length: count }, () => server()))
    mine = storeOf(...servers)
    theirs = storeOf(...servers)
    path = [randomUUID()]
  })

  async function fill(space: Space, keys: readonly string[]): Promise<void> {
    await space.writeMany(
      keys.map(key => text(key, key)),
      within(),
    )
  }
  const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`)
  const hits = async (space: Space) => (await space.getMany(keys, within())).filter(item => item !== undefined).length

  test('takes what was asked before it and leaves what is asked after it, in one tick', async () => {
    const space = mine.space(path)
    const answers = await Promise.all([
      space.write(text('before', '1'), within()),
      space.count('n', 7, { value: 7, ttl: 60_000 }, within()),
      space.take('before', within()),
      space.write(text('before', '2'), within()),
      space.clear(within),
      space.write(absent('before', '3'), within()),
      space.count('n', 1, fromOne, within()),
      space.clear(within),
      space.get('before', within()),
      space.write(absent('n', '4'), within()),
    ])
    expect(answers).toMatchObject([
      { outcome: 'stored' },
      { value: 7 },
      { data: Buffer.from('1') },
      { outcome: 'stored' },
      undefined,
      { outcome: 'stored' },
      { value: 1 },
      undefined,
      undefined,
      { outcome: 'stored' },
    ])
    expect(await read(space, 'n')).toBe('4')
  })

  test('takes nested namespaces too, known or not, and no neighbour', async () => {
    const [shop] = path as [string]
    const spaces = [[shop], [shop, 'carts'], [shop, 'carts', 'old'], [`${shop}2`], []].map(each => mine.space(each))
    for (const space of spaces) await fill(space, keys)
    await theirs.space([shop]).clear(within)
    expect(await Promise.all(spaces.map(hits))).toEqual([0, 0, 0, 60, 60])
    for (const space of spaces) await fill(space, keys)
    await mine.space([shop, 'carts']).clear(within)
    expect(await Promise.all(spaces.map(hits))).toEqual([60, 0, 0, 60, 60])
  })

  test.each<[string, (space: Space) => unknown, unknown]>([
    ['get', space => space.get('k', within()), undefined],
    ['add', space => space.write(absent('k', 'new'), within()), { outcome: 'stored' }],
    ['replace', space => space.write({ ...text('k', 'new'), when: 'present' }, within()), { outcome: 'missing' }],
    ['remove', space => space.remove('k', undefined, within()), false],
    ['take', space => space.take('k', within()), undefined],
    ['touch', space => space.touch('k', 60_000, within()), 'missing'],
    ['count', space => space.count('k', 1, fromOne, within()), { value: 1 }],
  ])('in another process is seen by the very next %s', async (verb, run, answer) => {
    const space = mine.space(path)
    const other = theirs.space(path)
    await space.write(text('k', '41'), within())
    await other.clear(within)
    const given = await run(space)
    if (answer === undefined) expect(given).toBeUndefined()
    else if (typeof answer === 'object') expect(given).toMatchObject(answer as object)
    else expect(given).toBe(answer)
    expect(await read(other, 'k')).toBe(verb === 'add' ? 'new' : verb === 'count' ? '1' : undefined)
  })

  test('in another process costs no operation its place: all of a tick are done again in order', async () => {
    const space = mine.space(path)
    await space.write(text('k', 'old'), within())
    for (let round = 0; round < 10; round++) {
      await theirs.space(path).clear(within)
      const answers = await Promise.all([
        space.write(absent('k', '1'), within()),
        space.write(absent('k', '2'), within()),
        space.get('k', within()),
        space.take('k', within()),
        space.count('k', 5, { value: 5, ttl: 60_000 }, within()),
        space.count('k', 5, { value: 5, ttl: 60_000 }, within()),
        space.remove('k', undefined, within()),
        space.get('k', within()),
      ])
      expect(answers).toMatchObject([
        { outcome: 'stored' },
        { outcome: 'exists' },
        { data: Buffer.from('1') },
        { data: Buffer.from('1') },
        { value: 5 },
        { value: 10 },
        true,
        undefined,
      ])
    }
  })

  test('lets one of many processes win an add afterwards', async () => {
    const spaces = [...Array.from({ length: 4 }, () => storeOf(...servers)), mine, theirs].map(each => each.space(path))
    for (let round = 0; round < 20; round++) {
      await Promise.all(spaces.map(space => space.get('k', within())))
      await spaces[round % spaces.length]?.clear(within)
      const written = await Promise.all(spaces.map((space, i) => space.write(absent('k', `${i}`), within())))
      expect(written.filter(({ outcome }) => outcome === 'stored')).toHaveLength(1)
    }
  })

  test('by many at once, under traffic, leaves every answer in order', async () => {
    const space = mine.space(path)
    let clears = 0
    const clearing = (async () => {
      for (; clears < 60; clears++) await theirs.space(path).clear(within)
    })()
    let rounds = 0
    while (clears < 60) {
      const key = `k${rounds++ % 7}`
      // Whatever is cleared in between: what is read after an add was added by it or is gone.
      const [, added, item] = await Promise.all([
        space.remove(key, undefined, within()),
        space.write(absent(key, `${rounds}`), within()),
        space.get(key, within()),
      ])
      expect(added.outcome).toBe('stored')
      if (item !== undefined) expect(`${item.data}`).toBe(`${rounds}`)
    }
    await clearing
    await space.clear(within)
    expect(await hits(space)).toBe(0)
  })

  test('a generation that the server lost is a new one: nothing old comes back', async () => {
    const space = mine.space(path)
    await fill(space, keys)
    const [name] = path
    for (const each of servers) await each.command(`delete ${name}~generation`)
    expect(await hits(space)).toBe(0)
    await fill(space, keys)
    expect(await hits(theirs.space(path))).toBe(60)
  })

  test('names the servers it missed, and clears the others', async () => {
    const space = mine.space(path)
    await fill(space, keys)
    const [dead] = servers as [MemcachedServer]
    const heldByDead = keys.filter(key => space.serverOf(key) === `127.0.0.1:${dead.port}`)
    await dead.kill()
    await expect(space.clear(() => within(300))).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
      server: `127.0.0.1:${dead.port}`,
      message: expect.stringContaining(`127.0.0.1:${dead.port}`),
    })
    const answers = await space.getMany(keys, within(300))
    expect(answers.filter(answer => answer !== undefined && 'failure' in answer)).toHaveLength(heldByDead.length)
    expect(answers.filter(answer => answer === undefined)).toHaveLength(keys.length - heldByDead.length)
  })
})

test('a clear whose reply is lost leaves no old entry visible to this process', async () => {
  const one = await server()
  const wire = await proxy(one)
  const opened = store({ servers: [`127.0.0.1:${wire.port}`] })
  const space = opened.space(['shop'])
  await space.write(text('k', 'old'), within())
  wire.cutAfter(0)
  await expect(space.clear(within)).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await read(space, 'k')).toBeUndefined()
})

test('processes that open a namespace at the same moment agree on its generation', async () => {
  const servers = [await server(), await server()]
  const stores = Array.from({ length: 8 }, () => storeOf(...servers))
  for (let round = 0; round < 10; round++) {
    const path = ['new', `${round}`]
    const written = await Promise.all(stores.map(each => each.space(path).write(absent('k', 'v'), within())))
    expect(written.filter(({ outcome }) => outcome === 'stored')).toHaveLength(1)
    const wireKeys = await Promise.all(stores.map(each => each.space(path).wireKey('k', within())))
    expect(new Set(wireKeys).size).toBe(1)
  }
})

test.each(['', 'a b', 'x'.repeat(300), 'ü\u0000'])(
  'a generation that no cache has written (%j) does no harm',
  async foreign => {
    const one = await server()
    await one.command(`set shop~generation 0 0 ${Buffer.byteLength(foreign)}\r\n${foreign}`)
    const space = storeOf(one).space(['shop'])
    await space.write(text('k', 'v'), within())
    expect(await space.wireKey('k', within())).toMatch(/^shop~[\w-]{11}:k$/)
    expect(await read(storeOf(one).space(['shop']), 'k')).toBe('v')
    await space.clear(within)
    expect(await read(space, 'k')).toBeUndefined()
  },
)

test('what was counted is not counted again when the server refused to tell the generation', async () => {
  const one = await server()
  let refuses = false
  const relay = createServer(client => {
    const upstream = connect(one.port, '127.0.0.1')
    client.pipe(upstream)
    upstream.on('data', chunk => {
      // The first reply of a batch is a generation: its status becomes "out of memory".
      if (refuses) chunk.writeUInt16BE(0x82, 6)
      refuses = false
      client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void relay.close())
  const space = storeOf(relay.address() as AddressInfo).space(['shop'])
  await space.count('n', 1, fromOne, within())
  refuses = true
  await expect(space.count('n', 1, fromOne, within())).rejects.toMatchObject({
    code: 'ERR_CACHE_SERVER',
    outcome: 'unknown',
  })
  expect(await space.count('n', 1, fromOne, within())).toEqual({ value: 3 })
})
