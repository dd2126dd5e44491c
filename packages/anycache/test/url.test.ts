import { ioredisParameters } from '@anycache/redis/ioredis-parameters'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseUrl as parseUrlOfStore } from '../../redis/src/endpoint.js'
import { parseUrl } from '../src/url.js'
import { foreignParameters } from '../src/url-parameters.js'

function configOf(url: string): unknown {
  const { config, problems } = parseUrl(url)
  expect(problems).toEqual([])
  return structuredClone(config)
}

describe('a URL says what an object would', () => {
  test.each([
    ['redis://', { driver: 'redis' }],
    ['redis://cache', { driver: 'redis', host: 'cache' }],
    ['redis://cache:6380', { driver: 'redis', host: 'cache', port: 6380 }],
    ['redis://cache/', { driver: 'redis', host: 'cache' }],
    ['redis://cache/2', { driver: 'redis', host: 'cache', db: 2 }],
    ['redis:///2', { driver: 'redis', db: 2 }],
    ['redis://:6380/2', { driver: 'redis', port: 6380, db: 2 }],
    ['redis://[::1]:6380', { driver: 'redis', host: '::1', port: 6380 }],
    ['redis://[::1]', { driver: 'redis', host: '::1' }],
    ['redis://:pw@cache', { driver: 'redis', password: 'pw', host: 'cache' }],
    ['redis://ann:pw@cache', { driver: 'redis', username: 'ann', password: 'pw', host: 'cache' }],
    ['redis://ann@cache', { driver: 'redis', username: 'ann', host: 'cache' }],
    ['rediss://cache', { driver: 'redis', host: 'cache', tls: true }],
    ['rediss://cache?tls.servername=c', { driver: 'redis', host: 'cache', tls: { servername: 'c' } }],
    ['valkey://cache:1', { driver: 'redis', host: 'cache', port: 1 }],
    ['valkeys://cache', { driver: 'redis', host: 'cache', tls: true }],
    ['REDIS://cache', { driver: 'redis', host: 'cache' }],
    [' redis://cache\n', { driver: 'redis', host: 'cache' }],
    ['unix:///run/redis.sock', { driver: 'redis', path: '/run/redis.sock' }],
    [
      'unix://ann:pw@/run/a%20b.sock?db=2',
      { driver: 'redis', username: 'ann', password: 'pw', path: '/run/a b.sock', db: 2 },
    ],
    ['memcached://', { driver: 'memcached' }],
    ['memcached://a', { driver: 'memcached', servers: [{ host: 'a' }] }],
    [
      'memcached://ann:pw@a:1,b,[::1]:2',
      {
        driver: 'memcached',
        username: 'ann',
        password: 'pw',
        servers: [{ host: 'a', port: 1 }, { host: 'b' }, { host: '::1', port: 2 }],
      },
    ],
    ['memcached:///run/memcached.sock', { driver: 'memcached', servers: ['unix:/run/memcached.sock'] }],
    ['memory://?maxEntries=10000', { driver: 'memory', maxEntries: 10_000 }],
    ['memory://', { driver: 'memory' }],
    ['null://', { driver: 'null' }],
  ])('%s', (url, config) => {
    expect(configOf(url)).toEqual(config)
  })

  test('an "@" or ":" inside a password is part of it, encoded or not', () => {
    expect(configOf('redis://ann:p%40s%3As%2F%23%25@cache')).toMatchObject({ password: 'p@s:s/#%' })
    expect(configOf('redis://ann:p@s:s@cache')).toMatchObject({ username: 'ann', password: 'p@s:s', host: 'cache' })
  })

  test('any user and password come back as they were encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 })
    fc.assert(
      fc.property(text, text, (username, password) => {
        const credentials = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
        for (const url of [`redis://${credentials}@cache:1/0`, `memcached://${credentials}@a:1,b:2`]) {
          expect(configOf(url)).toMatchObject({ username, password })
        }
      }),
    )
  })
})

