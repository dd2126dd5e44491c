import { Cluster } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { RedisStore, type RedisStoreOptions } from '../src/index.js'

/** Where a store made of these options would connect to. */
function placeOf(options: RedisStoreOptions): Record<string, unknown> {
  const { client } = new RedisStore(options)
  const { host, port, path, username, password, db, tls } = client.options
  return { ...(path ? { path } : { host, port }), username, password, db, tls }
}

const plain = { host: 'localhost', port: 6379, username: null, password: null, db: 0, tls: undefined }

describe('a url', () => {
  test.each([
    ['redis://', {}],
    ['redis://cache.example', { host: 'cache.example' }],
    ['redis://cache.example:7000/', { host: 'cache.example', port: 7000 }],
    ['redis://cache.example/3', { host: 'cache.example', db: 3 }],
    ['redis://cache.example?db=3', { host: 'cache.example', db: 3 }],
    ['redis://:pw@cache.example', { host: 'cache.example', password: 'pw' }],
    ['redis://me:p%40w%2F%23@cache.example', { host: 'cache.example', username: 'me', password: 'p@w/#' }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['rediss://cache.example', { host: 'cache.example', tls: {} }],
    ['valkey://cache.example:1', { host: 'cache.example', port: 1 }],
    ['valkeys://cache.example', { host: 'cache.example', tls: {} }],
  ])('%s is understood', (url, parts) => {
    expect(placeOf({ url })).toEqual({ ...plain, ...parts })
  })

  test.each([
    ['unix:///run/redis.sock', {}],
    ['unix:///run/redis.sock?db=4', { db: 4 }],
    ['unix://:pw@/run/redis.sock', { password: 'pw' }],
    ['unix://me:p%40w@/run/redis.sock?db=1', { username: 'me', password: 'p@w', db: 1 }],
  ])('%s is understood', (url, parts) => {
    const { host, port, ...rest } = plain
    expect(placeOf({ url })).toEqual({ ...rest, path: '/run/redis.sock', ...parts })
  })

  test.each([
    'http://cache.example',
    'cache.example:6379',
    'redis+cluster://cache.example',
    'unix://run',
    'unix:',
    'redis://cache.example/shop',
    'redis://cache.example/1/2',
    'redis://cache.example/-1',
    'redis://cache.example:0',
    'redis://cache.example:99999',
    'redis://cache.example?dbb=1',
    'redis://cache.example?keyPrefix=shop',
    'redis://cache.example/1?db=2',
    'redis://cache.example#1',
    'redis://me@cache.example',
    'redis://me:p%zzw@cache.example',
    '',
  ])('%s is refused, by its text alone', url => {
    expect(() => new RedisStore({ url })).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
  })

  test('with a password in it is never quoted', () => {
    for (const url of ['redis://me:sEcReT@h/x', 'redis://me:sEc#ReT@h', 'http://me:sEcReT@h', 'redis://me:sEcReT%@h']) {
      expect(() => new RedisStore({ url })).toThrow(expect.not.stringMatching(/sEc/))
    }
  })

  test('gives way to the options beside it', () => {
    const url = 'rediss://me:pw@cache.example/3'
    expect(placeOf({ url, username: 'you', password: 'other', db: 5, tls: false })).toEqual({
      ...plain,
      host: 'cache.example',
      username: 'you',
      password: 'other',
      db: 5,
    })
  })
})

describe('options', () => {
  test.each([
    [{ hots: 'x' }, /did you mean "host"/],
    [{ sentinels: [] }, /unknown option "sentinels"/],
    [{ port: '6379' }, /port must be/],
    [{ port: 0 }, /port must be/],
    [{ host: '' }, /host must be/],
    [{ db: -1 }, /db must be/],
    [{ db: '1' }, /db must be/],
    [{ family: 5 }, /family must be 4, 6 or 0/],
    [{ family: '4' }, /family must be 4, 6 or 0/],
    [{ protocol: 1 }, /protocol must be 2 or 3/],
    [{ tls: 'yes' }, /tls must be/],
    [{ password: 12345 }, /password must be a string or a function/],
    [{ username: 'me' }, /needs a password/],
    [{ timeout: 0 }, /timeout must be/],
    [{ timeout: '5x' }, /timeout must be/],
    [{ breaker: true }, /options must be an object/],
    [{ breaker: { failure: 1 } }, /did you mean "failures"/],
    [{ breaker: { failures: 0 } }, /failures must be/],
    [{ breaker: { maxDelay: -1 } }, /maxDelay must be/],
    [{ breaker: { minDelay: Number.POSITIVE_INFINITY } }, /minDelay must be/],
    [{ maxInFlightBytes: 'lots' }, /maxInFlightBytes/],
    [{ url: 'redis://h', host: 'h' }, /each name the server/],
    [{ path: '/s', port: 1 }, /each name the server/],
    [{ client: {} }, /must be a Redis of ioredis/],
    [{ client: null }, /must be a Redis of ioredis/],
    [null, /options must be an object/],
  ])('%j are refused', (options, message) => {
    expect(() => new RedisStore(options as RedisStoreOptions)).toThrow(message)
    expect(() => new RedisStore(options as RedisStoreOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }),
    )
  })

  test('are neither kept nor changed', () => {
    const options = Object.freeze({
      host: 'h',
      tls: Object.freeze({ ca: 'x' }),
      breaker: Object.freeze({ failures: 2 }),
    })
    const { client } = new RedisStore(options)
    expect(client.options.tls).not.toBe(options.tls)
    expect(client.options.tls).toEqual({ ca: 'x' })
  })

  test('beside a client cannot name a server', () => {
    const { client } = new RedisStore()
    expect(() => new RedisStore({ client, db: 1 })).toThrow(/db has no effect with client/)
  })

  test('cannot hold the client of a cluster', () => {
    const client = new Cluster([], { lazyConnect: true })
    expect(() => new RedisStore({ client: client as never })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_NOT_SUPPORTED', message: expect.stringMatching(/not supported yet/) }),
    )
  })

  test('an IPv6 address stands in brackets among the servers', () => {
    expect(new RedisStore({ host: '::1', port: 1 }).servers).toEqual(['[::1]:1'])
  })
})

test('a store that was made has not connected', () => {
  expect(new RedisStore().client.status).toBe('wait')
})
