import { inspect } from 'node:util'
import { type Cache, type CacheConfig, createCache } from 'anycache'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { resolveCaches } from '../src/resolve-caches.js'
import { resolveConfig } from '../src/resolve-config.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

async function refusal(config: unknown): Promise<string> {
  const error = await createCache(config as CacheConfig).then(
    () => undefined,
    reason => reason,
  )
  expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_CACHE_CONFIG' })
  return error.message
}

describe('createCache', () => {
  test('opens memory by URL, object and environment, and says which source won', async () => {
    for (const [config, source] of [
      ['memory://?namespace=shop&ttl=5m&timeout=250ms&onError=throw&name=front', 'argument'],
      [
        { driver: 'memory', namespace: 'shop', ttl: '5m', timeout: '250ms', onError: 'throw', name: 'front' },
        'argument',
      ],
      [undefined, 'CACHE_URL'],
    ] as const) {
      vi.stubEnv('CACHE_URL', 'memory://?namespace=shop&ttl=5m&timeout=250ms&onError=throw&name=front')
      await using cache = await createCache(config)
      expect(cache.info()).toMatchObject({
        driver: 'memory',
        servers: [],
        namespace: 'shop',
        ttl: 300_000,
        timeout: 250,
        onError: 'throw',
        name: 'front',
        source,
      })
      await cache.set('a', { b: 1 })
      expect(await cache.get('a')).toEqual({ b: 1 })
    }
  })

  test('refuses options beside it, which other libraries take there', async () => {
    const asElsewhere = createCache as (url: string, options: object) => Promise<Cache>
    await expect(asElsewhere('memory://', { ttl: '5m' })).rejects.toMatchObject({
      code: 'ERR_CACHE_CONFIG',
      message: 'createCache takes one config; options go beside the URL: createCache({ url, namespace, ttl })',
    })
    const caches = await Promise.all(['memory://', 'null://'].map(createCache))
    expect(caches.map(cache => cache.info().driver)).toEqual(['memory', 'null'])
  })

  test('by REDIS_URL takes a URL for Redis only', async () => {
    for (const name of ['CACHE_URL', 'MEMCACHE_SERVERS', 'MEMCACHIER_SERVERS']) vi.stubEnv(name, '')
    vi.stubEnv('REDIS_URL', 'memcached://a:11211')
    expect(await refusal(undefined)).toBe(
      'the cache config of REDIS_URL: url: is a URL for memcached, and driver says redis',
    )
  })

  test('without any config is memory outside production, and refused in it', async () => {
    for (const name of ['CACHE_URL', 'REDIS_URL', 'MEMCACHE_SERVERS', 'MEMCACHIER_SERVERS']) vi.stubEnv(name, '')
    vi.stubEnv('NODE_ENV', 'development')
    await using cache = await createCache()
    expect(cache.info()).toMatchObject({ driver: 'memory', source: 'default' })
    vi.stubEnv('NODE_ENV', 'production')
    expect(await refusal(undefined)).toContain('CACHE_URL')
  })

  test('passes every option on to where it acts', async () => {
    await using cache = await createCache({
      driver: 'memory',
      maxEntries: 2,
      maxValueBytes: '1kb',
      allowFlush: true,
      serializer: { compression: false },
    })
    expect(await cache.set('large', 'x'.repeat(1025))).toBe(false)
    for (const key of ['a', 'b', 'c']) await cache.set(key, key)
    expect([...(await cache.getMany(['a', 'b', 'c'])).keys()]).toEqual(['b', 'c'])
    await cache.flush()
    expect(await cache.has('c')).toBe(false)
    await using bytes = await createCache('memory://?maxBytes=4kb')
    expect(await bytes.set('large', 'xy'.repeat(4096))).toBe(true)
    await using plain = await createCache('memory://?maxBytes=4kb&serializer.compression=false')
    expect(await plain.set('large', 'xy'.repeat(4096))).toBe(false)
    await using shared = await createCache('memory://?isolation=reference')
    const value = {}
    await shared.set('a', value)
    expect(await shared.get('a')).toBe(value)
  })

  test('takes a URL beside options that hold for every driver', async () => {
    await using cache = await createCache({ url: 'memory://?maxEntries=5', namespace: 'shop' })
    expect(cache.info()).toMatchObject({ driver: 'memory', namespace: 'shop' })
  })

  test('takes a deep-frozen config and leaves it alone', async () => {
    const config = Object.freeze({
      driver: 'memory' as const,
      breaker: Object.freeze({ failures: 2 }),
      serializer: Object.freeze({ compression: Object.freeze({ threshold: '1kb' }) }),
    })
    const before = structuredClone(config)
    await using _cache = await createCache(config)
    expect(config).toEqual(before)
  })

  test('accepts an option that is undefined as one that is left out', async () => {
    await using cache = await createCache({ driver: 'memory', ttl: undefined, breaker: undefined, name: undefined })
    expect(cache.info().ttl).toBe(Number.POSITIVE_INFINITY)
  })

  test('accepts $schema, which editors read', async () => {
    await using cache = await createCache({ $schema: './node_modules/anycache/schema.json', driver: 'null' })
    expect(cache.info().driver).toBe('null')
  })
})

