import { inspect } from 'node:util'
import { type CacheError, cacheOver, type StoreEvent } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import type { RedisStoreOptions } from '../src/index.js'
import { commandFailure, connectionFailure } from '../src/protocol/failures.js'
import { withoutArguments } from '../src/protocol/reply-text.js'
import { failure, server, store, within } from './opened.js'
import { refusing } from './refusing.js'

/** Parts of what no log may hold; the caller's own key is on an error by design, its wire key is not. */
const key = 'card-4111'
const value = 'SECRET-value with words, "quotes" and it\'s\nlines'
const login = { username: 'alice-9f2c', password: 'hunter2-pw' }
const secrets = /SECRET|4111|quotes|alice|9f2c|hunter2|vault-ns/

/** All that a logger may find of an error, but for the key that the caller gave. */
function logged(error: unknown): string {
  const found: string[] = []
  for (let at = error as CacheError | undefined; at instanceof Error; at = at.cause as CacheError | undefined) {
    found.push(at.message, String(at.stack))
    Reflect.deleteProperty(at, 'key')
  }
  return `${found.join('\n')}\n${inspect(error, { depth: 10, showHidden: true })}`
}

/** Calls every verb that sends the key or the value; gives the codes, by verb, of those that were refused. */
async function refusals(options: RedisStoreOptions, as: RedisStoreOptions = login): Promise<Record<string, string>> {
  const opened = store({ ...as, ...options, breaker: false })
  const events: StoreEvent[] = []
  opened.listen(event => events.push(event))
  const cache = cacheOver(opened, { namespace: 'vault-ns', onError: 'throw' })
  const reported: unknown[] = []
  cache.on('error', ({ error }) => reported.push(error))
  const calls: Record<string, (key: string) => Promise<unknown>> = {
    get: key => cache.get(key),
    getMany: key => cache.getMany([key, `${key}b`]),
    set: key => cache.set(key, value, { ttl: '1m' }),
    setMany: key => cache.setMany([[key, value]]),
    add: key => cache.add(key, value),
    replace: key => cache.replace(key, value),
    compareAndSet: key => cache.compareAndSet(key, value, 'SECRET-token' as never),
    touch: key => cache.touch(key, '1m'),
    'touch without expiry': key => cache.touch(key, Number.POSITIVE_INFINITY),
    increment: key => cache.increment(key),
    take: key => cache.take(key),
    delete: key => cache.delete(key),
    clear: () => cache.clear(),
    serverStats: () => cache.serverStats(),
    ping: () => cache.ping(),
  }
  const codes: Record<string, string> = {}
  for (const [name, call] of Object.entries(calls)) {
    await call(`${key}-${name}`).catch(error => {
      codes[name] = error.code
      expect(logged(error)).not.toMatch(secrets)
    })
  }
  await cache.close()
  for (const error of reported) expect(logged(error)).not.toMatch(secrets)
  expect(inspect(events, { depth: 10 })).not.toMatch(secrets)
  return codes
}

/** A user of that name who may do all. The test sets the scene as the default user. */
const everything = { users: { [login.username]: { password: login.password, rules: ['~*', '+@all'] } } }
const refused = 'ERR_CACHE_SERVER'

