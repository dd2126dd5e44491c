import { describe, expect, test } from 'vitest'
import { configFromEnvironment } from '../src/environment.js'

describe('the environment', () => {
  test('with nothing set gives memory', () => {
    expect(configFromEnvironment({})).toEqual({ source: 'default', config: { driver: 'memory' } })
  })

  test('with nothing set is refused in production, with the way out', () => {
    expect(() => configFromEnvironment({ NODE_ENV: 'production' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CACHE_CONFIG',
        message: expect.stringMatching(/production.*CACHE_URL=memory:/),
      }),
    )
  })

  test('gives CACHE_URL before all others', () => {
    const env = { CACHE_URL: 'null://', REDIS_URL: 'redis://', MEMCACHE_SERVERS: 'a:1', NODE_ENV: 'production' }
    expect(configFromEnvironment(env)).toEqual({ source: 'CACHE_URL', config: 'null://' })
  })

  test('gives REDIS_URL', () => {
    expect(configFromEnvironment({ REDIS_URL: 'rediss://h' })).toEqual({
      source: 'REDIS_URL',
      config: { driver: 'redis', url: 'rediss://h' },
    })
  })

  test('gives MEMCACHE_SERVERS, split at commas and blanks, with its user and password', () => {
    const env = {
      MEMCACHE_SERVERS: 'a:1, b:2 c',
      MEMCACHE_USERNAME: 'u',
      MEMCACHE_PASSWORD: 'p',
      MEMCACHIER_USERNAME: 'x',
    }
    expect(configFromEnvironment(env)).toEqual({
      source: 'MEMCACHE_SERVERS',
      config: { driver: 'memcached', servers: ['a:1', 'b:2', 'c'], username: 'u', password: 'p' },
    })
  })

  test('gives MEMCACHIER_SERVERS with its user and password', () => {
    const env = { MEMCACHIER_SERVERS: 'a:1', MEMCACHIER_USERNAME: 'u', MEMCACHIER_PASSWORD: 'p' }
    expect(configFromEnvironment(env)).toEqual({
      source: 'MEMCACHIER_SERVERS',
      config: { driver: 'memcached', servers: ['a:1'], username: 'u', password: 'p' },
    })
  })

  test.each([
    ['REDIS_URL and MEMCACHE_SERVERS', { REDIS_URL: 'redis://:SECRET@h', MEMCACHE_SERVERS: 'a:1' }],
    ['REDIS_URL and MEMCACHIER_SERVERS', { REDIS_URL: 'redis://:SECRET@h', MEMCACHIER_SERVERS: 'a:1' }],
    ['MEMCACHE_SERVERS and MEMCACHIER_SERVERS', { MEMCACHE_SERVERS: 'a:1', MEMCACHIER_SERVERS: 'a:1' }],
  ])('with %s is refused without showing a password', (names, env) => {
    let message = ''
    try {
      configFromEnvironment(env)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(names)
    expect(message).not.toContain('SECRET')
  })

  test('counts an empty variable as not set', () => {
    const env = { CACHE_URL: '', REDIS_URL: '', MEMCACHE_SERVERS: 'a:1' }
    expect(configFromEnvironment(env).source).toBe('MEMCACHE_SERVERS')
  })
})
