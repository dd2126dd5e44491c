import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { countWrites } from '@anycache/testing/writes'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anySpace, commandCounts, itemAt, proxy, read, store, text, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** What the server ran while `run` did. */
async function ran(run: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.command('CONFIG', 'RESETSTAT')
  await run()
  const { info, config, ...counts } = await commandCounts(redis)
  delete counts['config|resetstat']
  return counts
}

test('gets of one tick become one MGET in one write, each key once', async () => {
  const space = anySpace(store({ port: redis.port }))
  await space.writeMany([text('a', 'A'), text('b', 'B')], within())
  using writes = countWrites(redis.port)
  const found = await ran(async () => {
    const before = writes.writes
    const [a, b, again, none] = await Promise.all(['a', 'b', 'a', 'none'].map(key => read(space, key)))
    expect([a, b, again, none]).toEqual(['A', 'B', 'A', undefined])
    expect(writes.writes - before).toBe(1)
  })
  expect(found).toEqual({ mget: 1 })
})

test('a get by itself is a GET', async () => {
  const space = anySpace(store({ port: redis.port }))
  await read(space, 'warm')
  expect(await ran(() => read(space, 'a'))).toEqual({ get: 1 })
  expect(await ran(() => Promise.all([read(space, 'a'), read(space, 'a')]))).toEqual({ get: 1 })
})

test('more than 512 gets of a tick are split, and each caller gets its own value', async () => {
  const space = anySpace(store({ port: redis.port }))
  const keys = Array.from({ length: 1100 }, (_, i) => `k${i}`)
  await space.writeMany(
    keys.map(key => text(key, `value of ${key}`)),
    within(),
  )
  const counts = await ran(async () => {
    expect(await Promise.all(keys.map(key => read(space, key)))).toEqual(keys.map(key => `value of ${key}`))
  })
  expect(counts).toEqual({ mget: 3 })
})

test('small writes of a tick leave in one write, also before the connection stands', async () => {
  const space = anySpace(store({ port: redis.port }))
  using writes = countWrites(redis.port)
  const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
  await Promise.all(keys.map(key => space.write(text(key, 'v'), within())))
  const connecting = writes.writes
  await Promise.all(keys.map(key => space.write(text(key, 'w'), within())))
  expect(writes.writes - connecting).toBe(1)
  // One for the handshake.
  expect(connecting).toBe(2)
})

test('getMany, writeMany and removeMany of 1 000 keys take a handful of writes and answer in order', async () => {
  const space = anySpace(store({ port: redis.port }))
  const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)
  await read(space, 'warm')
  using writes = countWrites(redis.port)
  const written = await space.writeMany(
    keys.map(key => text(key, key)),
    within(),
  )
  expect(written).toEqual(keys.map(() => ({ outcome: 'stored' })))
  const counts = await ran(async () => {
    const items = await space.getMany([...keys, 'none'], within())
    expect(items.map(item => typeof item === 'object' && 'data' in item && String(item.data))).toEqual([...keys, false])
  })
  expect(counts).toEqual({ mget: 2 })
  expect(await space.removeMany(['none', ...keys], within())).toEqual([false, ...keys.map(() => true)])
  expect(writes.writes).toBeLessThan(6)
})

test('a get never overtakes a write of its key, nor joins an MGET that stands before it', async () => {
  const space = anySpace(store({ port: redis.port }))
  await space.write(text('k', '0'), within())
  const seen = [read(space, 'k'), read(space, 'other')]
  for (let i = 1; i <= 3; i++) {
    void space.write(text('k', String(i)), within())
    seen.push(read(space, 'k'), read(space, 'other'))
  }
  const removed = space.remove('k', undefined, within())
  seen.push(read(space, 'k'))
  expect(await Promise.all(seen)).toEqual(['0', undefined, '1', undefined, '2', undefined, '3', undefined, undefined])
  expect(await removed).toBe(true)
})

test('a get joins the MGET of its tick across writes of other keys', async () => {
  const space = anySpace(store({ port: redis.port }))
  await read(space, 'warm')
  const counts = await ran(() =>
    Promise.all([read(space, 'a'), space.write(text('b', 'B'), within()), read(space, 'c'), read(space, 'd')]),
  )
  expect(counts).toEqual({ mget: 1, set: 1 })
})

test('every verb takes its turn on a key, also while connecting', async () => {
  const space = anySpace(store({ port: redis.port }))
  const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
  const answers = await Promise.all([
    space.count('n', 1, create, within()),
    space.count('n', 5, create, within()),
    read(space, 'n'),
    space.write(text('n', '40'), within()),
    space.count('n', 2, create, within()),
    read(space, 'n'),
    space.touch('n', 60_000, within()),
    Promise.resolve(space.take('n', within())).then(item => String(item?.data)),
    space.touch('n', 60_000, within()),
    space.write({ ...text('n', 'x'), when: 'present' }, within()),
    space.write({ ...text('n', 'y'), when: 'absent' }, within()),
    read(space, 'n'),
    space.remove('n', undefined, within()),
  ])
  expect(answers).toEqual([
    { value: 1 },
    { value: 6 },
    '6',
    { outcome: 'stored' },
    { value: 42 },
    '42',
    'touched',
    '42',
    'missing',
    { outcome: 'missing' },
    { outcome: 'stored' },
    'y',
    true,
  ])
})

test('a big value goes out at once, after what was called before it', async () => {
  const space = anySpace(store({ port: redis.port }))
  await read(space, 'warm')
  using writes = countWrites(redis.port)
  const big = 'ä'.repeat(20_000)
  const small = space.write(text('k', 'small'), within())
  const before = read(space, 'k')
  const large = space.write(text('k', big), within())
  // Two writes already, in the tick of the call: the small command with the read, and the big one.
  expect(writes.writes).toBe(2)
  const after = read(space, 'k')
  expect(await Promise.all([small, before, large, after])).toEqual([
    { outcome: 'stored' },
    'small',
    { outcome: 'stored' },
    big,
  ])
})

test('a value of 20 MB comes back whole, through a wire that splits it', async () => {
  const wire = await proxy({ port: redis.port })
  const space = anySpace(store({ port: wire.port }))
  const data = Buffer.alloc(20 * 2 ** 20, 'anycache ')
  await space.write({ key: 'k', item: { flags: 64, data }, ttl: 60_000, when: 'always' }, within(10_000))
  const item = await itemAt(space, 'k')
  expect(item?.flags).toBe(64)
  expect(Buffer.compare(item?.data as Uint8Array, data)).toBe(0)
})
