import { type MemcachedServer, startMemcached } from '@anycache/testing/memcached'
import { type RedisServer, startRedis } from '@anycache/testing/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, folder, runNode } from './built.js'

interface Report {
  readonly ok: boolean
  readonly source: string
  readonly namespace: string | null
  readonly ttl: number | null
  readonly servers: {
    server: string
    reachable: boolean
    latency?: number
    version?: string
    error?: { code: string }
  }[]
  readonly findings: { level: string; code: string; server?: string; message: string; remedy: string }[]
}

function anycache(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
  return runNode([`${folder}/bin/anycache.js`, ...args], env)
}

async function diagnose(
  url: string | undefined,
  env?: Readonly<Record<string, string>>,
): Promise<Report & { code: number | null }> {
  const { code, stdout, stderr } = await anycache(['doctor', ...(url === undefined ? [] : [url]), '--json'], env)
  expect(stderr).toBe('')
  return { ...JSON.parse(stdout), code }
}

function codes(report: Report): string[] {
  return report.findings.map(finding => `${finding.level} ${finding.code}`)
}

describe('of a Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({
      password: 'SECRET',
      users: { blind: { password: 'SECRET', rules: ['~*', '+@all', '-info'] } },
    })
  })
  afterAll(() => redis.stop())
  const at = (query = '', user = ''): string => `redis://${user}:SECRET@127.0.0.1:${redis.port}${query}`
  const cachePolicy = async (limit: string, policy: string): Promise<void> => {
    await redis.command('CONFIG', 'SET', 'maxmemory', limit, 'maxmemory-policy', policy)
  }

  test('says which variable won, that it answers, how fast, and its version', async () => {
    await cachePolicy('64mb', 'allkeys-lru')
    const report = await diagnose(undefined, { REDIS_URL: at('?namespace=shop&ttl=5m') })
    expect(report).toMatchObject({
      code: 0,
      ok: true,
      source: 'REDIS_URL',
      namespace: 'shop',
      ttl: 300_000,
      findings: [],
    })
    expect(report.servers).toEqual([
      {
        server: `127.0.0.1:${redis.port}`,
        reachable: true,
        latency: expect.any(Number),
        version: expect.stringMatching(/^Redis \d+\./),
      },
    ])
    expect(report.servers[0]?.latency).toBeGreaterThan(0)
  })

  test('finds that memory has no limit and that nothing is evicted', async () => {
    await cachePolicy('0', 'noeviction')
    const report = await diagnose(at('?namespace=shop&ttl=5m'))
    expect(codes(report)).toEqual(['problem no-maxmemory', 'problem noeviction'])
    expect(report).toMatchObject({ code: 1, ok: false, source: 'argument' })
  })

  test('finds that entries without ttl are never evicted, and warns of no ttl and no namespace', async () => {
    await cachePolicy('64mb', 'volatile-lru')
    const report = await diagnose(at())
    expect(codes(report)).toEqual(['problem volatile-without-ttl', 'warning no-namespace', 'warning no-ttl'])
    expect(codes(await diagnose(at('?namespace=a&ttl=1h')))).toEqual([])
  })

  test('finds a memory that is nearly full, evictions, and an append-only file', async () => {
    await cachePolicy('64mb', 'allkeys-lru')
    await redis.command('CONFIG', 'SET', 'appendonly', 'yes')
    await redis.command('SET', 'large', 'x'.repeat(2_000_000))
    await cachePolicy('1', 'allkeys-lru')
    await redis.command('SET', 'a', 'b').catch(() => undefined)
    await cachePolicy('64mb', 'allkeys-lru')
    expect(codes(await diagnose(at('?namespace=a&ttl=1h')))).toEqual(['warning evictions', 'warning persistence'])
    await redis.command('CONFIG', 'SET', 'appendonly', 'no')
    await redis.command('CONFIG', 'RESETSTAT')
    const used = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1]
    await cachePolicy(String(Math.round(Number(used) * 1.02)), 'noeviction')
    expect(codes(await diagnose(at('?namespace=a&ttl=1h')))).toEqual([
      'problem noeviction',
      'problem memory-nearly-full',
    ])
  })

  test('finds a replica', async () => {
    await cachePolicy('64mb', 'allkeys-lru')
    await redis.command('REPLICAOF', '127.0.0.1', '1')
    expect(codes(await diagnose(at('?namespace=a&ttl=1h')))).toEqual(['problem replica'])
    await redis.command('REPLICAOF', 'NO', 'ONE')
  })

  test('warns where a user may not read the statistics', async () => {
    const report = await diagnose(at('?namespace=a&ttl=1h', 'blind'))
    expect(codes(report)).toEqual(['warning no-statistics'])
    expect(report.servers[0]).toMatchObject({ reachable: true, error: { code: 'ERR_CACHE_SERVER' } })
  })

  test('never shows a password, right or wrong', async () => {
    const attempts = [
      ['doctor', at()],
      ['doctor', '--json', at('', 'blind')],
      ['doctor', '--json', at('', 'nobody')],
      ['doctor', at().replace('SECRET', 'SECRET-wrong')],
    ]
    for (const { stdout, stderr } of await Promise.all(attempts.map(args => anycache(args)))) {
      expect(stdout).toContain(String(redis.port))
      expect(stdout + stderr).not.toContain('SECRET')
    }
    const report = await diagnose(`redis://:SECRET-wrong@127.0.0.1:${redis.port}`)
    expect(report.code).toBe(1)
    expect(codes(report)[0]).toMatch(/^problem (refused|unreachable)$/)
  })
})

