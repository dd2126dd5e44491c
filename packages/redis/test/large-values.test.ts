import { randomBytes } from 'node:crypto'
import { type Cache, type CacheError, cacheOver } from '@anycache/core'
import { createSerializer, nativeFormat } from '@anycache/serializer'
import type { RedisServer } from '@anycache/testing/redis'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import type { RedisStoreOptions } from '../src/index.js'
import { anySpace, commandCounts, eventsOf, failure, proxy, server, store, until, within } from './opened.js'

const mega = 2 ** 20
const random = randomBytes(8 * mega)
const bytes = (length: number): Buffer => random.subarray(0, length)
const small = (): Promise<RedisServer> => server({ args: ['--proto-max-bulk-len', '1mb'] })

function opened(options: RedisStoreOptions): { cache: Cache; errors: CacheError[] } {
  const cache = cacheOver(store(options), {
    namespace: 'shop',
    timeout: '5s',
    serializer: createSerializer({ compression: false }),
  })
  const errors: CacheError[] = []
  cache.on('error', ({ error }) => errors.push(error))
  return { cache, errors }
}

async function connections(redis: RedisServer): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(String(await redis.command('INFO', 'stats')))?.[1])
}

/** Counts on `keys` around a set that the server refuses: nothing that was called before, with or after it may be lost. */
async function countsBesideTooLarge(cache: Cache, round: string): Promise<void> {
  const before = Array.from({ length: 20 }, (_, i) => cache.increment(`before ${round} ${i}`))
  const set = cache.set('large', bytes(2 * mega))
  const after = Array.from({ length: 20 }, (_, i) => cache.increment(`after ${round} ${i}`))
  const read = cache.get('large')
  await new Promise(setImmediate)
  const later = Array.from({ length: 20 }, (_, i) => cache.increment(`later ${round} ${i}`))
  expect(await Promise.all([...before, ...after, ...later])).toEqual(Array(60).fill(1))
  expect(await set).toBe(false)
  expect(await read).toBeUndefined()
}

test('a value over the limit of the server is not sent, and the error has the limit', async () => {
  const redis = await small()
  const { cache, errors } = opened({ port: redis.port })
  expect(cache.info().limits.maxItemBytes).toBe(512 * mega)
  await cache.set('large', 'old')
  const connected = await connections(redis)
  await countsBesideTooLarge(cache, 'first')
  expect(cache.info().limits.maxItemBytes).toBe(mega)
  await cache.set('large', 'old')
  await countsBesideTooLarge(cache, 'second')
  expect(errors.map(({ code, key }) => [code, key])).toEqual(Array(2).fill(['ERR_CACHE_VALUE_TOO_LARGE', 'large']))
  expect(errors[0]?.message).toMatch(/2097152 bytes is over the limit of 1048576 bytes/)
  expect(await connections(redis)).toBe(connected + 1)
  expect(await cache.set('large', bytes(mega - 100))).toBe(true)
  // Raised, it is seen with the next connection.
  await redis.command('CONFIG', 'SET', 'proto-max-bulk-len', '4mb')
  expect(await cache.set('large', bytes(2 * mega))).toBe(false)
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(() => cache.increment('n', 1, { onError: 'throw' }))
  expect(await cache.set('large', bytes(2 * mega))).toBe(true)
  expect(cache.info().limits.maxItemBytes).toBe(4 * mega)
})

test('where the limit may not be asked, the value that the server hangs up on costs no other call', async () => {
  const redis = await small()
  await redis.command('ACL', 'SETUSER', 'modest', 'on', '>pw', '~*', '+@all', '-config')
  const { cache, errors } = opened({ port: redis.port, username: 'modest', password: 'pw' })
  for (const round of ['first', 'second', 'third']) {
    await cache.set('large', 'old')
    await countsBesideTooLarge(cache, round)
  }
  // The reason may be lost with the connection; the value is refused all the same.
  expect(errors.length).toBe(3)
  for (const { code } of errors) expect(code).toMatch(/^ERR_CACHE_(VALUE_TOO_LARGE|CONNECTION)$/)
})

