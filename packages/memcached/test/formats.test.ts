import { type Format, nativeFormat } from '@anycache/serializer'
import { expect, test } from 'vitest'
import { code, server, storeOf, text, within } from './opened.js'

/** As another client has it: its integers have flags 1, and bits 12 and 13 are its own. */
const foreign: Format = { counterFlags: [1, 4], metadata: false, plainKeys: true }
const from5 = { value: 5, ttl: Number.POSITIVE_INFINITY }

test('plain keys travel behind the names of their namespace, as they are', async () => {
  const one = await server()
  const space = storeOf(one).space(['shop', 'carts'], foreign)
  const lookalike = `k~#${'x'.repeat(43)}`
  for (const key of ['42', 'ключ', 'k'.repeat(239), lookalike]) {
    await space.write(text(key, key), within())
    expect(await space.wireKey(key, within())).toBe(`shop/carts:${key}`)
    expect(await one.command(`get shop/carts:${key}`)).toContain(`\r\n${key}\r\n`)
  }
  const bare = storeOf(one).space([], foreign)
  expect(`${(await bare.get('shop/carts:42', within()))?.data}`).toBe('42')
  expect(await one.command('get shop~generation')).toBe('END')
})

test.each(['with blank', 'line\nbreak', '\u007f', 'k'.repeat(240), 'ключ'.repeat(40)])(
  'a plain key that memcached does not take is refused before anything is sent: %j',
  async key => {
    const one = await server()
    const space = storeOf(one).space(['shop/carts'], foreign)
    const refused = (call: () => unknown) => code((async () => call())())
    for (const call of [
      () => space.get(key, within()),
      () => space.getMany(['fine', key], within()),
      () => space.writeMany([text('fine', 'v'), text(key, 'v')], within()),
      () => space.removeMany(['fine', key], within()),
      () => space.count(key, 1, from5, within()),
      () => space.wireKey(key, within()),
    ]) {
      expect(await refused(call)).toBe('ERR_CACHE_INVALID_ARGUMENT')
    }
    expect(await one.command('stats')).toMatch(/STAT cmd_get 0\r\n(?:.*\r\n)*?STAT cmd_set 0\r\n/)
  },
)

test('a namespace of plain keys cannot be cleared, and no space lists its keys', async () => {
  const opened = storeOf(await server())
  await expect(opened.space(['n'], foreign).clear(within)).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_SUPPORTED' })
  for (const format of [foreign, nativeFormat]) {
    expect(() => opened.space(['n'], format).keys()).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_NOT_SUPPORTED' }),
    )
  }
})

test('bits 12 and 13 mean nothing where the format says so', async () => {
  const space = storeOf(await server()).space(['n'], { ...foreign, plainKeys: false })
  const put = (key: string, flags: number) => ({ ...text(key, ''), item: { flags, data: 'v' } })
  for (const flags of [8192, 4096, 12_288]) {
    await space.write(put('k', flags), within())
    expect(await space.get('k', within())).toMatchObject({ flags, data: Buffer.from('v'), metadata: undefined })
    expect(await space.write({ ...put('k', flags), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
    expect(await space.write({ ...put('k', flags), when: 'present' }, within())).toMatchObject({ outcome: 'stored' })
    expect(await space.touch('k', 60_000, within())).toBe('touched')
    expect(await space.count('k', 1, from5, within())).toEqual({ refused: 'not-a-counter' })
    expect(await space.take('k', within())).toMatchObject({ flags })
    await space.write(put('k', flags), within())
    expect(await space.remove('k', undefined, within())).toBe(true)
  }
})

test('a counter of our own that a count has made has no flags, so that PHP and Dalli read it', async () => {
  const one = await server()
  const space = storeOf(one).space([])
  expect(await space.count('n', 5, from5, within())).toEqual({ value: 5 })
  expect(await one.command('get n')).toBe('VALUE n 0 1\r\n5\r\nEND')
})

test('counters have the flags of the format, the first of them when they are new', async () => {
  const one = await server()
  const space = storeOf(one).space([], foreign)
  expect(await space.count('new', 5, from5, within())).toEqual({ value: 5 })
  expect(await one.command('get new')).toBe('VALUE new 1 1\r\n5\r\nEND')
  for (const [flags, counted] of [
    [1, { value: 42 }],
    [4, { value: 42 }],
    [0, { refused: 'not-a-counter' }],
    [2, { refused: 'not-a-counter' }],
  ] as const) {
    await space.write({ ...text('k', ''), item: { flags, data: '41' } }, within())
    expect(await space.count('k', 1, from5, within())).toEqual(counted)
  }
})

test('a route leads all its keys to one server, whatever the verb', async () => {
  const servers = [await server(), await server(), await server()]
  const opened = storeOf(...servers)
  const keys = Array.from({ length: 30 }, (_, i) => `key${i}`)
  const spaces = [opened.space([]), opened.space(['n'])]
  for (const route of ['a', 'b', 'c', 'd']) {
    const call = { ...within(), route }
    const there = spaces[0]?.serverOf('key0', route) as string
    const other = await Promise.all(servers.filter(({ port }) => !there.endsWith(`:${port}`)).map(items))
    for (const space of spaces) {
      expect(new Set(keys.map(key => space.serverOf(key, route)))).toEqual(new Set([there]))
      await space.writeMany(
        keys.map(key => text(key, route)),
        call,
      )
      expect((await space.getMany(keys, call)).map(item => `${item && 'data' in item && item.data}`)).toEqual(
        keys.map(() => route),
      )
      expect(await space.touch('key1', 60_000, call)).toBe('touched')
      expect(await space.count('n', 1, from5, call)).toEqual({ value: 5 })
      expect(await space.claim('lease', { flags: 8192, data: 'x' }, 60_000, call)).toHaveProperty('won')
      expect(await space.wireKey('key1', call)).toContain('key1')
      expect(await space.take('key2', call)).toBeDefined()
      expect(await space.remove('lease', undefined, call)).toBe(false)
      expect(await space.removeMany([...keys, 'n'], call)).toEqual([...keys.map(key => key !== 'key2'), true])
    }
    expect(await Promise.all(servers.filter(({ port }) => !there.endsWith(`:${port}`)).map(items))).toEqual(other)
  }

  async function items(one: { command(line: string): Promise<string> }): Promise<string | undefined> {
    return /STAT total_items (\d+)/.exec(await one.command('stats'))?.[1]
  }
})
