import { nativeFormat } from '@anycache/serializer'
import { Redis, type RedisOptions } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { commandCounts, eventsOf, failure, proxy, read, server, store, text, until, within } from './opened.js'

/** An application's own client, with the options of ioredis' README. */
function client(options: Omit<RedisOptions, 'replyMapping'>): Redis {
  const made = new Redis({ host: '127.0.0.1', ...options })
  made.on('error', () => {})
  onTestFinished(() => made.disconnect())
  return made
}

test('a borrowed client is used, shared and left open', async () => {
  const redis = await server()
  const own = client({ port: redis.port, db: 2 })
  const listeners = own.listenerCount('error')
  const opened = store({ client: own })
  expect(opened.client).toBe(own)
  expect(opened.servers).toEqual([`127.0.0.1:${redis.port}`])
  const space = opened.space(['shop'], nativeFormat)
  await space.write(text('k', 'v'), within())
  expect(await own.get('shop:k')).toBe('v')
  await opened.close(within())
  expect(own.status).toBe('ready')
  expect(await own.get('shop:k')).toBe('v')
  expect(own.listenerCount('error')).toBe(listeners)
  for (const event of ['connecting', 'connect', 'ready', 'close', 'end']) expect(own.listenerCount(event)).toBe(0)
  expect(await failure(() => space.get('k', within()))).toMatchObject({ code: 'ERR_CACHE_CLOSED' })
})

test('a lazy client is connected by the first operation, one that connects is waited for', async () => {
  const redis = await server()
  const lazy = client({ port: redis.port, lazyConnect: true })
  expect(await read(store({ client: lazy }).space(['a'], nativeFormat), 'k')).toBe(undefined)
  expect(lazy.status).toBe('ready')
  const eager = client({ port: redis.port })
  expect(await read(store({ client: eager }).space(['a'], nativeFormat), 'k')).toBe(undefined)
})

test.each(['app:', 'ünï[x]*:'])(
  'the keyPrefix %s of a client is part of every key on the server, and of none that is returned',
  async keyPrefix => {
    const redis = await server()
    const opened = store({ client: client({ port: redis.port, keyPrefix }) })
    const space = opened.space(['shop'], nativeFormat)
    const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
    await redis.command('SET', 'shop:foreign', 'without the prefix')
    await redis.command('SET', 'app:shopping:foreign', 'of a neighbour')
    await space.writeMany([text('a', 'A'), text('b', 'B')], within())
    await space.count('n', 1, create, within())
    await opened.space(['shop', 'carts'], nativeFormat).write(text('c', 'C'), within())
    expect(await redis.command('GET', `${keyPrefix}shop:a`)).toBe('A')
    expect(await space.wireKey('a', within())).toBe(`${keyPrefix}shop:a`)
    expect(await Promise.all(['a', 'b'].map(key => read(space, key)))).toEqual(['A', 'B'])
    const listed: string[] = []
    const keys = space.keys?.('*', within) as AsyncIterable<string>
    for await (const key of keys) listed.push(key)
    expect(listed.sort()).toEqual(['a', 'b', 'n'])
    expect(await space.removeMany(['a', 'none'], within())).toEqual([true, false])
    await space.clear(within)
    expect(((await redis.command('KEYS', '*')) as string[]).sort()).toEqual(['app:shopping:foreign', 'shop:foreign'])
  },
)

test('enableAutoPipelining and stringNumbers of a client change no answer', async () => {
  const redis = await server()
  const own = client({
    port: redis.port,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: ['set', 'unlink'],
    stringNumbers: true,
  })
  const space = store({ client: own }).space(['a'], nativeFormat)
  expect(
    await Promise.all([
      space.count('k', 1, { value: 7, ttl: 1000 }, within()),
      space.write(text('k', 'v'), within()),
      read(space, 'k'),
      space.remove('k', undefined, within()),
      read(space, 'k'),
      space.remove('k', undefined, within()),
    ]),
  ).toEqual([{ value: 7 }, { outcome: 'stored' }, 'v', true, undefined, false])
})

