import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { createCache } from 'anycache'
import { afterEach, describe, expect, test } from 'vitest'

const children = new Set<ChildProcess>()
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})

type Task = 'stampede' | 'die' | 'survive' | 'slow' | 'patient' | 'hold' | 'contend'

/** A process that is connected and waits for the word to begin. */
async function ready(url: string, task: Task): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('task.js', import.meta.url)), {
    env: { ...process.env, CACHE_URL: url, TASK: task },
    execArgv: [],
  })
  children.add(child)
  await once(child, 'message')
  return child
}

function readyMany(url: string, task: Task, count: number): Promise<ChildProcess[]> {
  return Promise.all(Array.from({ length: count }, () => ready(url, task)))
}

/** The next thing that the process says. */
async function said<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message')
  return message as T
}

/** Lets them all begin; resolves what each says at its end. */
async function run<T>(group: readonly ChildProcess[]): Promise<T[]> {
  const results = group.map(child => said<T>(child))
  for (const child of group) child.send('go')
  return Promise.all(results)
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe.each([
  ['redis', startRedis],
  ['memcached', startMemcached],
] as const)('processes on one %s', (_name, startServer) => {
  const urlOf = (server: { url: string }): string => `${server.url}?namespace=together&timeout=10s&onError=throw`

  test('eight with 50 callers on each of 20 cold keys load each key once', async () => {
    await using server = await startServer()
    const group = await readyMany(urlOf(server), 'stampede', 8)
    const results = await run<{ loaded: string[]; values: string[] }>(group)
    const keys = Array.from({ length: 20 }, (_, i) => `cold ${i}`)
    expect(results.flatMap(({ loaded }) => loaded).sort()).toEqual([...keys].sort())
    for (const { values } of results) expect(values).toEqual(keys.map(key => `value of ${key}`))
  }, 120_000)

  test('when the one that loads is killed, the others load and store', async () => {
    await using server = await startServer()
    const url = urlOf(server)
    const dying = await ready(url, 'die')
    const others = await readyMany(url, 'survive', 3)
    const loading = said(dying)
    dying.send('go')
    expect(await loading).toBe('loading')
    await killed(dying)
    const results = await run<{ loaded: string[]; value: string }>(others)
    expect(results.map(({ value }) => value)).toEqual(['loaded', 'loaded', 'loaded'])
    // A lease that the server ends late is waited for no longer than a lease: then each of them may load once.
    const loads = results.map(({ loaded }) => loaded.length)
    expect(Math.max(...loads)).toBe(1)
    await using cache = await createCache(url)
    expect(await cache.get('k')).toBe('loaded')
  }, 120_000)

  test('a load that takes several leases renews, and its result is stored and waited for', async () => {
    await using server = await startServer()
    const url = urlOf(server)
    const [slow, patient] = await Promise.all([ready(url, 'slow'), ready(url, 'patient')])
    const loading = said(slow)
    slow.send('go')
    expect(await loading).toBe('loading')
    const end = said(slow)
    expect(await run([patient])).toEqual([{ value: 'the slow value', loads: 0 }])
    expect(await end).toEqual({ value: 'the slow value', stored: true })
    await using cache = await createCache(url)
    expect(await cache.get('k')).toBe('the slow value')
  }, 120_000)

  test('a lock whose holder was killed is free after its ttl, and the next fencing number is higher', async () => {
    await using server = await startServer()
    const url = urlOf(server)
    const holder = await ready(url, 'hold')
    const [{ fence }] = (await run<{ fence: number }>([holder])) as [{ fence: number }]
    await killed(holder)
    await using cache = await createCache(url)
    const lock = await cache.lock('k', { wait: '30s' })
    expect(lock?.fence).toBeGreaterThan(fence)
    expect(await lock?.release()).toBe(true)
  }, 120_000)

  test('four that count under a lock lose no count, and their fencing numbers grow from holder to holder', async () => {
    await using server = await startServer()
    const url = urlOf(server)
    await run(await readyMany(url, 'contend', 4))
    await using cache = await createCache(url)
    expect(await cache.get('count')).toBe(100)
    const fences = (await cache.get<number[]>('fences')) as number[]
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
    expect(fences).toHaveLength(100)
  }, 120_000)
})