test('a client of the application loses nothing of the store’s either', async () => {
  const redis = await small()
  await redis.command('ACL', 'SETUSER', 'modest', 'on', '>pw', '~*', '+@all', '-config')
  for (const login of [{}, { username: 'modest', password: 'pw' }]) {
    const client = new Redis({ port: redis.port, ...login })
    const { cache, errors } = opened({ client })
    await cache.clear()
    const before = Array.from({ length: 20 }, (_, i) => cache.increment(`n${i}`))
    const set = cache.set('large', bytes(2 * mega))
    expect(await Promise.all(before)).toEqual(Array(20).fill(1))
    expect(await set).toBe(false)
    expect(errors.length).toBe(1)
    await until(() => cache.increment('n0', 1, { onError: 'throw' }))
    client.disconnect()
  }
})

test('conditional writes of such a value reject and leave the key alone', async () => {
  const redis = await small()
  const { cache } = opened({ port: redis.port })
  await cache.set('k', 'old', { ttl: '1h' })
  const token = (await cache.getEntry('k'))?.casToken as never
  for (const [length, call] of [
    [7, (value: Buffer) => cache.replace('k', value)],
    [6, (value: Buffer) => cache.compareAndSet('k', value, token)],
    [5, (value: Buffer) => cache.update('k', () => value)],
    [4, (value: Buffer) => cache.add('none', value)],
    [
      3,
      (value: Buffer) =>
        cache.setMany([
          ['many', value],
          ['other', 1],
        ]),
    ],
  ] as const) {
    const answer = await call(bytes(length * mega)).catch((error: CacheError) => error.code)
    expect(answer).toEqual(length === 3 ? ['many'] : 'ERR_CACHE_VALUE_TOO_LARGE')
  }
  expect([...(await cache.getMany(['k', 'none', 'many', 'other']))]).toEqual([
    ['k', 'old'],
    ['other', 1],
  ])
  expect(Number(await redis.command('PTTL', 'shop:k'))).toBeGreaterThan(3_000_000)
})

test('calls on the key keep their order around a large write', async () => {
  const redis = await small()
  const { cache } = opened({ port: redis.port })
  const answers = await Promise.all([
    cache.set('k', 'first'),
    cache.get('k'),
    cache.set('k', bytes(2 * mega)),
    cache.get('k'),
    cache.set('k', 'last'),
    cache.get('k'),
    cache.delete('k'),
  ])
  expect(answers).toEqual([true, 'first', false, undefined, true, 'last', true])
})

test('on a server that takes it, it is alone once; what is no larger goes like any other', async () => {
  const redis = await server()
  const { cache, errors } = opened({ port: redis.port })
  const sets = [1, 2, 3].map(byte => cache.set(`k${byte}`, bytes(3 * mega)))
  const count = cache.increment('n')
  expect(await Promise.all(sets)).toEqual([true, true, true])
  expect(await count).toBe(1)
  await redis.command('CONFIG', 'RESETSTAT')
  expect(await cache.set('again', bytes(3 * mega))).toBe(true)
  expect(await cache.replace('again', bytes(2 * mega))).toBe(true)
  expect(await commandCounts(redis)).not.toMatchObject({ unlink: expect.anything() })
  const entry = await cache.getEntry<Buffer>('again')
  expect(await cache.compareAndSet('again', bytes(4 * mega), entry?.casToken as never)).toBe('stored')
  expect((await cache.get<Buffer>('again'))?.length).toBe(4 * mega)
  expect(errors).toEqual([])
})