test('nothing is sent twice when the connection of a client is cut, though the client resends', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const own = client({ port: wire.port })
  const space = store({ client: own, breaker: false }).space(['a'], nativeFormat)
  const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
  await space.count('n', 1, create, within())
  wire.cutAfter(0, { end: 'reset' })
  const error = await failure(() => space.count('n', 1, create, within()))
  expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
  await until(() => expect(own.status).toBe('ready'))
  await own.ping()
  expect(await redis.command('GET', 'a:n')).toBe('2')
})

test('a client without a connection fails calls at once, and queues none of them', async () => {
  const redis = await server()
  const own = client({ port: redis.port, retryStrategy: () => 50 })
  const opened = store({ client: own })
  const space = opened.space(['a'], nativeFormat)
  await space.write(text('k', 'v'), within())
  await redis.kill()
  await until(() => expect(own.status).not.toBe('ready'))
  const began = performance.now()
  for (let i = 0; i < 20; i++) {
    const error = await failure(() => space.write(text('k', 'late'), within(5000)))
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
  }
  expect(performance.now() - began).toBeLessThan(1500)
  await redis.restart()
  await until(() => space.write(text('other', 'v'), within()))
  expect((await commandCounts(redis)).set).toBe(1)
})

test('a client of a frozen server answers by the deadline, and is not closed', async () => {
  const redis = await server()
  const own = client({ port: redis.port })
  const space = store({ client: own }).space(['a'], nativeFormat)
  await space.write(text('k', 'v'), within())
  await redis.pause()
  expect(await failure(() => space.get('k', within(300)))).toMatchObject({
    code: 'ERR_CACHE_TIMEOUT',
    outcome: 'unknown',
  })
  expect(own.status).toBe('ready')
  redis.resume()
  expect(await until(() => read(space, 'k'))).toBe('v')
})

test('a client of a server that is silent for the timeout costs one call its time, and the breaker closes when it answers', async () => {
  const redis = await server()
  const own = client({ port: redis.port })
  const opened = store({ client: own, timeout: 300 })
  const events = eventsOf(opened)
  const states = (): unknown[] => events.flatMap(event => (event.type === 'breaker' ? [event.state] : []))
  const space = opened.space(['a'], nativeFormat)
  await space.write(text('k', 'v'), within())
  await redis.pause()
  expect(await failure(() => space.get('k', within(600)))).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
  expect(states()[0]).toBe('open')
  expect(await failure(() => space.get('k', within(600)))).toMatchObject({ outcome: 'not-sent' })
  redis.resume()
  expect(await until(() => read(space, 'k'))).toBe('v')
  expect(states().at(-1)).toBe('closed')
  expect(own.status).toBe('ready')
})

test('a client that was closed is an outage, not a hang', async () => {
  const redis = await server()
  const own = client({ port: redis.port })
  const opened = store({ client: own })
  await opened.ping(within())
  await own.quit()
  await until(() => expect(own.status).toBe('end'))
  expect(await failure(() => opened.ping(within()))).toMatchObject({
    code: 'ERR_CACHE_CONNECTION',
    message: expect.stringMatching(/status is "end"/),
  })
  await opened.close(within())
})

test('a read that meets a connection which died idle waits for the client to come back, and is asked again', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const own = client({ port: wire.port, retryStrategy: () => 20 })
  const opened = store({ client: own })
  const events = eventsOf(opened)
  const space = opened.space(['a'], nativeFormat)
  await space.write(text('k', 'v'), within())
  await new Promise(resolve => setTimeout(resolve, 1200))
  wire.cutAfter(0, { end: 'reset' })
  expect(await read(space, 'k')).toBe('v')
  await wire.cut()
  expect(await read(space, 'k')).toBe('v')
  expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
})
