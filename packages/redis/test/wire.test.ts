import { createHash } from 'node:crypto'
import { type CasToken, cacheOver } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anySpace, failure, itemAt, read, store, text, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

test('text and whole numbers lie bare on the server, everything else behind a frame', async () => {
  const cache = cacheOver(store({ port: redis.port }), { namespace: 'wire' })
  const values = { text: 'grüße', count: 41, digits: '41', bytes: Buffer.from([0, 255]), list: [1, 2], negative: -3 }
  await cache.setMany(Object.entries(values))
  expect(await redis.command('GET', 'wire:text')).toBe('grüße')
  expect(await redis.command('GET', 'wire:count')).toBe('41')
  expect(await redis.command('INCR', 'wire:count')).toBe(42)
  expect(await cache.get('count')).toBe(42)
  for (const key of ['digits', 'bytes', 'list', 'negative']) {
    const bytes = (await redis.commandBytes('GET', `wire:${key}`)) as Buffer
    expect(bytes.subarray(0, 2)).toEqual(Buffer.from([0xc1, 0x01]))
    expect(await cache.get(key)).toEqual(values[key as keyof typeof values])
  }
  expect(await redis.command('INCR', 'wire:digits').catch(error => error.message)).toMatch(/not an integer/)
})

test('what redis-cli writes is read as text and numbers', async () => {
  const cache = cacheOver(store({ port: redis.port }), { namespace: 'wire' })
  await redis.command('MSET', 'wire:a', 'by hand', 'wire:b', '7', 'wire:c', '')
  expect(await cache.getMany(['a', 'b', 'c'])).toEqual(
    new Map<string, unknown>([
      ['a', 'by hand'],
      ['b', 7],
      ['c', ''],
    ]),
  )
})

test('a ttl is exact to the millisecond and rounded up; without one a key has no expiry', async () => {
  const space = store({ port: redis.port }).space(['ttl'], nativeFormat)
  await space.write(text('k', 'v', 90_000.2), within())
  const ttl = Number(await redis.command('PTTL', 'ttl:k'))
  expect(ttl).toBeGreaterThan(89_000)
  expect(ttl).toBeLessThanOrEqual(90_001)
  await space.touch('k', 2 ** 31 * 1000, within())
  expect(Number(await redis.command('PTTL', 'ttl:k'))).toBeGreaterThan(2 ** 31 * 1000 - 1000)
  expect(await space.touch('k', Number.POSITIVE_INFINITY, within())).toBe('touched')
  expect(await redis.command('PTTL', 'ttl:k')).toBe(-1)
  expect(await space.touch('k', Number.POSITIVE_INFINITY, within())).toBe('touched')
  expect(await space.touch('none', Number.POSITIVE_INFINITY, within())).toBe('missing')
  await space.write(text('k', 'v', 0.3), within())
  expect(await redis.command('PTTL', 'ttl:k')).toBeLessThanOrEqual(1)
})

test('a conditional write and its ttl are one command', async () => {
  const space = store({ port: redis.port }).space(['once'], nativeFormat)
  await redis.command('CONFIG', 'RESETSTAT')
  await space.write({ ...text('k', 'v', 60_000), when: 'absent' }, within())
  await space.write({ ...text('k', 'w', 60_000), when: 'present' }, within())
  const { casToken } = (await space.get('k', within())) as { casToken: CasToken }
  await space.write({ ...text('k', 'x', 60_000), when: { casToken } }, within())
  expect(await redis.command('INFO', 'commandstats')).not.toMatch(/cmdstat_p?expire:/)
  expect(Number(await redis.command('PTTL', 'once:k'))).toBeGreaterThan(50_000)
})

test('a token is the SHA-1 of the stored bytes; one of another form is a conflict', async () => {
  const space = store({ port: redis.port }).space(['cas'], nativeFormat)
  const write = (key: string, casToken: string): unknown =>
    space.write({ ...text(key, 'new'), when: { casToken: casToken as CasToken } }, within())
  await space.write({ key: 'k', item: { flags: 64, data: Buffer.from('old') }, ttl: 60_000, when: 'always' }, within())
  const stored = (await redis.commandBytes('GET', 'cas:k')) as Buffer
  const token = createHash('sha1').update(stored).digest('hex')
  expect((await itemAt(space, 'k'))?.casToken).toBe(token)
  expect(await write('k', 'memory:17')).toEqual({ outcome: 'conflict' })
  expect(await write('none', 'memory:17')).toEqual({ outcome: 'missing' })
  expect(await space.remove('k', 'memory:17' as CasToken, within())).toBe(false)
  expect(await write('k', token)).toEqual({ outcome: 'stored' })
  expect(await redis.command('PTTL', 'cas:k')).toBe(-1)
  expect(await space.remove('k', token as CasToken, within())).toBe(false)
  const now = (await itemAt(space, 'k'))?.casToken
  expect(await space.remove('k', now, within())).toBe(true)
})

