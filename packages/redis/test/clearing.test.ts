import type { Call } from '@anycache/core'
import { FLAG_LEASE, nativeFormat } from '@anycache/serializer'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anySpace, commandCounts, failure, proxy, read, server, store, text, until, within } from './opened.js'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const soon = (): Call => within(5000)

async function all(keys: AsyncIterable<string> | undefined): Promise<string[]> {
  const found: string[] = []
  for await (const key of keys as AsyncIterable<string>) found.push(key)
  return found.sort()
}

test('clear takes the namespace and those nested in it, and no neighbour', async () => {
  const own = ['shop.eu:a', 'shop.eu:', 'shop.eu:*', 'shop.eu/carts:b', 'shop.eu/carts/old:c']
  const others = [
    'shopXeu:a', // what the "." would match
    'shop.eux:a',
    'shop.eu',
    'shop.eu/',
    'shop.eu/a b:c', // no namespace has a space
    'shop.eu/carts~x:c', // what a cache keeps for itself
    'shop:eu:a',
    'xshop.eu:a',
    'SHOP.EU:a',
  ]
  for (const key of [...own, ...others]) await redis.command('SET', key, 'v')
  await redis.command('SET', Buffer.from('shop.eu:\xff\xfe', 'latin1'), 'bytes that are no text')
  await redis.command('RPUSH', 'shop.eu:list', 'a')
  await store({ port: redis.port }).space(['shop.eu'], nativeFormat).clear(soon)
  expect(((await redis.command('KEYS', '*')) as string[]).sort()).toEqual([...others].sort())
  await redis.command('FLUSHDB')
})

test('clear scans and unlinks; it never lists all keys at once or flushes', async () => {
  const space = store({ port: redis.port }).space(['many'], nativeFormat)
  const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`)
  await space.writeMany(
    keys.map(key => text(key, 'v')),
    soon(),
  )
  for (let i = 0; i < 20; i++) await redis.command('SET', `other:${i}`, 'v')
  await redis.command('CONFIG', 'RESETSTAT')
  await space.clear(soon)
  const counts = await commandCounts(redis)
  expect(await redis.command('DBSIZE')).toBe(20)
  expect(Object.keys(counts).sort()).toEqual(['config|resetstat', 'scan', 'unlink'])
  expect(counts.scan).toBeLessThan(15)
  expect(counts.unlink).toBeLessThan(15)
})

test('what was set before the call of clear is gone, what was set after it stays', async () => {
  const space = store({ port: redis.port }).space(['race'], nativeFormat)
  const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`)
  void space.writeMany(
    keys.map(key => text(key, 'before')),
    soon(),
  )
  const cleared = space.clear(soon)
  const later = keys.filter((_, i) => i % 3 === 0)
  // Some at once, some while it runs.
  const written = later.slice(0, 500).map(key => space.write(text(key, 'after'), soon()))
  for (const key of later.slice(500)) {
    await new Promise(setImmediate)
    written.push(space.write(text(key, 'after'), soon()))
  }
  await Promise.all([cleared, ...written])
  const items = await space.getMany(keys, soon())
  const found = keys.filter((_, i) => items[i] !== undefined)
  expect(found).toEqual(later)
})