describe('a wrong config', () => {
  test('is refused with every problem, its path, the allowed values and the nearest name', async () => {
    const message = await refusal({
      driver: 'memory',
      maxEntires: 5,
      namespace: 'a b',
      ttl: 0,
      jitter: 2,
      timeout: '5 m',
      onError: 'opne',
      breaker: { failure: 1 },
      serializer: { compression: { level: 12, treshold: 1 } },
      isolation: 3,
      allowFlush: 'yes',
      maxBytes: '5 elephants',
    })
    expect(message.split('\n- ')).toEqual([
      'the cache config has 12 problems:',
      'namespace: must hold only letters, digits, "_", "." and "-", got "a b"',
      'ttl: must be positive ms, text such as "250ms", "30s", "5m", "2h", "7d" (at most 2^31 s), or Infinity, got 0',
      'jitter: must be a share of the ttl from 0 to 1, got 2',
      'timeout: must be positive ms or text such as "250ms", "30s", "5m", got "5 m"',
      'onError: must be "open" or "throw", got "opne"',
      'breaker.failure: unknown option; did you mean "failures"?',
      'serializer.compression.level: must be a whole number from 1 to 9, got 12',
      'serializer.compression.treshold: unknown option; did you mean "threshold"?',
      'allowFlush: must be true or false, got "yes"',
      'maxBytes: must be a whole number of bytes from 1, or text such as "4kb", "64mb", got "5 elephants"',
      'isolation: must be "copy" or "reference", got 3',
      'maxEntires: unknown option; did you mean "maxEntries"?',
    ])
  })

  test.each([
    [
      { driver: 'redsi' },
      'driver: must be one of "memory", "redis", "memcached", "null", got "redsi"; did you mean "redis"?',
    ],
    [{ driver: 'tiered' }, 'driver: must be one of "memory", "redis", "memcached", "null", got "tiered"'],
    [{ driver: 5 }, 'driver: must be one of'],
    [{}, 'driver: is missing'],
    [{ stores: { main: 'memory://' } }, 'driver: is missing; several stores are opened by createCaches'],
    ['memcached://a:70000', 'the cache config: servers.0.port: must be a whole number from 1 to 65535'],
    [5, 'must be a URL or an object'],
    [null, 'must be a URL or an object with a driver, got null'],
    [[], 'got an empty array'],
    ['redis+cluster://a:1', 'unknown scheme'],
    [{ driver: 'redis', cluster: ['a:1'] }, 'cluster: unknown option'],
    [{ driver: 'redis', sentinels: ['a:1'] }, 'sentinels: unknown option'],
    [{ driver: 'memory', staleWhileRevalidate: 5 }, 'staleWhileRevalidate: unknown option'],
    [{ driver: 'memory', serializer: { profile: 'dalli' } }, 'serializer.profile: unknown option'],
    [{ driver: 'redis', url: 5 }, 'url: must be a URL as text, got 5'],
    [{ driver: 'redis', url: 'memcached://a' }, 'url: is a URL for memcached, and driver says redis'],
    [{ driver: 'redis', url: 'redis://h/1', db: 2 }, 'db: is said in the URL and beside it'],
    [{ url: 'redis://h?ttl=5m', ttl: '1m' }, 'ttl: is said in the URL and beside it'],
    [{ url: 'redis://h', port: 5 }, 'port: unknown option'],
    [{ driver: 'redis', url: 'redis://h:x' }, 'url.port: must be'],
    [{ driver: 'redis', path: '/s', host: 'h' }, 'host: a unix socket'],
    [{ driver: 'redis', path: '/s', port: 1 }, 'port: a unix socket'],
    [{ driver: 'redis', path: '/s', tls: true }, 'tls: is not spoken'],
    [{ driver: 'redis', username: 'u' }, 'password: is missing'],
    [{ driver: 'redis', db: -1 }, 'db: must be a whole number from 0'],
    [{ driver: 'redis', db: 1.5 }, 'db: must be a whole number from 0'],
    [{ driver: 'redis', port: '6379' }, 'port: must be a whole number from 1 to 65535, got "6379"'],
    [{ driver: 'redis', tls: { ca: 5 } }, 'tls.ca: must be PEM text'],
    [{ driver: 'redis', tls: 'yes' }, 'tls: must be true, false, or an object'],
    [
      { driver: 'redis', breaker: true },
      'breaker: must be false or an object with failures, minDelay, maxDelay, got true',
    ],
    [{ driver: 'memcached', servers: [] }, 'servers: must name at least one server'],
    [{ driver: 'memcached', servers: 'a:1' }, 'servers: must be an array'],
    [{ driver: 'memcached', servers: ['a:0'] }, 'servers.0: must have a port'],
    [{ driver: 'memcached', servers: ['::1'] }, 'servers.0: must be "host"'],
    [{ driver: 'memcached', servers: ['a', { hots: 'b' }] }, 'servers.1.hots: unknown option; did you mean "host"?'],
    [{ driver: 'memcached', servers: [{ host: 'b', weight: 0 }] }, 'servers.0.weight: must be a whole number from 1'],
    [{ driver: 'memcached', servers: [{ path: '/s', port: 1 }] }, 'servers.0.port: a unix socket'],
    [{ driver: 'memcached', servers: ['a', 'b', { host: 'a', port: 11_211 }] }, 'servers.2: is listed twice'],
    [{ driver: 'memcached', servers: [{ host: 'a', tls: 1 }] }, 'servers.0.tls: must be true'],
    [{ driver: 'memcached', password: 'p' }, 'username: is missing'],
    [{ driver: 'memory', isolation: 'reference', maxBytes: 5 }, 'maxBytes: has no meaning'],
    [{ driver: 'memory', isolation: 'reference', serializer: {} }, 'serializer: has no meaning'],
    [{ driver: 'memory', ttl: Number.NaN }, 'got NaN'],
    [{ driver: 'memory', timeout: Number.POSITIVE_INFINITY }, 'timeout: must be positive ms'],
    [
      { driver: 'memory', breaker: { minDelay: '1s', maxDelay: 5 } },
      'breaker.minDelay: must not be longer than maxDelay',
    ],
    ['memory://?maxEntires=5', 'maxEntires: unknown option; did you mean "maxEntries"?'],
    ['memory://?constructor=1', 'constructor: unknown option'],
    ['memory://?__proto__=1', '__proto__: unknown option'],
    [JSON.parse('{"driver":"memory","__proto__":{"ttl":5}}'), '__proto__: unknown option'],
    ['redis://h?compression.threshold=4kb', 'compression: unknown option'],
    ['redis://h?timeout=soon', 'timeout: must be positive ms'],
    ['redis://h?db=1e2', 'db: must be a whole number'],
  ])('%j', async (config, message) => {
    expect(await refusal(config)).toContain(message)
  })

  test('of the environment is refused in the name of its variable', async () => {
    vi.stubEnv('CACHE_URL', 'redis://h?tll=5m')
    expect(await refusal(undefined)).toBe('the cache config of CACHE_URL: tll: unknown option; did you mean "ttl"?')
  })

  test('in a URL and beside it is refused for both at once', async () => {
    const message = await refusal({ url: 'redis://h:x?tll=1&db=-1', ttl: 0, namespce: 'a' })
    expect(message.split('\n- ').map(line => line.split(':')[0])).toEqual([
      'the cache config has 5 problems',
      'url.port',
      'ttl',
      'namespce',
      'db',
      'tll',
    ])
  })

  test('of any shape is refused, never met with another error', () => {
    const options = fc.constantFrom(
      'driver',
      'url',
      'ttl',
      'servers',
      'tls',
      'breaker',
      'serializer',
      'path',
      '__proto__',
    )
    const drivers = fc.constantFrom(
      'memory',
      'redis',
      'memcached',
      'null',
      'redis://h',
      'memcached://a,b',
      'unix:///s?tls.ca=1',
    )
    const config = fc.oneof(fc.anything(), fc.string(), fc.dictionary(options, fc.oneof(drivers, fc.anything())))
    fc.assert(
      fc.property(config, input => {
        for (const resolved of [
          resolveConfig(input),
          resolveCaches(input),
          resolveCaches({ default: 'a', stores: { a: input } }),
        ]) {
          if ('problems' in resolved) expect(resolved.problems.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('never shows any part of a password that nobody encoded', () => {
    const piece = fc.constantFrom('/', '?', '#', '@', ':', '%', '&', '=', '.', ',', '[', 'S3CR3T')
    const password = fc.array(piece, { minLength: 1, maxLength: 8 }).map(pieces => pieces.join(''))
    const scheme = fc.constantFrom('redis', 'unix', 'memcached', 'memory', 'htp')
    fc.assert(
      fc.property(scheme, password, (name, secret) => {
        const url = `${name}://ann:${secret}@host:1/x?tll=1`
        for (const input of [url, { url }, { driver: 'redis', url }, { driver: url }]) {
          const resolved = resolveConfig(input)
          if ('problems' in resolved) expect(JSON.stringify(resolved.problems)).not.toContain('S3CR3T')
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('never shows a password', async () => {
    for (const config of [
      'redis://ann:SECRET@h:0/x?tll=1',
      'redis://ann:SEC/SECRET@h',
      'redis://ann:SECRET%@h',
      'redis//:SECRET@h',
      'ann:SECRET@h',
      ':SECRET',
      'http://ann:SECRET@h',
      { driver: 'redis://:SECRET@h' },
      { driver: 'redis', url: 'redis://:SECRET@h', password: 'SECRET', ttl: 0 },
      { driver: 'redis', password: ['SECRET'] },
      { driver: 'redis', pasword: 'SECRET' },
      { driver: 'redis', host: { password: 'SECRET' } },
      { driver: 'redis', host: 'h', db: 'redis://:SECRET@h' },
      { driver: 'redis', tls: 'SECRET-----KEY://' },
      { driver: 'redis', tls: { key: ['SECRET'], passphrase: { SECRET: 'SECRET' } } },
      { driver: 'memcached', servers: ['memcached://ann:SECRET@h'], username: 5 },
      { driver: 'memcached', servers: ['ann:SECRET@h'] },
    ]) {
      expect(await refusal(config)).not.toContain('SECRET')
    }
  })
})

describe('secrets', () => {
  test('are in no info, and in no error of a server that is not there', async () => {
    for (const url of ['redis://ann:SECRET@127.0.0.1:1', 'memcached://ann:SECRET@127.0.0.1:1']) {
      await using cache = await createCache(`${url}?onError=throw`)
      const heard: unknown[] = []
      for (const event of ['error', 'breaker', 'disconnect'] as const) cache.on(event, detail => heard.push(detail))
      const error = await cache.get('a').then(
        () => undefined,
        (reason: Error) => reason,
      )
      expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
      const told = inspect([cache.info(), error, error?.stack, heard, await cache.ping().catch(reason => reason)], {
        depth: 9,
      })
      expect(told).toContain('127.0.0.1:1')
      expect(told).not.toContain('SECRET')
    }
  })
})