test('counters are exact to 2^53−1, and refuse what is none', async () => {
  const space = store({ port: redis.port }).space(['count'], nativeFormat)
  const max = Number.MAX_SAFE_INTEGER
  const forever = { ttl: Number.POSITIVE_INFINITY }
  expect(await space.count('n', 1, { value: max - 1, ...forever }, within())).toEqual({ value: max - 1 })
  expect(await space.count('n', 1, undefined, within())).toEqual({ value: max })
  expect(await redis.command('GET', 'count:n')).toBe('9007199254740991')
  expect(await space.count('n', 1, undefined, within())).toEqual({ refused: 'out-of-range' })
  expect(await space.count('n', -max, undefined, within())).toEqual({ value: 0 })
  expect(await space.count('n', -max, undefined, within())).toEqual({ value: 0 })
  expect(await space.count('n', max, undefined, within())).toEqual({ value: max })
  expect(await space.count('none', 1, undefined, within())).toEqual({ refused: 'missing' })
  expect(await space.count('none', 1, { value: 2 * max, ...forever }, within())).toEqual({ refused: 'out-of-range' })
  for (const text of [
    '007',
    '+1',
    ' 1',
    '1 ',
    '-1',
    '1.0',
    '',
    'x',
    '9007199254740992',
    '18446744073709551616',
    '1e3',
  ]) {
    await redis.command('SET', 'count:odd', text)
    expect([text, await space.count('odd', 1, undefined, within())]).toEqual([text, { refused: 'not-a-counter' }])
    expect(await redis.command('GET', 'count:odd')).toBe(text)
  }
  expect(await space.count('new', 1, { value: 1, ttl: 60_000 }, within())).toEqual({ value: 1 })
  await space.count('new', 1, { value: 1, ttl: 5 }, within())
  expect(Number(await redis.command('PTTL', 'count:new'))).toBeGreaterThan(50_000)
})

test('another type under a key is a miss to reads, present to conditions, and replaced by a set', async () => {
  const space = store({ port: redis.port }).space(['type'], nativeFormat)
  await redis.command('RPUSH', 'type:list', 'a')
  expect(await space.get('list', within())).toBe(undefined)
  expect(await Promise.all([read(space, 'list'), read(space, 'none')])).toEqual([undefined, undefined])
  expect(await space.getMany(['list'], within())).toEqual([undefined])
  expect(await space.take('list', within())).toBe(undefined)
  expect(await space.count('list', 1, undefined, within())).toEqual({ refused: 'not-a-counter' })
  expect(await space.write({ ...text('list', 'v'), when: { casToken: 'x' as CasToken } }, within())).toEqual({
    outcome: 'conflict',
  })
  expect(await space.remove('list', 'x' as CasToken, within())).toBe(false)
  expect(await space.write({ ...text('list', 'v'), when: 'absent' }, within())).toEqual({ outcome: 'exists' })
  expect(await space.touch('list', 60_000, within())).toBe('touched')
  expect(await redis.command('TYPE', 'type:list')).toBe('list')
  expect(await space.write(text('list', 'v'), within())).toEqual({ outcome: 'stored' })
  expect(await read(space, 'list')).toBe('v')
})

