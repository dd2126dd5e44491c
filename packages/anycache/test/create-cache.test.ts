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
      message:
        'createCache takes one argument; pass options together with the URL: createCache({ url, namespace, ttl })',
    })
    const caches = await Promise.all(['memory://', 'null://'].map(createCache))
    expect(caches.map(cache => cache.info().driver)).toEqual(['memory', 'null'])
  })

  test('by REDIS_URL takes a URL for Redis only', async () => {
    for (const name of ['CACHE_URL', 'MEMCACHE_SERVERS', 'MEMCACHIER_SERVERS']) vi.stubEnv(name, '')
    vi.stubEnv('REDIS_URL', 'memcached://a:11211')
    expect(await refusal(undefined)).toBe(
      'the cache config of REDIS_URL: url: is a URL for memcached, but driver is redis',
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

  test('gives every driver how it reads through', () => {
    const readThrough = {
      staleWhileRevalidate: Number.POSITIVE_INFINITY,
      staleIfError: '1h',
      softTimeout: '200ms',
      hardTimeout: Number.POSITIVE_INFINITY,
      refreshAhead: 0.8,
      earlyRefresh: 1,
      lease: false,
      skipNull: true,
    }
    const url = Object.entries(readThrough).map(([name, value]) => `readThrough.${name}=${value}`)
    for (const driver of ['memory', 'redis', 'memcached', 'null']) {
      expect(resolveConfig({ driver, readThrough })).toEqual({ config: { driver, readThrough } })
      expect(resolveConfig(`${driver}://?${url.join('&')}`)).toEqual({ config: { driver, readThrough } })
    }
    const least = { staleWhileRevalidate: 0, staleIfError: 0, refreshAhead: 0, earlyRefresh: 0, lease: 1 }
    expect(resolveConfig({ driver: 'null', readThrough: least })).toMatchObject({ config: { readThrough: least } })
  })

  test('hands read-through to the cache, and a call of its own wins', async () => {
    await using cache = await createCache('memory://?readThrough.skipNull=true')
    await cache.getOrSet('none', () => null)
    expect(await cache.has('none')).toBe(false)
    await cache.getOrSet('none', () => null, { skipNull: false })
    expect(await cache.has('none')).toBe(true)
  })

  test('takes a URL beside options that hold for every driver', async () => {
    await using cache = await createCache({ url: 'memory://?maxEntries=5', namespace: 'shop' })
    expect(cache.info()).toMatchObject({ driver: 'memory', namespace: 'shop' })
  })

  test('takes a URL beside every option of its driver, with and without naming it', async () => {
    await using cache = await createCache({ url: 'memory://', maxEntries: 1 })
    await cache.setMany(Object.entries({ a: 1, b: 2 }))
    expect([await cache.has('a'), await cache.has('b')]).toEqual([false, true])
    const password = () => 'token'
    for (const [url, beside, expected] of [
      ['rediss://h', { tls: { ca: 'PEM' } }, { host: 'h', tls: { ca: 'PEM' } }],
      ['redis://h', { port: 1, db: 2, clientName: 'web', maxInFlightBytes: '1mb' }, { host: 'h', port: 1, db: 2 }],
      ['redis://u@h?protocol=2', { password, family: 6 }, { username: 'u', password, family: 6, protocol: 2 }],
      ['unix:///s', { username: 'u', password: 'p' }, { path: '/s', username: 'u', password: 'p' }],
      ['redis://', { path: '/s' }, { path: '/s' }],
      ['memcached://a,b', { username: 'u', password: 'p', tls: true }, { servers: [{ host: 'a' }, { host: 'b' }] }],
      ['memcached://', { servers: ['a'], maxInFlightBytes: 5 }, { servers: ['a'] }],
      ['memory://', { isolation: 'reference' }, { isolation: 'reference' }],
    ] as const) {
      const driver = url.startsWith('mem') ? url.split(':')[0] : 'redis'
      for (const config of [
        { url, ...beside },
        { url, driver, ...beside },
      ]) {
        expect(resolveConfig(config)).toEqual({ config: expect.objectContaining({ driver, ...beside, ...expected }) })
      }
    }
  })

  test('takes the URLs of hosters and of ioredis', () => {
    for (const [url, expected] of [
      ['redis://default:pw@redis.railway.internal:6379?family=0', { host: 'redis.railway.internal', family: 0 }],
      ['rediss://default:pw@eu1.upstash.io:6379', { username: 'default', tls: true }],
      ['redis://@cache:6379/?family=4', { host: 'cache', family: 4 }],
      ['redis://fly.upstash.io/1?family=6&lazyConnect=true&maxRetriesPerRequest=null', { family: 6, db: 1 }],
      ['rediss://:pw@h:6380/0?protocol=3&connectTimeout=10000&keepAlive=0&enableReadyCheck=false', { protocol: 3 }],
    ] as const) {
      for (const config of [url, { url }, { driver: 'redis', url }]) {
        expect(resolveConfig(config)).toEqual({ config: expect.objectContaining({ driver: 'redis', ...expected }) })
      }
    }
    expect(resolveConfig('redis://h?lazyConnect=true')).toEqual({ config: { driver: 'redis', host: 'h' } })
  })

  test('takes ttls that no timer could carry', async () => {
    await using cache = await createCache({ driver: 'memory', ttl: '365d' })
    expect(cache.info().ttl).toBe(365 * 86_400_000)
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
      'namespace: must contain only letters, digits, "_", "." and "-", got "a b"',
      'ttl: must be positive ms, text such as "250ms", "30s", "5m", "2h", "7d" (at most 2^31 s), or Infinity, got 0',
      'jitter: must be a share of the ttl from 0 to 1, got 2',
      'timeout: must be positive ms or text such as "250ms", "30s", "5m" (at most 2^31−1 ms, 24.8 days), got "5 m"',
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
    [
      { driver: 'memory', staleWhileRevalidate: 5 },
      'staleWhileRevalidate: unknown option; did you mean "readThrough.staleWhileRevalidate"?',
    ],
    ['redis://h?lease=5s', 'lease: unknown option; did you mean "readThrough.lease"?'],
    ['redis://h?readThrough.laese=5s', 'readThrough.laese: unknown option; did you mean "lease"?'],
    ['redis://h?readThrough=true', 'readThrough: must be an object with staleWhileRevalidate, staleIfError'],
    [{ driver: 'null', readThrough: { staleWhileRevalidate: -1 } }, 'staleWhileRevalidate: must be 0, ms, text'],
    [{ driver: 'null', readThrough: { staleIfError: '1 h' } }, 'readThrough.staleIfError: must be 0, ms, text'],
    [{ driver: 'null', readThrough: { softTimeout: 0 } }, 'readThrough.softTimeout: must be positive ms or text'],
    [{ driver: 'null', readThrough: { hardTimeout: '30d' } }, 'readThrough.hardTimeout: must be positive ms or text'],
    [{ driver: 'null', readThrough: { refreshAhead: 2 } }, 'refreshAhead: must be a share of the ttl from 0 to 1'],
    [{ driver: 'null', readThrough: { earlyRefresh: -1 } }, 'earlyRefresh: must be a number from 0, 1 being usual'],
    [{ driver: 'null', readThrough: { lease: 0 } }, 'readThrough.lease: must be false, positive ms or text'],
    [{ driver: 'null', readThrough: { lease: true } }, 'readThrough.lease: must be false, positive ms or text'],
    [{ driver: 'null', readThrough: { lease: Number.POSITIVE_INFINITY } }, 'lease: must be false, positive ms'],
    [{ driver: 'null', readThrough: { skipNull: 1 } }, 'readThrough.skipNull: must be true or false, got 1'],
    [{ driver: 'memory', serializer: { profile: 'dalli' } }, 'serializer.profile: unknown option'],
    [{ driver: 'redis', url: 5 }, 'url: must be a URL as text, got 5'],
    [{ driver: 'redis', url: 'memcached://a' }, 'url: is a URL for memcached, but driver is redis'],
    [{ driver: 'redis', url: 'redis://h/1', db: 2 }, 'db: is 1 in the URL and 2 in the options; keep one'],
    [{ url: 'redis://h?ttl=5m', ttl: '1m' }, 'ttl: is "5m" in the URL and "1m" in the options; keep one'],
    [{ url: 'redis://h:6379', port: 5 }, 'port: is 6379 in the URL and 5 in the options; keep one'],
    [{ url: 'memory://', port: 5 }, 'port: unknown option'],
    [{ url: 'memcached://h', db: 5 }, 'db: unknown option'],
    [{ driver: 'redis', family: 5 }, 'family: must be 4, 6, or 0 for both, got 5'],
    [{ driver: 'redis', protocol: '2' }, 'protocol: must be 2 or 3, got "2"'],
    ['redis://h?family=ipv6', 'family: must be 4, 6, or 0 for both, got "ipv6"'],
    ['redis://h?keyPrefix=shop:', 'keyPrefix: is a parameter of ioredis; write namespace'],
    ['rediss://h?ssl_cert_reqs=none', 'ssl_cert_reqs: is a parameter of Python clients; write tls.rejectUnauthorized'],
    ['memcached://h?lazyConnect=true', 'lazyConnect: unknown option'],
    [
      { driver: 'redis', password: 5 },
      'password: must be text, or a function that returns it, got a number that is not shown',
    ],
    [{ driver: 'memcached', username: 'u', password: () => 'p' }, 'password: must be text, got a function'],
    [{ driver: 'redis', timeout: 2 ** 31 }, 'timeout: must be positive ms'],
    [{ driver: 'redis', breaker: { minDelay: '30d' } }, 'breaker.minDelay: must be positive ms'],
    ['redis://h?breaker.maxDelay=25d', 'breaker.maxDelay: must be positive ms'],
    [{ driver: 'redis', url: 'redis://h:x' }, 'url.port: must be'],
    [{ driver: 'redis', path: '/s', host: 'h' }, 'host: a unix socket'],
    [{ driver: 'redis', path: '/s', port: 1 }, 'port: a unix socket'],
    [{ driver: 'redis', path: '/s', tls: true }, 'tls: cannot be used with a unix socket'],
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
    [{ driver: 'memory', isolation: 'reference', maxBytes: 5 }, 'maxBytes: has no effect'],
    [{ driver: 'memory', isolation: 'reference', serializer: {} }, 'serializer: has no effect'],
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
    ['redis://h?compression.threshold=4kb', 'compression: unknown option; did you mean "serializer.compression"?'],
    [{ driver: 'memcached', weight: 2 }, 'weight: unknown option; it is one of'],
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
      'db',
      'tll',
      'namespce',
    ])
  })

  test.each([
    [
      { drver: 'redis', ttl: 0, port: 'x' },
      ['ttl: must be positive', 'port: must be a whole number', 'drver: unknown option; did you mean "driver"?'],
    ],
    [{ drver: 'redsi', ttl: 0 }, ['ttl: must be positive', 'drver: unknown option']],
    [{ ulr: 'redis://:SECRET@h', ttl: 0 }, ['ttl: must be positive', 'ulr: unknown option; did you mean "url"?']],
    [{ ttl: 0, maxEntires: 5 }, ['driver: is missing', 'ttl: must be positive', 'maxEntires: unknown option; did you']],
    [{ driver: 'redsi', ttl: 0, prot: 1 }, ['driver: must be one of', 'ttl: must be positive', 'prot: unknown option']],
    [{ url: 5, ttl: 0 }, ['driver: is missing', 'ttl: must be positive', 'url: must be a URL as text, got 5']],
    [
      { url: 'redsi://h?tll=1&jitter=2', ttl: 0 },
      ['url: unknown scheme "redsi://"', 'ttl: must be positive', 'jitter: must be a share', 'tll: unknown option'],
    ],
    [
      { url: 'redis://:SEC/SECRET@h', ttl: 0, tll: 1 },
      ['url: must not contain "#"', 'ttl: must be positive', 'tll: unknown option'],
    ],
    ['redsi://h#x', ['unknown scheme', 'must not contain "#"']],
    [
      { driver: 'redis', url: 'memcached://a', ttl: 0 },
      ['url: is a URL for memcached, but driver is redis', 'ttl: must be positive'],
    ],
    [
      { driver: 'redis', path: '/s', host: 'h', ttl: 0 },
      ['ttl: must be positive', 'host: a unix socket (path) has no host; keep one of them, got "h"'],
    ],
    [{ driver: 'redis', username: 'u', ttl: 0 }, ['ttl: must be positive', 'password: is missing']],
    [{ driver: 'memcached', username: 'u', password: 5 }, ['password: must be text']],
    [{ driver: 'memcached', username: 5, password: 'p' }, ['username: must be text']],
    [
      { driver: 'memcached', servers: ['a', 'a'], breaker: { minDelay: '1s', maxDelay: 5 } },
      ['breaker.minDelay: must not be longer than maxDelay, got "1s" and 5', 'servers.1: is listed twice'],
    ],
    ['memcached://a:x/0', ['must not have a path', 'servers.0.port: must be']],
    [
      'redis://h/two?ttl=0',
      ['db: must be the number of a database, as in redis://host:6379/2, got "two"', 'ttl: must be'],
    ],
    ['redis://h?ttl=1s&ttl=2s', ['ttl: is given twice in the URL, here as "2s"; keep one']],
    ['memory://localhost', ['memory:// takes no host and no path', 'got "localhost"']],
  ])('tells of all that is wrong at once, and of nothing else: %j', async (config, expected) => {
    const message = await refusal(config)
    expect(message).not.toContain('SECRET')
    const lines = message.replace('the cache config: ', 'the cache config has 1 problem:\n- ').split('\n- ').slice(1)
    if (expected[0]?.startsWith('memory://')) expect(lines).toEqual([expect.stringContaining(expected[1] as string)])
    else expect(lines).toEqual(expected.map(problem => expect.stringContaining(problem)))
  })

  test('with any mistakes together tells of each, and shows each value', () => {
    const mistakes = {
      ttl: 0,
      namespace: 'a b',
      timeout: 'soon',
      jitter: 7,
      onError: 'opne',
      allowFlush: 'yes',
      maxValueBytes: '5 elephants',
      breaker: 'sometimes',
      serializer: 'fast',
      name: 5,
      namespce: 'x',
    }
    const bases = fc.constantFrom<object>(
      ...[{ driver: 'memory' }, { driver: 'redis' }, { driver: 'redsi' }, { drver: 'redis' }, { driver: 5 }, {}],
      ...[{ url: 'redis://h' }, { url: 'redis://h:x' }, { url: 'redsi://h' }, { url: 5 }, { url: 'redis://h#' }],
      ...[
        { driver: 'redis', url: 'memcached://a' },
        { driver: 'redsi', url: 'redis://h' },
      ],
    )
    fc.assert(
      fc.property(bases, fc.subarray(Object.entries(mistakes), { minLength: 1 }), (base, made) => {
        for (const where of ['', 'stores.a.']) {
          const config = { ...base, ...Object.fromEntries(made) }
          const resolved = where === '' ? resolveConfig(config) : resolveCaches({ default: 'a', stores: { a: config } })
          const problems = 'problems' in resolved ? resolved.problems : []
          for (const [name, value] of made) {
            const told = problems.filter(({ path }) => path === where + name)
            const text = name === 'namespce' ? 'did you mean "namespace"' : `got ${JSON.stringify(value)}`
            expect(told).toEqual([{ path: where + name, message: expect.stringContaining(text) }])
          }
        }
      }),
    )
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
      { driver: 'memcached', servers: ['ann:SECRET'] },
      { driver: 'ann:SECRET' },
      'redis://ann:SECRET/SECRET',
      'memcached://ann:SECRET/SECRET',
      'memory://:SECRET',
      'unix://ann:SECRET/s',
      'redis://h?password=SECRET&password=SECRET',
      { url: 'redis://h?password=SECRET', password: 'SECRET' },
      { pasword: 'SECRET' },
      { drver: 'redis://:SECRET@h' },
      { ulr: 'redis://:SECRET@h' },
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