describe('parameters', () => {
  test('are options, nested by dots, and numbers, booleans and Infinity where they look like it', () => {
    const url =
      'redis://cache?ttl=5m&timeout=250&jitter=0.1&allowFlush=true&breaker=false&serializer.compression.threshold=4kb&serializer.compression.level=6&maxValueBytes=1mb'
    expect(configOf(url)).toEqual({
      driver: 'redis',
      host: 'cache',
      ttl: '5m',
      timeout: 250,
      jitter: 0.1,
      allowFlush: true,
      breaker: false,
      serializer: { compression: { threshold: '4kb', level: 6 } },
      maxValueBytes: '1mb',
    })
    expect(configOf('memory://?ttl=Infinity')).toEqual({ driver: 'memory', ttl: Number.POSITIVE_INFINITY })
    expect(configOf('redis://?tls.rejectUnauthorized=false')).toEqual({
      driver: 'redis',
      tls: { rejectUnauthorized: false },
    })
  })

  test('that are text stay text', () => {
    expect(configOf('redis://?namespace=2024&name=true&password=1e3&username=0')).toEqual({
      driver: 'redis',
      namespace: '2024',
      name: 'true',
      password: '1e3',
      username: '0',
    })
  })

  test('are percent-decoded, and a plus is a plus', () => {
    expect(configOf('redis://?password=a+b%26c')).toMatchObject({ password: 'a+b&c' })
  })

  test('that only ioredis reads are taken for Redis, here and by RedisStore, and do nothing', () => {
    for (const name of ioredisParameters) {
      expect(configOf(`redis://cache?${name}=x`)).toEqual({ driver: 'redis', host: 'cache' })
      expect(parseUrlOfStore(`redis://cache?${name}=x`)).toEqual({ host: 'cache', tls: false })
      expect(parseUrl(`memory://?${name}=x`).config).toHaveProperty(name)
    }
    for (const name of foreignParameters.keys()) {
      expect(() => parseUrlOfStore(`redis://cache?${name}=x`)).toThrow(name)
    }
  })

  test('named __proto__ or constructor are mere names', () => {
    const { config } = parseUrl('memory://?__proto__.polluted=1&constructor=2')
    expect(Object.keys(config)).toEqual(['driver', '__proto__', 'constructor'])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('refuses', () => {
  test.each([
    ['', '', 'empty'],
    ['localhost', '', 'must be a URL'],
    ['redis:/cache', '', 'must be a URL'],
    ['redsi://cache', '', 'did you mean "redis"'],
    ['http://cache', '', 'it is one of redis'],
    ['redis://cache:0', 'port', '1 to 65535'],
    ['redis://cache:65536', 'port', '1 to 65535'],
    ['redis://cache:', 'port', '1 to 65535'],
    ['redis://::1', 'host', 'brackets'],
    ['redis://a,b', 'host', 'one server'],
    ['redis://cache/two', 'db', 'number of a database'],
    ['redis://cache/1/2', 'db', 'number of a database'],
    ['redis://:p%zz@cache', 'password', '%25'],
    ['unix://run/redis.sock', '', 'three slashes'],
    ['unix://', '', 'has no socket path'],
    ['memcached://a:1,b:x', 'servers.1.port', '1 to 65535'],
    ['memcached://a:1/0', '', 'must not have a path'],
    ['memory://localhost', '', 'no host'],
    ['null:///x', '', 'no path'],
    ['redis://cache#x', '', '%23'],
    ['redis://cache?ttl', 'ttl', 'no value'],
    ['redis://cache?ttl=', 'ttl', 'empty'],
    ['redis://cache?ttl=1s&ttl=2s', 'ttl', 'twice'],
    ['redis://cache/1?db=2', 'db', 'twice'],
    ['rediss://cache?tls=false', 'tls', 'twice'],
    ['redis://cache?host=b', 'host', 'twice'],
    ['redis://cache?breaker=false&breaker.failures=2', 'breaker.failures', 'twice'],
    ['redis://cache?breaker.failures=2&breaker=false', 'breaker', 'twice'],
    ['redis://cache?driver=memory', 'driver', 'is not a URL parameter'],
    ['redis://cache?name=%', 'name', '%25'],
  ])('%s', (url, path, message) => {
    const { problems } = parseUrl(url)
    expect(problems).toEqual([{ path, message: expect.stringContaining(message) }])
  })

  test('a password that was not encoded, without showing any of it', () => {
    for (const sign of ['/', '?', '#', '/?', '%zz', ':80/']) {
      const { problems } = parseUrl(`redis://ann:SECRET${sign}SECRET@cache:6379/0`)
      expect(problems).toHaveLength(1)
      expect(JSON.stringify(problems)).not.toContain('SECRET')
    }
  })

  test('user:password without a host, without showing it', () => {
    const { problems } = parseUrl('redis://ann:SECRET')
    expect(problems).toHaveLength(1)
    expect(JSON.stringify(problems)).not.toContain('SECRET')
  })
})