test.each([
  ['of another version', [0xc1, 0x02, 0x00, 0x61]],
  ['cut within its flags', [0xc1, 0x01, 0x80]],
  ['that is one byte', [0xc1]],
  ['with flags past 32 bits', [0xc1, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
])('a frame %s is a miss and one event, and present to add', async (_, bytes) => {
  const cache = cacheOver(store({ port: redis.port }), { namespace: 'frame' })
  const codes: string[] = []
  cache.on('error', ({ error }) => codes.push(error.code))
  await redis.command('SET', 'frame:k', Buffer.from(bytes))
  expect(await cache.get('k')).toBe(undefined)
  expect(codes).toEqual(['ERR_CACHE_SERIALIZATION'])
  expect(await cache.getMany(['k', 'none'])).toEqual(new Map())
  expect(codes).toEqual(['ERR_CACHE_SERIALIZATION', 'ERR_CACHE_SERIALIZATION'])
  expect(await cache.add('k', 'new')).toBe(false)
})

test('keys of any text travel as they are, and none is a command', async () => {
  const space = anySpace(store({ port: redis.port }))
  const keys = ['a b', '清', 'x\r\nFLUSHALL\r\n', '*?[]', '\0', '__proto__', 'constructor', '💥'.repeat(1000)]
  expect(
    await space.writeMany(
      keys.map(key => text(key, key)),
      within(),
    ),
  ).toEqual(keys.map(() => ({ outcome: 'stored' })))
  for (const key of keys) {
    expect(await read(space, key)).toBe(key)
    expect(await redis.command('GET', await space.wireKey(key, within()))).toBe(key)
  }
  expect(await Promise.all(keys.map(key => read(space, key)))).toEqual(keys)
})

test('a value over 512 MiB is not sent: the key is then absent, or untouched under a condition', async () => {
  const space = anySpace(store({ port: redis.port, maxInFlightBytes: '1gb' }))
  const data = new Uint8Array(512 * 2 ** 20 + 1)
  await space.write(text('k', 'old'), within())
  const huge = { key: 'k', item: { flags: 0, data }, ttl: 60_000 }
  expect(await space.write({ ...huge, when: 'present' }, within())).toEqual({ outcome: 'too-large' })
  expect(await read(space, 'k')).toBe('old')
  expect(await space.write({ ...huge, when: 'always' }, within())).toEqual({ outcome: 'too-large' })
  expect(await read(space, 'k')).toBe(undefined)
})

test('INFO is answered by section, numbers as numbers', async () => {
  const opened = store({ port: redis.port })
  const [all] = await opened.serverStats(undefined, within())
  expect(all).toMatchObject({
    server: `localhost:${redis.port}`,
    stats: { tcp_port: redis.port, redis_version: '7.0.15' },
  })
  const [memory] = await opened.serverStats('memory', within())
  expect(memory?.stats.used_memory).toBeTypeOf('number')
  expect(memory?.stats).not.toHaveProperty('tcp_port')
  expect(await opened.serverStats('no such section', within())).toEqual([
    { server: `localhost:${redis.port}`, stats: {} },
  ])
})

test('a get called after a flush, in the same tick, finds nothing', async () => {
  const opened = store({ port: redis.port, db: 5 })
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  const [before, , after] = await Promise.all([read(space, 'k'), opened.flush(within()), read(space, 'k')])
  expect([before, after]).toEqual(['v', undefined])
})

test('a flush empties the database of the store and no other', async () => {
  const here = store({ port: redis.port, db: 3 })
  await redis.command('SET', 'elsewhere', '1')
  await here.space([], nativeFormat).write(text('k', 'v'), within())
  await here.flush(within())
  expect(await read(here.space([], nativeFormat), 'k')).toBe(undefined)
  expect(await redis.command('GET', 'elsewhere')).toBe('1')
})

test('after close every verb is refused with ClosedError, and closing twice is fine', async () => {
  const opened = store({ port: redis.port })
  const space = anySpace(opened)
  const pending = read(space, 'k')
  await Promise.all([opened.close(within()), opened.close(within())])
  expect(await pending).toBe(undefined)
  expect(await failure(() => space.get('k', within()))).toMatchObject({ code: 'ERR_CACHE_CLOSED' })
  expect(await failure(() => opened.ping(within()))).toMatchObject({ code: 'ERR_CACHE_CLOSED' })
  expect(opened.client.status).toBe('end')
})

test('a store that was never used closes without having connected', async () => {
  const opened = store({ port: redis.port })
  await opened.close(within())
  expect(opened.client.status).toBe('end')
})

test('store.client is connected by its own first command, and shares the connection of the store', async () => {
  const opened = store({ port: redis.port })
  expect(await opened.client.rpush('a list', 'a', 'b')).toBe(2)
  await opened.ping(within())
  const both = await Promise.all([opened.client.hset('a hash', 'f', 'v'), read(anySpace(opened), 'k')])
  expect(both).toEqual([1, undefined])
})
