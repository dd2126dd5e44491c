import { nativeFormat } from '@anycache/serializer'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { anySpace, eventsOf, failure, proxy, read, server, store, text, within } from './opened.js'

afterEach(() => vi.restoreAllMocks())

describe('a server is reached', () => {
  test('by host and port, on IPv4 and by name', async () => {
    const redis = await server()
    for (const options of [{ host: '127.0.0.1', port: redis.port }, { port: redis.port }, { url: redis.url }]) {
      const opened = store(options)
      await opened.ping(within())
      expect(opened.servers).toEqual([`${options.host ?? (options.url ? '127.0.0.1' : 'localhost')}:${redis.port}`])
    }
  })

  test('by a unix socket, as path or url, in a database of its own', async () => {
    const redis = await server({ unixSocket: true })
    const path = redis.path as string
    const [byPath, byUrl] = [store({ path, db: 2 }), store({ url: `unix://${path}?db=2` })]
    expect(byPath.servers).toEqual([path])
    await byPath.space(['a'], nativeFormat).write(text('k', 'v'), within())
    expect(await read(byUrl.space(['a'], nativeFormat), 'k')).toBe('v')
    expect(await redis.command('DBSIZE')).toBe(0)
  })

  test('over TLS with the authority given, and not without it', async () => {
    const redis = await server({ tls: true })
    const ca = redis.tls?.cert as string
    const trusting = store({ url: redis.url, tls: { ca } })
    await trusting.space(['a'], nativeFormat).write(text('k', 'v'), within())
    expect(
      await read(store({ host: '127.0.0.1', port: redis.port, tls: { ca } }).space(['a'], nativeFormat), 'k'),
    ).toBe('v')
    const error = await failure(() => store({ url: redis.url }).ping(within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(error.message).toMatch(/self.signed certificate/)
  })

  test('by a store with the longest time to connect that a timer carries', async () => {
    const redis = await server()
    await store({ port: redis.port, timeout: 2 ** 31 - 1 }).ping(within())
    expect(() => store({ port: redis.port, timeout: '30d' })).toThrow(
      /timeout must be at most 2147483647 ms .*got "30d"/,
    )
  })

  test('with a password, by option or url', async () => {
    const redis = await server({ password: 'p@ss/wörd#1%' })
    await store({ url: redis.url }).ping(within())
    await store({ port: redis.port, password: 'p@ss/wörd#1%' }).ping(within())
    await store({ url: `redis://127.0.0.1:${redis.port}`, password: 'p@ss/wörd#1%' }).ping(within())
  })

  test('by the family of addresses that is asked for', async () => {
    const redis = await server()
    await store({ port: redis.port, family: 4 }).ping(within())
    // The server listens on 127.0.0.1 alone.
    const error = await failure(() => store({ port: redis.port, family: 6 }).ping(within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
  })

  test('by protocol 2 without a HELLO, where something before it does not know one', async () => {
    const redis = await server({ users: { shop: { password: 'pw', rules: ['~*', '+@all'] } } })
    const wire = await proxy(redis)
    wire.record()
    const options = { port: wire.port, username: 'shop', password: 'pw', db: 1 }
    const space = anySpace(store({ ...options, protocol: 2 }))
    await space.write(text('k', 'v'), within())
    expect(await read(space, 'k')).toBe('v')
    expect(wire.recorded().toString()).not.toMatch(/hello/i)
    await store(options).ping(within())
    expect(wire.recorded().toString()).toMatch(/hello/i)
  })

  test('as an ACL user', async () => {
    const redis = await server({ users: { shop: { password: 'secret', rules: ['~shop:*', '+@all', '-@dangerous'] } } })
    const opened = store({ url: `valkey://shop:secret@127.0.0.1:${redis.port}/1`, clientName: 'web' })
    await opened.space(['shop'], nativeFormat).write(text('k', 'v'), within())
    expect(await redis.command('CLIENT', 'LIST')).toMatch(/name=web .*db=1 .*user=shop/)
  })
})

describe('a server that refuses the connection', () => {
  const secret = 's3cr3t-pa55'

  test('for a wrong or missing password says so, without the password', async () => {
    const redis = await server({ password: 'right' })
    for (const [options, word] of [
      [{ port: redis.port, password: secret }, 'WRONGPASS'],
      [{ port: redis.port, username: 'nobody', password: secret }, 'WRONGPASS'],
      [{ port: redis.port }, 'NOAUTH'],
    ] as const) {
      const opened = store(options)
      const error = await failure(() => opened.ping(within()))
      expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused', server: `localhost:${redis.port}` })
      expect(error.message).toContain(word)
      const later = await failure(() => opened.ping(within()))
      expect(later.message).toMatch(/breaker is open/)
      expect(JSON.stringify([error, later, opened.servers], everything)).not.toContain(secret)
    }
  })

  test('for the number of its clients says so', async () => {
    const redis = await server({ args: ['--maxclients', '1'] })
    const first = store({ port: redis.port })
    await first.ping(within())
    const error = await failure(() => store({ port: redis.port }).ping(within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
    expect(error.message).toMatch(/maxclients/)
  })

  test('for a database that it does not have is not used with another one', async () => {
    const redis = await server()
    const opened = store({ port: redis.port, db: 99 })
    const error = await failure(() => anySpace(opened).write(text('k', 'v'), within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER' })
    expect(error.message).toMatch(/DB index is out of range/)
    expect(await redis.command('DBSIZE')).toBe(0)
  })

  test('for a port where nobody listens fails at once, and opens the breaker', async () => {
    const redis = await server()
    await redis.kill()
    const opened = store({ port: redis.port })
    const events = eventsOf(opened)
    const error = await failure(() => opened.ping(within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(error.message).toMatch(/ECONNREFUSED/)
    expect(events).toContainEqual({ type: 'breaker', server: `localhost:${redis.port}`, state: 'open' })
  })

  test('by a name that nobody knows, or a socket that is not there, fails at once', async () => {
    const name = await failure(() => store({ host: 'nowhere.invalid', timeout: 5000 }).ping(within(5000)))
    expect(name).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(name.message).toMatch(/ENOTFOUND|EAI_AGAIN/)
    const path = await failure(() => store({ path: '/tmp/anycache-no-such-socket' }).ping(within()))
    expect(path.message).toMatch(/ENOENT/)
  })
})

test('a password that the server does not ask for is no trouble', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const redis = await server()
  await store({ port: redis.port, password: 'unasked' }).ping(within())
})

test('nothing is printed when a client has trouble', async () => {
  const error = vi.spyOn(console, 'error')
  const warn = vi.spyOn(console, 'warn')
  const redis = await server()
  const opened = store({ port: redis.port })
  await opened.ping(within())
  await redis.kill()
  await failure(() => opened.ping(within()))
  await opened.close(within())
  expect(error).not.toHaveBeenCalled()
  expect(warn).not.toHaveBeenCalled()
})

/** JSON of errors too, with what hangs on them. */
function everything(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value
  return Object.fromEntries(Object.getOwnPropertyNames(value).map(name => [name, value[name as keyof Error]]))
}
