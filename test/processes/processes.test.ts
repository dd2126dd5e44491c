import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { createCache } from 'anycache'
import { describe, expect, test } from 'vitest'

const workers = 4

function start(url: string, worker: number): ChildProcess {
  return fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
    env: { ...process.env, CACHE_URL: url, WORKER: String(worker) },
    execArgv: [],
  })
}

describe.each([
  ['redis', startRedis],
  ['memcached', startMemcached],
] as const)('four processes on one %s', (_name, startServer) => {
  test('agree on counters, add, update, take and clear', async () => {
    await using server = await startServer()
    const url = `${server.url}?namespace=together`
    await using cache = await createCache(url)
    await cache.setMany(Array.from({ length: 25 }, (_, i) => [`gift ${i}`, i + 1]))

    const children = Array.from({ length: workers }, (_, worker) => start(url, worker))
    await Promise.all(children.map(child => once(child, 'message')))
    const results = children.map(child => once(child, 'message'))
    const exits = children.map(child => once(child, 'exit'))
    for (const child of children) child.send('go')
    const told = (await Promise.all(results)).map(([result]) => result as { won: number[]; taken: number })
    expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0, 0, 0])

    expect(await cache.get('hits')).toBe(workers * 25 * 25)
    const winners = told.flatMap(({ won }) => won).sort((a, b) => a - b)
    expect(winners).toEqual(Array.from({ length: 25 }, (_, i) => i))
    expect(new Set(await cache.get<string[]>('list')).size).toBe(workers * 25)
    expect(told.reduce((sum, { taken }) => sum + taken, 0)).toBe(25)

    await cache.clear()
    await using other = await createCache(url)
    expect(await other.getMany(['hits', 'list', 'prize 0'])).toEqual(new Map())
    expect(await other.increment('hits')).toBe(1)
    expect(await cache.get('hits')).toBe(1)
  })
})