describe('of memcached', () => {
  test('asks each server by itself, and finds the dead one', async () => {
    await using living = await startMemcached()
    await using dead = await startMemcached()
    await dead.kill()
    const report = await diagnose(undefined, { MEMCACHE_SERVERS: `127.0.0.1:${living.port},127.0.0.1:${dead.port}` })
    expect(report).toMatchObject({ code: 1, ok: false, source: 'MEMCACHE_SERVERS' })
    expect(report.servers).toEqual([
      {
        server: `127.0.0.1:${living.port}`,
        reachable: true,
        latency: expect.any(Number),
        version: expect.stringMatching(/^memcached 1\./),
      },
      {
        server: `127.0.0.1:${dead.port}`,
        reachable: false,
        error: expect.objectContaining({ code: 'ERR_CACHE_CONNECTION' }),
      },
    ])
    expect(codes(report)).toEqual(['problem unreachable', 'warning no-namespace', 'warning no-ttl'])
    expect(report.findings[0]?.server).toBe(`127.0.0.1:${dead.port}`)
  })

  test('is content with a server as it is started by default', async () => {
    await using server = await startMemcached()
    const report = await diagnose(`memcached://127.0.0.1:${server.port}?namespace=a&ttl=1h`)
    expect(report).toMatchObject({ code: 0, ok: true, findings: [] })
  })

  test('finds that CAS, or eviction, is switched off, and that entries were evicted', async () => {
    await using server = await startMemcached({ args: ['-C', '-m', '2'] })
    await fill(server)
    const report = await diagnose(`memcached://127.0.0.1:${server.port}?namespace=a&ttl=1h`)
    expect(codes(report)).toEqual(['warning cas-off', 'warning evictions'])
    expect(report.code).toBe(0)
    await using full = await startMemcached({ args: ['-M'] })
    const other = await diagnose(`memcached://127.0.0.1:${full.port}?namespace=a&ttl=1h`)
    expect(codes(other)).toEqual(['problem noeviction'])
  })

  test('gives a frozen server up at the timeout', async () => {
    await using server = await startMemcached()
    await server.pause()
    const report = await diagnose(`memcached://127.0.0.1:${server.port}?namespace=a&ttl=1h&timeout=100`)
    server.resume()
    expect(codes(report)).toEqual(['problem unreachable'])
    expect(report.servers[0]).toMatchObject({ reachable: false, error: { code: 'ERR_CACHE_TIMEOUT' } })
  })
})

async function fill(server: MemcachedServer): Promise<void> {
  const { createCache } = await import('anycache')
  await using cache = await createCache(`memcached://127.0.0.1:${server.port}?serializer.compression=false`)
  for (let i = 0; i < 200; i++) await cache.set(`filler-${i}`, 'x'.repeat(100_000))
}

describe('of the config', () => {
  test('warns of memory in production', async () => {
    const report = await diagnose('memory://', { NODE_ENV: 'production' })
    expect(report).toMatchObject({ code: 0, source: 'argument', servers: [] })
    expect(codes(report)).toEqual(['warning memory-in-production'])
    expect(codes(await diagnose('null://', { NODE_ENV: 'production' }))).toEqual(['warning null-in-production'])
    expect(codes(await diagnose(undefined))).toEqual([])
  })

  test('warns of TLS that trusts anyone', async () => {
    const report = await diagnose('rediss://127.0.0.1:1?tls.rejectUnauthorized=false')
    expect(codes(report)).toContain('warning tls-unverified')
  })

  test('ends with 2 and the reasons when it is wrong', async () => {
    const url = 'redis://ann:SECRET@h/x?tll=5m'
    for (const [args, env] of [[['doctor', url]], [['doctor'], { CACHE_URL: url }]] as const) {
      const { code, stdout, stderr } = await anycache(args, env)
      expect(code).toBe(2)
      expect(stdout).toBe('')
      expect(stderr).toContain('tll: unknown option; did you mean "ttl"?')
      expect(stderr).toContain('db: must be the number')
      expect(stderr).not.toContain('SECRET')
    }
    const { code, stdout } = await anycache(['doctor', '--json'], { NODE_ENV: 'production' })
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      error: { code: 'ERR_CACHE_CONFIG', message: expect.stringContaining('CACHE_URL') },
    })
  })
})

describe('the command', () => {
  test('prints for people what --json prints for programs', async () => {
    const { code, stdout } = await anycache(['doctor', 'redis://127.0.0.1:1?namespace=shop&ttl=5m'])
    expect(code).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'config     the url given',
      'driver     redis',
      'namespace  shop',
      'ttl        300000 ms',
      'timeout    500 ms, onError: open',
      'server     127.0.0.1:1 does not answer',
      '',
      'problem: 127.0.0.1:1 cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
      expect.stringMatching(/^ {2}Check that Redis without TLS runs there/),
      '',
      '1 problem, 0 warnings',
      '',
    ])
  })

  test('tells its use and its version', async () => {
    expect(await anycache(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('anycache doctor [url]'),
    })
    expect(await anycache(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  test('ends with 2 and its use when it is called wrongly, repeating no URL', async () => {
    for (const [args, message] of [
      [[], 'no command'],
      [['docter'], 'did you mean "doctor"?'],
      [['redis://:SECRET@h'], 'unknown command'],
      [['doctor', '--jsn'], "Unknown option '--jsn'\n"],
      [['doctor', 'memory://', 'redis://:SECRET@h'], 'one url'],
    ] as const) {
      const { code, stdout, stderr } = await anycache(args)
      expect(code).toBe(2)
      expect(stdout).toBe('')
      expect(stderr).toContain(message)
      expect(stderr).toContain('usage:')
      expect(stderr).not.toContain('SECRET')
    }
  })
})
