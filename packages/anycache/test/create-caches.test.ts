import { cacheOver } from '@anycache/core'
import { RedisStore } from '@anycache/redis'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { type CacheConfig, type CachesConfig, createCache, createCaches } from 'anycache'
import { describe, expect, test } from 'vitest'
import { identityOf } from '../src/open-store.js'
import { resolveConfig } from '../src/resolve-config.js'

async function refusal(config: unknown): Promise<string> {
  const error = await createCaches(config as CachesConfig).then(
    () => undefined,
    reason => reason,
  )
  expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_CACHE_CONFIG' })
  return error.message
}

describe('createCaches', () => {
  test('opens each store under its name, with what is said for all where it says nothing itself', async () => {
    const config: CachesConfig = Object.freeze({
      default: 'main',
      ttl: '5m',
      onError: 'throw',
      stores: Object.freeze({
        main: 'memory://?namespace=shop',
        sessions: Object.freeze({ driver: 'memory', ttl: '1h', name: 'logins' }),
        test: Object.freeze({ driver: 'null' }),
      }),
    })
    const before = structuredClone(config)
    await using caches = await createCaches(config)
    expect(config).toEqual(before)
    expect(caches.default).toBe(caches.use('main'))
    expect(caches.default.info()).toMatchObject({
      driver: 'memory',
      name: 'main',
      namespace: 'shop',
      ttl: 300_000,
      onError: 'throw',
      source: 'argument',
    })
    expect(caches.use('sessions').info()).toMatchObject({ driver: 'memory', name: 'logins', ttl: 3_600_000 })
    expect(caches.use('test').info()).toMatchObject({ driver: 'null', name: 'test' })
    await caches.default.set('a', 1)
    expect(await caches.use('sessions').get('a')).toBeUndefined()
  })

  test('takes an undefined option of a store as one it does not give', async () => {
    await using caches = await createCaches({
      default: 'main',
      ttl: '5m',
      stores: { main: { driver: 'memory', ttl: undefined, name: undefined } },
    })
    expect(caches.default.info()).toMatchObject({ ttl: 300_000, name: 'main' })
  })

  test('applies what is said of bytes only where values become bytes', async () => {
    await using caches = await createCaches({
      default: 'encoded',
      maxValueBytes: 10,
      stores: { encoded: 'memory://', shared: 'memory://?isolation=reference' },
    })
    const long = 'x'.repeat(11)
    expect(await caches.default.set('a', long)).toBe(false)
    expect(await caches.use('shared').set('a', long)).toBe(true)
  })

  test('hands read-through to the stores that have none of their own', async () => {
    await using caches = await createCaches({
      default: 'shared',
      readThrough: { skipNull: true },
      stores: { shared: 'memory://', own: { driver: 'memory', readThrough: { lease: '5s' } } },
    })
    for (const [name, isStored] of [
      ['shared', false],
      ['own', true],
    ] as const) {
      await caches.use(name).getOrSet('none', () => null)
      expect(await caches.use(name).has('none')).toBe(isStored)
    }
  })

  test('refuses to use a name it does not hold, with the nearest one', async () => {
    await using caches = await createCaches({ default: 'main', stores: { main: 'null://' } })
    expect(() => caches.use('mian')).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', message: expect.stringContaining('"main"') }),
    )
    for (const name of ['__proto__', 'constructor', undefined, 5]) {
      expect(() => caches.use(name as string)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
    }
  })

  test('closes every cache, and twice is fine', async () => {
    const caches = await createCaches({ default: 'a', stores: { a: 'memory://', b: 'null://' } })
    await caches.close()
    await caches.close()
    for (const name of ['a', 'b']) {
      await expect(caches.use(name).get('x')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
    }
  })

  test('lists every problem of every store in one error', async () => {
    const message = await refusal({
      default: 'mian',
      tll: '5m',
      name: 'x',
      jitter: 5,
      readThrough: { laese: '5s' },
      stores: {
        main: 'memry://',
        sessions: { driver: 'null', ttl: 0, readThrough: { lease: 0 } },
        other: { url: 'redis://:SECRET@h:x' },
        none: null,
      },
    })
    expect(message.split('\n- ')).toEqual([
      'the cache config has 10 problems:',
      'jitter: must be a share of the ttl from 0 to 1, got 5',
      'readThrough.laese: unknown option; did you mean "lease"?',
      'tll: unknown option; did you mean "ttl"?',
      expect.stringMatching(/^name: unknown option/),
      'default: is not one of the stores, got "mian"; did you mean "main"?',
      'stores.main: unknown scheme "memry://"; did you mean "memory"?',
      expect.stringMatching(/^stores\.sessions\.ttl: must be positive/),
      expect.stringMatching(/^stores\.sessions\.readThrough\.lease: must be false/),
      expect.stringMatching(/^stores\.other\.url\.port: must be/),
      'stores.none: must be a URL or an object with a driver, got null',
    ])
  })

  test('lists what is wrong in a store behind what is wrong beside it', async () => {
    const message = await refusal({
      default: 'redis://:SECRET@h',
      breaker: { minDelay: '1s', maxDelay: '5ms' },
      stores: { main: { drver: 'redis', ttl: 0, prot: 5 }, other: { driver: 'redis', path: '/s', host: 'h', db: -1 } },
    })
    expect(message.split('\n- ')).toEqual([
      'the cache config has 7 problems:',
      'breaker.minDelay: must not be longer than maxDelay, got "1s" and "5ms"',
      expect.stringMatching(/^default: is not one of the stores, got text that is not shown/),
      expect.stringMatching(/^stores\.main\.ttl: must be positive/),
      'stores.main.drver: unknown option; did you mean "driver"?',
      'stores.main.prot: unknown option; did you mean "port"?',
      expect.stringMatching(/^stores\.other\.db: must be a whole number/),
      expect.stringMatching(/^stores\.other\.host: a unix socket/),
    ])
  })

  test.each([
    [undefined, 'must be an object with default and stores, got nothing'],
    ['memory://', 'must be an object with default and stores'],
    [{ default: 'a' }, 'stores: must be an object'],
    [{ default: 'a', stores: {} }, 'stores: must have at least one store, got {}'],
    [{ stores: { a: 'null://' } }, 'default: must name one of the stores, got nothing'],
    [{ default: 'a', stores: [] }, 'stores: must be an object'],
  ])('refuses %j', async (config, message) => {
    expect(await refusal(config)).toContain(message)
  })
})

describe('stores that name the same server', () => {
  test('share their loads, opened together or one by one', async () => {
    await using redis = await startRedis()
    await using memcached = await startMemcached()
    for (const url of [`redis://127.0.0.1:${redis.port}`, `memcached://127.0.0.1:${memcached.port}`]) {
      await using first = await createCache(`${url}?namespace=shop`)
      await using second = await createCache({ url, namespace: 'shop', timeout: '2s' } as never)
      await using other = await createCache(`${url}?namespace=other`)
      let loads = 0
      let load = (_value: string): void => {}
      const loader = (): Promise<string> => {
        loads++
        return new Promise(resolve => {
          load = resolve
        })
      }
      const loading = first.getOrSet('k', loader)
      await expect.poll(() => loads).toBe(1)
      const joined = second.getOrSet('k', loader)
      expect(await other.getOrSet('k', () => 'apart')).toBe('apart')
      await expect.poll(() => second.stats().joins).toBe(1)
      load('loaded')
      expect(await Promise.all([loading, joined])).toEqual(['loaded', 'loaded'])
      const stale = first.getOrSet('k', loader, { force: true })
      await expect.poll(() => loads).toBe(2)
      // What one of them writes, no older load of the other undoes.
      expect(await second.set('k', 'newer')).toBe(true)
      load('older')
      await stale
      expect(await first.get('k')).toBe('newer')
    }
  })

  test('in the same way have one identity, and with another function for the password another', () => {
    const identity = (config: CacheConfig) => {
      const resolved = resolveConfig(config)
      return 'config' in resolved ? identityOf(resolved.config) : undefined
    }
    const token = () => 'token'
    const first = identity({ driver: 'redis', host: 'h', password: token })
    expect(first).toBe(identity({ url: 'redis://h:6379/0', password: token, timeout: '1s', namespace: 'a' }))
    const others: CacheConfig[] = [
      { driver: 'redis', host: 'h', password: () => 'token' },
      { driver: 'redis', host: 'h', password: 'token' },
      { driver: 'redis', host: 'h', password: token, family: 6 },
      { driver: 'redis', host: 'h', password: token, protocol: 2 },
    ]
    expect(new Set([first, ...others.map(identity)]).size).toBe(5)
  })

  test('share one connection to Redis, and the last one to be closed closes it', async () => {
    await using redis = await startRedis()
    const clients = async (): Promise<number> => {
      const list = String(await redis.command('CLIENT', 'LIST'))
      return list.split('\n').filter(line => line !== '' && !line.includes('cmd=client')).length
    }
    const { port } = redis
    const caches = await createCaches({
      default: 'a',
      stores: {
        a: `redis://127.0.0.1:${port}?namespace=a`,
        b: { driver: 'redis', host: '127.0.0.1', port, db: 0, namespace: 'b', ttl: '1m', timeout: '2s' },
        c: `redis://127.0.0.1:${port}/1?namespace=c`,
      },
    })
    for (const name of ['a', 'b', 'c']) expect(await caches.use(name).set('key', name)).toBe(true)
    await expect.poll(clients).toBe(2)
    await caches.use('a').close()
    await caches.use('a').close()
    await expect.poll(clients).toBe(2)
    expect(await caches.use('b').get('key')).toBe('b')
    await expect(caches.use('a').get('key')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
    await caches.use('b').close()
    await expect.poll(clients).toBe(1)
    await caches.close()
    await expect.poll(clients).toBe(0)
  })

  test('share one connection to memcached', async () => {
    await using memcached = await startMemcached()
    const counted = async (name: string): Promise<number> =>
      Number(new RegExp(`${name} (\\d+)`).exec(await memcached.command('stats'))?.[1])
    const before = await counted('total_connections')
    const { port } = memcached
    const caches = await createCaches({
      default: 'a',
      stores: {
        a: `memcached://127.0.0.1:${port}?namespace=a`,
        b: { driver: 'memcached', servers: [`127.0.0.1:${port}`], namespace: 'b' },
        c: { driver: 'memcached', servers: [{ host: '127.0.0.1', port, weight: 1 }], namespace: 'c' },
      },
    })
    for (const name of ['a', 'b', 'c']) expect(await caches.use(name).set('key', name)).toBe(true)
    // The second count is itself asked on a connection of its own.
    expect(await counted('total_connections')).toBe(before + 2)
    const open = await counted('curr_connections')
    await caches.close()
    await expect.poll(() => counted('curr_connections')).toBeLessThan(open)
  })

  test('hear each of that server’s troubles', async () => {
    await using redis = await startRedis()
    await using caches = await createCaches({
      default: 'a',
      stores: { a: `${redis.url}?namespace=a`, b: `${redis.url}?namespace=b` },
    })
    const heard: string[] = []
    for (const name of ['a', 'b']) caches.use(name).on('disconnect', () => heard.push(name))
    await caches.default.set('key', 1)
    await redis.kill()
    await expect.poll(() => heard.sort()).toEqual(['a', 'b'])
  })
})

describe('one line of config', () => {
  test('is all that differs between memory, Redis and memcached', async () => {
    await using redis = await startRedis({ password: 'p@ss:w/rd', unixSocket: true })
    await using memcached = await startMemcached()
    const password = encodeURIComponent('p@ss:w/rd')
    for (const url of [
      'memory://',
      `redis://:${password}@127.0.0.1:${redis.port}/3`,
      `unix://:${password}@${redis.path}`,
      `memcached://127.0.0.1:${memcached.port}`,
    ]) {
      await using cache = await createCache(`${url}?namespace=shop&ttl=5m&onError=throw`)
      await cache.ping()
      await cache.set('a', { when: new Date(5) })
      expect(await cache.get('a')).toEqual({ when: new Date(5) })
      expect(await cache.increment('n')).toBe(1)
      expect(JSON.stringify(cache.info())).not.toContain('p@ss')
      await cache.clear()
      expect(await cache.get('a')).toBeUndefined()
    }
    expect(await redis.command('DBSIZE')).toBe(0)
  })

  test('logs in to Redis with the password that a function promises', async () => {
    await using redis = await startRedis({ password: 'token' })
    let asked = 0
    const password = async () => {
      asked++
      return 'token'
    }
    for (const url of [`redis://127.0.0.1:${redis.port}`, `redis://127.0.0.1:${redis.port}?protocol=2`]) {
      await using cache = await createCache({ url, password, onError: 'throw', timeout: '5s' })
      expect(await cache.set('a', 1)).toBe(true)
    }
    expect(asked).toBe(2)
  })

  test('dials the addresses of the family that the URL names, and speaks its protocol', async () => {
    // It listens on IPv4 alone.
    await using redis = await startRedis()
    const url = `redis://localhost:${redis.port}?onError=throw&timeout=5s&lazyConnect=true`
    await using four = await createCache(`${url}&family=4&protocol=2`)
    expect(await four.set('a', 1)).toBe(true)
    const clients = (await redis.command('CLIENT', 'LIST')) as string
    expect(
      clients
        .split('\n')
        .filter(line => line.includes('cmd=set'))
        .map(line => /resp=\d/.exec(line)?.[0]),
    ).toEqual(['resp=2'])
    await using six = await createCache(`${url}&family=6`)
    await expect(six.set('a', 1)).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
    for (const family of [4, 6] as const) {
      const cache = cacheOver(new RedisStore({ url: `redis://localhost:${redis.port}?family=${family}` }), {
        onError: 'throw',
      })
      const answer = await cache.get('a').catch(error => error.code)
      expect(answer).toBe(family === 4 ? 1 : 'ERR_CACHE_CONNECTION')
      await cache.close()
    }
  })

  test('reaches a Redis that speaks TLS alone, by the authority it gives', async () => {
    await using redis = await startRedis({ tls: true })
    const url = `rediss://localhost:${redis.port}?onError=throw&timeout=5s`
    for (const config of [{ driver: 'redis', url } as const, { url }]) {
      await using trusting = await createCache({ ...config, tls: { ca: redis.tls?.cert ?? '' } })
      expect(await trusting.set('a', 1)).toBe(true)
    }
    await using doubting = await createCache(url)
    await expect(doubting.set('a', 1)).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
    await using careless = await createCache(`${url}&tls.rejectUnauthorized=false`)
    expect(await careless.get('a')).toBe(1)
  })
})