test('a user who may set and not delete stores what the server takes, and learns why the old value could not go', async () => {
  const redis = await small()
  await redis.command('ACL', 'SETUSER', 'setter', 'on', '>pw', '~*', '-@all', '+set', '+get', '+config|get')
  const space = store({ port: redis.port, username: 'setter', password: 'pw' }).space(['a'], nativeFormat)
  const write = (length: number): unknown =>
    space.write({ key: 'k', item: { flags: 0, data: bytes(length) }, ttl: 1e6, when: 'always' }, within())
  expect(await write(mega)).toEqual({ outcome: 'stored' })
  const error = await failure(() => write(mega + 1))
  expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(error.message).toMatch(/ACL.*'unlink'/)
})

test('a connection that is lost, or a deadline that passes, leaves nothing waiting behind a large write', async () => {
  const redis = await server()
  const wire = await proxy(redis)
  const space = anySpace(store({ port: wire.port }))
  await space.get('k', within())
  const large = { key: 'large', item: { flags: 0, data: bytes(8 * mega) }, ttl: 1e6, when: 'always' } as const
  const counted = (): Promise<unknown> => until(() => space.count('n', 1, { value: 1, ttl: 1e6 }, within()))
  // Either the question for the limit, or the value itself, is under way.
  for (const fault of [() => wire.blackHole('down'), () => wire.stallAfter(200_000, { direction: 'up' })]) {
    fault()
    const lost = failure(() => space.write(large, within(5000)))
    const late = await failure(() => space.get('k', within(100)))
    expect(late).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
    expect(late.message).toMatch(/has not yet taken a large value/)
    await wire.cut()
    wire.pass()
    expect(await lost).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
    await counted()
  }
  wire.blackHole('down')
  expect(await failure(() => space.write(large, within(100)))).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
  await wire.cut()
  wire.pass()
  await counted()
  expect(await space.write(large, within(5000))).toEqual({ outcome: 'stored' })
})

test('a server that is frozen under a large write is noticed by the calls that wait behind it', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.get('k', within())
  await redis.pause()
  const large = { key: 'large', item: { flags: 0, data: bytes(8 * mega) }, ttl: 1e6, when: 'always' } as const
  const lost = failure(() => space.write(large, within(20_000)))
  await until(async () => {
    await failure(() => space.get('k', within(300)))
    expect(events).toContainEqual(expect.objectContaining({ type: 'breaker', state: 'open' }))
  })
  expect(await lost).toMatchObject({ outcome: 'unknown' })
  redis.resume()
  expect(await until(() => space.write(large, within(5000)))).toEqual({ outcome: 'stored' })
})

test('a large value whose link dies half-way does not hold the others up forever', { timeout: 20_000 }, async () => {
  const redis = await server()
  const address = await proxy({ port: redis.port })
  const opened = store({ port: address.port })
  const cache = cacheOver(opened, { namespace: 'shop', serializer: createSerializer({ compression: false }) })
  await cache.set('k', 'v')
  address.stallAfter(6 * mega, { direction: 'up' })
  const set = cache.set('large', Buffer.alloc(24 * mega), { timeout: '1s' })
  while ((await cache.get('k')) !== 'v') await new Promise(setImmediate)
  expect(await set).toBe(false)
  expect(address.connections).toBe(2)
})

test('calls that wait behind a large value on a client of the application open the breaker once its link is dead', {
  timeout: 20_000,
}, async () => {
  const redis = await server()
  const address = await proxy({ port: redis.port })
  const client = new Redis({ port: address.port })
  client.on('error', () => {})
  const opened = store({ client })
  const cache = cacheOver(opened, { timeout: 100, serializer: createSerializer({ compression: false }) })
  await cache.set('k', 'v')
  address.stallAfter(6 * mega, { direction: 'up' })
  const events = eventsOf(opened)
  const set = cache.set('large', Buffer.alloc(24 * mega), { timeout: '1s' })
  while (!events.some(({ type }) => type === 'breaker')) await cache.get('k')
  expect(await set).toBe(false)
  client.disconnect()
})
