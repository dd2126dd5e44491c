import type { CasToken } from '@anycache/core'
import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { beforeAll, describe, expect, test } from 'vitest'
import { MemcachedStore } from '../src/index.js'
import type { MemcachedSpace } from '../src/space.js'
import { anySpace, read, server, storeOf, text, within } from './opened.js'

describe.each([1, 3])('with %i servers', count => {
  let servers: MemcachedServer[]
  let opened: MemcachedStore
  let space: MemcachedSpace
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
    opened = new MemcachedStore({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) })
    space = anySpace(opened)
    return async () => {
      await opened.close(within())
      await Promise.all(servers.map(each => each.stop()))
    }
  })

  test('a key that was never set is a miss', async () => {
    expect(await space.get('never', within())).toBeUndefined()
  })

  test('what was written is read, with its flags', async () => {
    expect(await space.write({ ...text('k', 'v'), item: { flags: 0xdeadcbef, data: 'vä' } }, within())).toEqual({
      outcome: 'stored',
    })
    expect(await space.get('k', within())).toMatchObject({ flags: 0xdeadcbef, data: Buffer.from('vä') })
  })

  test('bytes of every size come back as they went in', async () => {
    const sizes = [0, 1, 24, 16_383, 16_384, 65_536, 1_000_000]
    const values = sizes.map(size => Buffer.alloc(size, `${size}`))
    await space.writeMany(
      values.map((data, i) => ({ ...text(`bytes${i}`, ''), item: { flags: 1, data } })),
      within(),
    )
    const items = await space.getMany(
      sizes.map((_, i) => `bytes${i}`),
      within(),
    )
    expect(
      items.map(item => item !== undefined && 'data' in item && values.some(v => v.equals(item.data as Buffer))),
    ).toEqual(sizes.map(() => true))
  })

  test('add stores only where nothing is, replace only where something is', async () => {
    expect(await space.write({ ...text('cond', '1'), when: 'present' }, within())).toEqual({ outcome: 'missing' })
    expect(await space.write({ ...text('cond', '2'), when: 'absent' }, within())).toMatchObject({ outcome: 'stored' })
    expect(await space.write({ ...text('cond', '3'), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
    expect(await space.write({ ...text('cond', '4'), when: 'present' }, within())).toMatchObject({ outcome: 'stored' })
    expect(await read(space, 'cond')).toBe('4')
  })

  test('a version is compared: stored, conflict, missing', async () => {
    await space.write(text('cas', '1'), within())
    const { casToken } = (await space.get('cas', within())) as { casToken: CasToken }
    expect(await space.write({ ...text('cas', '2'), when: { casToken } }, within())).toMatchObject({
      outcome: 'stored',
    })
    expect(await space.write({ ...text('cas', '3'), when: { casToken } }, within())).toEqual({ outcome: 'conflict' })
    await space.remove('cas', undefined, within())
    expect(await space.write({ ...text('cas', '4'), when: { casToken } }, within())).toEqual({ outcome: 'missing' })
  })

  test('a write over a version gives the new one, also in the midst of a batch', async () => {
    const keys = ['c1', 'c2', 'c3']
    const added = await space.writeMany(
      keys.map(key => ({ ...text(key, '1'), when: 'absent' }) as const),
      within(),
    )
    const over = (written: unknown, i: number) => {
      const { casToken } = written as { casToken: CasToken }
      return { ...text(keys[i] as string, '2'), when: { casToken } }
    }
    const written = await space.writeMany(added.map(over), within())
    expect(await space.writeMany(written.map(over), within())).toMatchObject(keys.map(() => ({ outcome: 'stored' })))
    expect(await space.writeMany(written.map(over), within())).toEqual(keys.map(() => ({ outcome: 'conflict' })))
  })

  test('the token that an add gave names the item it made', async () => {
    const written = await space.write({ ...text('added', '1'), when: 'absent' }, within())
    const { casToken } = written as { casToken: CasToken }
    expect((await space.get('added', within()))?.casToken).toBe(casToken)
    expect(await space.remove('added', casToken, within())).toBe(true)
  })

  test.each(['', 'x', ':', 'abc:', 'abc:0x1', 'abc:12', ':12'])(
    'a token that is none (%j) is a conflict',
    async token => {
      await space.write(text('cas', '1'), within())
      const when = { casToken: token as CasToken }
      expect(await space.write({ ...text('cas', '2'), when }, within())).toEqual({ outcome: 'conflict' })
      expect(await space.remove('cas', token as CasToken, within())).toBe(false)
      expect(await read(space, 'cas')).toBe('1')
    },
  )

  test('remove tells whether there was something, one by one and many at once', async () => {
    await space.writeMany([text('r1', '1'), text('r2', '2'), text('r3', '3')], within())
    expect(await space.remove('r1', undefined, within())).toBe(true)
    expect(await space.remove('r1', undefined, within())).toBe(false)
    expect(await space.removeMany(['r1', 'r2', 'nothing', 'r3'], within())).toEqual([false, true, false, true])
  })

  test('take gives the item and leaves nothing', async () => {
    await space.write(text('t', 'v'), within())
    expect(await space.take('t', within())).toMatchObject({ data: Buffer.from('v') })
    expect(await space.take('t', within())).toBeUndefined()
  })

  test('of many concurrent takes one gets the item', async () => {
    const other = new MemcachedStore({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) })
    const path = [Math.random().toString(36).slice(2)]
    const [mine, theirs] = [opened.space(path), other.space(path)]
    for (let round = 0; round < 20; round++) {
      await mine.write(text('t', 'v'), within())
      const takes = Array.from({ length: 16 }, (_, i) => (i % 2 ? mine : theirs).take('t', within()))
      expect((await Promise.all(takes)).filter(item => item !== undefined)).toHaveLength(1)
    }
    await other.close(within())
  })

  test('what is asked of a key after its take comes after it', async () => {
    await space.write(text('turn', 'old'), within())
    const answers = await Promise.all([
      space.take('turn', within()),
      space.write({ ...text('turn', 'new'), when: 'absent' }, within()),
      space.take('turn', within()),
      space.take('turn', within()),
      space.write(text('turn', 'last'), within()),
    ])
    expect(answers).toMatchObject([
      { data: Buffer.from('old') },
      { outcome: 'stored' },
      { data: Buffer.from('new') },
      undefined,
      { outcome: 'stored' },
    ])
    expect(await read(space, 'turn')).toBe('last')
  })

  test('touch tells whether there was something, and restarts the ttl', async () => {
    expect(await space.touch('touched', 1000, within())).toBe('missing')
    await space.write(text('touched', 'v', 60_000), within())
    expect(await space.touch('touched', 86_400_000, within())).toBe('touched')
    expect(await read(space, 'touched')).toBe('v')
  })

  test('counters are created, counted up, and down to 0', async () => {
    const create = { value: 5, ttl: Number.POSITIVE_INFINITY }
    expect(await space.count('n', 5, undefined, within())).toEqual({ refused: 'missing' })
    expect(await space.count('n', 5, create, within())).toEqual({ value: 5 })
    expect(await space.count('n', 7, create, within())).toEqual({ value: 12 })
    expect(await space.count('n', -10, create, within())).toEqual({ value: 2 })
    expect(await space.count('n', -10, create, within())).toEqual({ value: 0 })
    expect(await read(space, 'n')).toMatch(/^0 *$/)
  })

  test('counting is exact up to 2^53−1, and past it nothing is counted', async () => {
    const most = Number.MAX_SAFE_INTEGER
    const create = { value: most - 1, ttl: 60_000 }
    expect(await space.count('big', 1, create, within())).toEqual({ value: most - 1 })
    expect(await space.count('big', 1, create, within())).toEqual({ value: most })
    expect(await space.count('big', 1, create, within())).toEqual({ refused: 'out-of-range' })
    expect(await space.count('big', most, create, within())).toEqual({ refused: 'out-of-range' })
    expect(await space.count('big', 0, create, within())).toEqual({ value: most })
    expect(await space.count('high', 2 ** 32 + 1, { value: 2 ** 32 + 1, ttl: 60_000 }, within())).toEqual({
      value: 2 ** 32 + 1,
    })
  })

  test('a first value past the range refuses, but only where it would be created', async () => {
    const create = { value: 2 ** 53, ttl: 60_000 }
    expect(await space.count('first', 1, create, within())).toEqual({ refused: 'out-of-range' })
    expect(await space.get('first', within())).toBeUndefined()
    await space.write({ ...text('first', '41'), item: { flags: 2, data: '41' } }, within())
    expect(await space.count('first', 1, create, within())).toEqual({ value: 42 })
  })

  test('what is no number is no counter', async () => {
    await space.write(text('text', 'abc'), within())
    expect(await space.count('text', 1, undefined, within())).toEqual({ refused: 'not-a-counter' })
  })

  test('100 clients count 100 times each without losing one', async () => {
    const clients = Array.from({ length: 100 }, () => new MemcachedStore({ servers: [...opened.servers] }))
    const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
    const path = ['counted', Math.random().toString(36).slice(2)]
    await Promise.all(
      clients.map(async client => {
        const counted = client.space(path)
        for (let i = 0; i < 100; i++) await counted.count('n', 1, create, within(10_000))
      }),
    )
    expect(await opened.space(path).count('n', 0, undefined, within())).toEqual({ value: 10_000 })
    await Promise.all(clients.map(client => client.close(within())))
  })

  test('operations on one key take effect in call order', async () => {
    const answers = await Promise.all([
      space.write(text('order', '1'), within()),
      space.get('order', within()),
      space.write({ ...text('order', ''), item: { flags: 0, data: Buffer.alloc(100_000, 'x') } }, within()),
      space.get('order', within()),
      space.remove('order', undefined, within()),
      space.get('order', within()),
      space.count('order', 3, { value: 3, ttl: 60_000 }, within()),
      space.get('order', within()),
    ])
    expect(answers).toMatchObject([
      { outcome: 'stored' },
      { data: Buffer.from('1') },
      { outcome: 'stored' },
      { data: Buffer.alloc(100_000, 'x') },
      true,
      undefined,
      { value: 3 },
      { data: Buffer.from('3') },
    ])
  })

  test('a flush takes what was written before it, and nothing else', async () => {
    const flushed = storeOf(await server())
    const spaces = [flushed.space([]), flushed.space(['shop'])]
    for (const each of spaces) await each.get('k', within())
    const calls = [
      ...spaces.map(each => each.write(text('before', 'v'), within())),
      flushed.flush(within()),
      ...spaces.map(each => each.write(text('after', 'v'), within())),
    ]
    await Promise.all(calls)
    for (const each of spaces) expect(await read(each, 'before')).toBeUndefined()
    for (const each of spaces) expect(await read(each, 'after')).toBe('v')
  })

  test('stats come per server, and a ping and a flush reach all', async () => {
    await opened.ping(within())
    const stats = await opened.serverStats(undefined, within())
    expect(stats.map(({ server }) => server)).toEqual(opened.servers)
    expect(stats.map(({ stats: { version, pid } }) => [version, pid])).toEqual(
      servers.map(({ pid }) => ['1.6.18', pid]),
    )
    await space.write(text('flushed', '1'), within())
    await opened.flush(within())
    expect(await read(space, 'flushed')).toBeUndefined()
  })
})

test('keys without a namespace travel bare', async () => {
  const one = await server()
  const opened = storeOf(one)
  await opened.space([]).write(text('bare', 'v'), within())
  expect(await one.command('get bare')).toBe('VALUE bare 0 1\r\nv\r\nEND')
  expect(await opened.space([]).wireKey('bare', within())).toBe('bare')
})