describe('no key, value or login is in what is reported about', () => {
  test('commands that the server was made not to know', async () => {
    const names = ['get', 'mget', 'set', 'eval', 'pexpire', 'getdel', 'unlink', 'scan', 'flushdb']
    const redis = await server({
      ...everything,
      args: names.flatMap(name => ['--rename-command', name, '']),
    })
    const codes = await refusals({ port: redis.port })
    expect(Object.keys(codes)).toEqual(expect.arrayContaining(['get', 'set', 'increment', 'touch', 'take', 'delete']))
    expect(new Set(Object.values(codes))).toEqual(new Set([refused]))
  })

  test('commands, keys and a database that the ACL forbids', async () => {
    const redis = await server({
      users: { [login.username]: { password: login.password, rules: ['~elsewhere:*', '-@all', '+eval', '+get'] } },
    })
    expect(Object.keys(await refusals({ port: redis.port })).length).toBeGreaterThan(10)
    expect(Object.values(await refusals({ port: redis.port, db: 3 }))).toEqual(Array(15).fill(refused))
  })

  test('a login that is refused', async () => {
    const redis = await server({ password: 'other' })
    expect(Object.values(await refusals({ port: redis.port }))).toEqual(Array(15).fill(refused))
    expect(Object.values(await refusals({ port: redis.port, protocol: 2 }))).toEqual(Array(15).fill(refused))
    expect(Object.values(await refusals({ port: redis.port }, {}))).toEqual(Array(15).fill(refused))
  })

  test('a server that is full, a replica, unable to save, or has too few replicas', async () => {
    const redis = await server({ ...everything, args: ['--maxmemory', '1', '--enable-protected-configs', 'yes'] })
    expect(await refusals({ port: redis.port })).toMatchObject({ set: refused, increment: refused })
    await redis.command('CONFIG', 'SET', 'maxmemory', '0', 'min-replicas-to-write', '3')
    expect(await refusals({ port: redis.port })).toMatchObject({ set: refused, delete: refused })
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0', 'save', '1 1', 'dir', '/proc')
    await redis.command('BGSAVE').catch(() => {})
    await expect
      .poll(() => redis.command('SET', 'k', 'v').catch(error => error.message), { timeout: 5000 })
      .toMatch(/MISCONF/)
    expect(await refusals({ port: redis.port })).toMatchObject({ set: refused, delete: refused })
    await redis.command('CONFIG', 'SET', 'save', '')
    await redis.command('REPLICAOF', '127.0.0.1', '1')
    expect(await refusals({ port: redis.port })).toMatchObject({ set: refused, delete: refused })
  })

  test('a key that holds a list, and a ttl that is no number', async () => {
    const redis = await server(everything)
    await redis.command('RPUSH', `vault-ns:${key}`, value)
    const space = store({ ...login, port: redis.port }).space(['vault-ns'], nativeFormat)
    expect(await space.count(key, 1, undefined, within())).toEqual({ refused: 'not-a-counter' })
    expect(logged(await failure(() => space.touch(key, Number.NaN, within())))).not.toMatch(secrets)
  })

  test('a client of the application, whose errors hold the command', async () => {
    const redis = await server({ ...everything, args: ['--maxmemory', '1', '--rename-command', 'get', ''] })
    const client = new Redis({ port: redis.port, ...login })
    expect(await refusals({ client }, {})).toMatchObject({ get: refused, set: refused })
    client.disconnect()
  })

  test('commands whose connection is lost before the reply', async () => {
    const redis = await server(everything)
    const cache = cacheOver(store({ ...login, port: redis.port }), { namespace: 'vault-ns', onError: 'throw' })
    await cache.ping()
    await redis.pause()
    const calls = [
      cache.set(key, value),
      cache.get(key),
      cache.increment(`${key}n`),
      cache.getMany([`${key}a`, `${key}b`]),
    ]
    const lost = Promise.allSettled(calls)
    await new Promise(resolve => setTimeout(resolve, 50))
    await redis.kill()
    for (const settled of await lost) {
      expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CACHE_CONNECTION' } })
      expect(logged((settled as PromiseRejectedResult).reason)).not.toMatch(secrets)
    }
  })

  test.each([
    ['ERR no SECRET-value for vault-ns:card-4111'],
    ['SECRET-value is what alice-9f2c sent'],
    ["ERR upstream refused: set 'vault-ns:card-4111' to `SECRET-value` for alice-9f2c hunter2-pw"],
    ['hunter2-pw'],
    ['ERR unknown command `set`, with args beginning with: `vault-ns:card-4111`, `SECRET-value with words`, '],
    ["NOPERM User alice-9f2c has no permissions to run the 'set' command"],
    ['WRONGTYPE vault-ns:card-4111'],
    ['NOAUTH hunter2-pw'],
  ])('a proxy that answers %s', async reply => {
    const redis = await server(everything)
    const wire = await refusing(redis)
    const opened = store({ ...login, port: wire.port, breaker: false })
    const cache = cacheOver(opened, { namespace: 'vault-ns', onError: 'throw' })
    await cache.set(key, 1)
    wire.refuse(reply)
    for (const call of [() => cache.set(key, value), () => cache.increment(key), () => cache.delete(key)]) {
      const error = await failure(call)
      expect(error).toMatchObject({ code: refused })
      expect(logged(error)).not.toMatch(secrets)
    }
  })
})

test('what Redis says in its own words is passed on', () => {
  for (const text of [
    "NOPERM this user has no permissions to run the 'set' command",
    'WRONGPASS invalid username-password pair or user is disabled.',
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    'NOAUTH Authentication required.',
    'LOADING Redis is loading the dataset in memory',
    'NOREPLICAS Not enough good replicas to write.',
    'ERR max number of clients reached',
    'ERR DB index is out of range',
    'ERR Protocol error: invalid bulk length',
    'CLUSTERDOWN Hash slot not served',
  ]) {
    expect(withoutArguments(text)).toBe(text)
  }
  expect(withoutArguments("ERR unknown command 'set', with args beginning with: 'a user' 'read only' ")).toBe(
    "ERR unknown command 'set', …",
  )
  expect(withoutArguments('ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.')).toBe(
    'ERR max daily request limit exceeded. Limit: … Usage: …',
  )
})

test('the reason that Redis 6.2 wraps for a script is found', () => {
  const reply = Object.assign(
    new Error(
      "ERR Error running script (call to f_c5ad): @user_script:4: @user_script: 4: -READONLY You can't write against a read only replica. ",
    ),
    { name: 'ReplyError' },
  )
  expect(commandFailure(reply, 'h:1').message).toBe(
    "h:1 is a replica and takes no writes; name the master: READONLY You can't write against a read only replica.",
  )
  expect(connectionFailure('NOAUTH hunter2', 'h:1').message).toMatch(/asks for a password.*: NOAUTH …$/)
})