test('a call made while clear runs sees nothing of before, and is not undone by it', async () => {
  const opened = store({ port: redis.port })
  const space = opened.space(['order'], nativeFormat)
  const nested = opened.space(['order', 'nested'], nativeFormat)
  const neighbour = opened.space(['orders'], nativeFormat)
  // So many that the walk takes several steps.
  await redis.command('EVAL', "for i = 1, 5000 do redis.call('SET', 'order:' .. i, '5') end", 0)
  await Promise.all([nested, neighbour].map(each => each.write(text('1', 'before'), soon())))
  const cleared = space.clear(soon)
  const create = { value: 1, ttl: 60_000 }
  const answers = Promise.all([
    read(space, '1'),
    space.getMany(['2', '3'], soon()),
    space.write({ ...text('4', 'new'), when: 'absent' }, soon()),
    space.write({ ...text('5', 'new'), when: 'present' }, soon()),
    space.count('6', 1, create, soon()),
    space.count('6', 1, create, soon()),
    space.touch('7', 60_000, soon()),
    space.remove('8', undefined, soon()),
    space.take('9', soon()),
    space.claim('10', { flags: FLAG_LEASE, data: '' }, 60_000, soon()),
    read(nested, '1'),
    read(neighbour, '1'),
  ])
  await cleared
  expect(await answers).toEqual([
    undefined,
    [undefined, undefined],
    { outcome: 'stored' },
    { outcome: 'missing' },
    { value: 1 },
    { value: 2 },
    'missing',
    false,
    undefined,
    { won: expect.any(String) },
    undefined,
    'before',
  ])
  expect(((await redis.command('KEYS', 'order[:/]*')) as string[]).sort()).toEqual(['order:10', 'order:4', 'order:6'])
})

test('clear ends once the keys of calls made while it ran are cleared, however little patience those had', async () => {
  const slow = await server()
  const wire = await proxy({ port: slow.port })
  const opened = store({ port: wire.port })
  const space = opened.space(['shop'], nativeFormat)
  await space.write(text('k', 'before'), soon())
  await space.write(text('l', 'before'), soon())
  wire.dribble(64 * 1024, 20, 'up')
  const cleared = space.clear(soon)
  // Nothing else is sent until it has ended.
  const large = anySpace(opened).write(text('large', 'x'.repeat(2 ** 21)), within(30_000))
  const got = failure(() => space.get('k', within(50)))
  const missed = failure(() => space.get('l', within(50)))
  const written = space.write(text('l', 'after'), within(30_000))
  await cleared
  expect(await slow.command('EXISTS', 'shop:k')).toBe(0)
  for (const each of [got, missed]) expect(await each).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
  await large
  expect(await written).toEqual({ outcome: 'stored' })
  expect(await slow.command('GET', 'shop:l')).toBe('after')
})

test('an add that was answered while clear ran stays', async () => {
  const space = store({ port: redis.port }).space(['added'], nativeFormat)
  const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`)
  const cleared = space.clear(soon)
  const added: string[] = []
  for (const key of keys) {
    void Promise.resolve(space.write({ ...text(key, 'new'), when: 'absent' }, soon())).then(({ outcome }) => {
      if (outcome === 'stored') added.push(key)
    })
  }
  await cleared
  const items = await space.getMany(keys, soon())
  expect(added.length).toBe(3000)
  expect(items.every(item => item !== undefined)).toBe(true)
})

test('a set after the call of clear that fails leaves nothing of before', async () => {
  const full = await startRedis()
  try {
    const space = store({ port: full.port }).space(['full'], nativeFormat)
    await space.write(text('k', 'before'), soon())
    await full.command('CONFIG', 'SET', 'maxmemory', '1')
    const cleared = space.clear(soon)
    const refused = await failure(() => space.write(text('k', 'after'), soon()))
    expect(refused.message).toMatch(/OOM/)
    await cleared
    expect(await read(space, 'k')).toBe(undefined)
  } finally {
    await full.stop()
  }
})

test('each step of clear and keys has a deadline of its own', async () => {
  const space = store({ port: redis.port }).space(['steps'], nativeFormat)
  await space.writeMany(
    Array.from({ length: 2500 }, (_, i) => text(`k${i}`, 'v')),
    soon(),
  )
  let steps = 0
  const nextCall = (): Call => {
    steps++
    return within(1000)
  }
  expect((await all(space.keys('*', nextCall))).length).toBe(2500)
  expect(steps).toBeGreaterThan(2)
  steps = 0
  await space.clear(nextCall)
  expect(steps).toBeGreaterThan(4)
})

test('keys lists the own keys of a namespace by a pattern of characters, not bytes', async () => {
  const opened = store({ port: redis.port })
  const space = opened.space(['list'], nativeFormat)
  const keys = ['a', 'b', 'ä', '💥', 'ab', '[a]', 'a*', 'a?', 'a\\', 'a-b', 'n:x']
  await space.writeMany(
    keys.map(key => text(key, 'v')),
    soon(),
  )
  await opened.space(['list', 'nested'], nativeFormat).write(text('a', 'v'), soon())
  await opened.space(['lists'], nativeFormat).write(text('a', 'v'), soon())
  await redis.command('SET', Buffer.from('list:\xff', 'latin1'), 'v')
  expect(await all(space.keys('*', soon))).toEqual([...keys].sort())
  expect(await all(space.keys('?', soon))).toEqual(['a', 'b', 'ä', '💥'].sort())
  expect(await all(space.keys('a*', soon))).toEqual(['a', 'ab', 'a*', 'a?', 'a\\', 'a-b'].sort())
  expect(await all(space.keys('[a]', soon))).toEqual(['[a]'])
  expect(await all(space.keys('a\\', soon))).toEqual(['a\\'])
  expect(await all(space.keys('a-b', soon))).toEqual(['a-b'])
  expect(await all(space.keys('zz', soon))).toEqual([])
})

test('without a namespace keys lists everything', async () => {
  await redis.command('FLUSHDB')
  await redis.command('MSET', 'a', '1', 'shop:b', '2', 'shop/x:c', '3')
  expect(await all(store({ port: redis.port }).space([], nativeFormat).keys('*', soon))).toEqual([
    'a',
    'shop/x:c',
    'shop:b',
  ])
})

test('keys gives none twice while the table of the server grows', async () => {
  await redis.command('FLUSHDB')
  const space = store({ port: redis.port }).space(['grow'], nativeFormat)
  const write = (from: number, to: number): unknown =>
    space.writeMany(
      Array.from({ length: to - from }, (_, i) => text(`k${from + i}`, 'v')),
      soon(),
    )
  await write(0, 5000)
  const seen: string[] = []
  const listed = space.keys('*', soon) as AsyncIterable<string>
  for await (const key of listed) {
    seen.push(key)
    if (seen.length === 1000) await write(5000, 40_000)
  }
  expect(new Set(seen).size).toBe(seen.length)
  const found = new Set(seen)
  for (let i = 0; i < 5000; i++) expect(found.has(`k${i}`)).toBe(true)
}, 30_000)

test('a clear whose address moves to another server half-way leaves nothing there', async () => {
  const [old, other] = await Promise.all([server(), server()])
  const fill = "for i = 1, 20000 do redis.call('SET', KEYS[1] .. i, 'v') end"
  await old.command('EVAL', fill, 1, 'foreign:')
  await other.command('EVAL', fill, 1, 'shop:')
  const address = await proxy({ port: old.port })
  const opened = store({ port: address.port })
  await opened.ping(within())
  await old.command('REPLICAOF', '127.0.0.1', 1)
  address.retarget({ port: other.port })
  let steps = 0
  let refused: Promise<Error> | undefined
  await opened.space(['shop'], nativeFormat).clear(() => {
    // The refusal makes the store reconnect, between two steps.
    if (++steps === 5) refused = failure(() => anySpace(opened).write(text('k', 'v'), soon()))
    return soon()
  })
  expect((await refused)?.message).toMatch(/READONLY/)
  expect(await other.command('DBSIZE')).toBe(0)
})

test('keys whose address moves to another server half-way are those of the other one, each once', async () => {
  const [old, other] = await Promise.all([server(), server()])
  const fill = "for i = 1, 20000 do redis.call('SET', KEYS[1] .. i, 'v') end"
  await old.command('EVAL', fill, 1, 'shop:')
  await other.command('EVAL', fill, 1, 'shop:')
  await other.command('EVAL', fill, 1, 'shop:new')
  const address = await proxy({ port: old.port })
  const space = store({ port: address.port }).space(['shop'], nativeFormat)
  const seen: string[] = []
  for await (const key of space.keys('*', soon)) {
    if (seen.push(key) !== 5000) continue
    address.retarget({ port: other.port })
    await address.cut()
    await until(() => space.get('k', soon()))
  }
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.length).toBe(40_000)
}, 30_000)
