import { setTimeout as wait } from 'node:timers/promises'
import type { CacheError, Space } from '@anycache/core'
import { countWrites } from '@anycache/testing/writes'
import { Client } from 'memjs'
import { expect, test, vi } from 'vitest'
import type { MemcachedOptions } from '../src/index.js'
import { anySpace, proxy, read, server, store, storeOf, text, behindProxy as wired, within } from './opened.js'

/*
 * memjs' own transport has defects that make a cache hang or lie; this store replaces it. Each is a test here, on the
 * operations that the store has. What memjs' verbs themselves do wrong (a prepend that appends) is memjs' own.
 */

const fromOne = { value: 1, ttl: Number.POSITIVE_INFINITY }
const noBreaker = { breaker: false } as const

async function settled(promise: unknown): Promise<unknown> {
  return Promise.resolve(promise).catch((error: CacheError) => error.code)
}

/** Behind a proxy, with less patience than by default and no breaker. */
const behindProxy = (options: Partial<MemcachedOptions> = noBreaker) => wired({ timeout: 300, ...options })

test('a frozen server times each request out by its own deadline, however much is asked meanwhile', async () => {
  const one = await server()
  const opened = store({ servers: [`127.0.0.1:${one.port}`], timeout: 200, ...noBreaker })
  const space = opened.space([])
  await space.write(text('k', 'v'), within())
  await one.pause()
  const answers: Promise<unknown>[] = []
  for (let i = 0; i < 100; i++) {
    answers.push(settled(space.get('k', within(100))))
    await wait(5)
  }
  const codes = await Promise.all(answers)
  one.resume()
  expect(codes).toHaveLength(100)
  expect(codes.every(code => code === 'ERR_CACHE_TIMEOUT' || code === 'ERR_CACHE_CONNECTION')).toBe(true)
  expect(await vi.waitFor(() => read(space, 'k'), 3000)).toBe('v')
})

test('an answer that dribbles in does not outlast its deadline, and reaches nobody else when it is whole', async () => {
  const { wire, space } = await behindProxy()
  await space.write(text('long', 'x'.repeat(400)), within())
  wire.dribble(20, 20)
  expect(await settled(space.get('long', within(150)))).toBe('ERR_CACHE_TIMEOUT')
  // The same connection: bytes do come, so the late answer is awaited and dropped.
  const next = read(space, 'k')
  await wait(100)
  wire.pass()
  expect(await next).toBe('v')
  expect(wire.connections).toBe(1)
})

test('a server slower than every deadline is given its rest', async () => {
  const { wire, space } = await behindProxy({})
  wire.delay(120)
  const messages: string[] = []
  await vi.waitFor(async () => {
    const error = await Promise.resolve(space.get('k', within(60))).catch(failure => failure)
    messages.push(error.message)
    expect(messages.at(-1)).toMatch(/breaker is open/)
  }, 4000)
  expect(messages.length).toBeGreaterThanOrEqual(5)
})

test.each([1, 24, 30, 40])('after %i bytes of an answer and silence, no later value is mixed of two', async bytes => {
  const { wire, space } = await behindProxy()
  await space.write(text('other', 'another value'), within())
  wire.stallAfter(bytes)
  expect(await settled(space.get('other', within(150)))).toBe('ERR_CACHE_TIMEOUT')
  await settled(space.get('k', within(150)))
  for (let i = 0; i < 20; i++) expect(await vi.waitFor(() => read(space, 'k'), 3000)).toBe('v')
})

test.each(['fin', 'reset'] as const)(
  'a connection that ends (%s) settles at once all that was asked on it',
  async end => {
    const { wire, space } = await behindProxy()
    wire.cutAfter(0, { end })
    const answers = Promise.all(Array.from({ length: 50 }, () => settled(space.get('k', within(10_000)))))
    expect(new Set(await answers)).toEqual(new Set(['ERR_CACHE_CONNECTION']))
    expect(await read(space, 'k')).toBe('v')
  },
)

test('what is asked in the catch of a failure is answered', async () => {
  const { wire, space } = await behindProxy()
  wire.cutAfter(10, { end: 'reset' })
  expect(await read(space, 'k').catch(() => read(space, 'k'))).toBe('v')
})

test('what counts is sent once, even when its answer is lost', async () => {
  const { wire, space, one } = await behindProxy()
  await space.count('n', 1, fromOne, within())
  wire.cutAfter(0)
  await expect(space.count('n', 1, fromOne, within())).rejects.toMatchObject({ outcome: 'unknown' })
  await wait(50)
  expect(await one.command('get n')).toContain('\r\n2\r\n')
})

test('a frozen server is not asked on one socket after the other without end, and close leaves none', async () => {
  const { wire, opened, space } = await behindProxy()
  wire.blackHole()
  for (let i = 0; i < 10; i++) await settled(space.get('k', within(60)))
  // One at a time: those given up are closed.
  await vi.waitFor(() => expect(wire.openConnections).toBeLessThanOrEqual(11), 2000)
  wire.pass()
  await opened.close(within(100))
  await vi.waitFor(() => expect(wire.openConnections).toBe(0), 3000)
})

test('a large value is read in time that grows with its size, not with its square', async () => {
  const one = await server({ args: ['-I', '64m', '-m', '512'] })
  const space = storeOf(one).space([])
  const data = Buffer.alloc(32 * 1024 * 1024, 'x')
  expect(await space.write({ ...text('big', ''), item: { flags: 0, data } }, within(10_000))).toEqual({
    outcome: 'stored',
  })
  const started = performance.now()
  const item = await space.get('big', within(10_000))
  // Copying all that has come with each chunk took 4.7 s.
  expect(performance.now() - started).toBeLessThan(2000)
  expect(data.equals(item?.data as Buffer)).toBe(true)
})

test('counters of 64 bits are read as what they are', async () => {
  const space = anySpace(storeOf(await server()))
  for (const value of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]) {
    expect(await space.count(`${value}`, 1, { value, ttl: 60_000 }, within())).toEqual({ value })
    expect(await space.count(`${value}`, 0, undefined, within())).toEqual({ value })
  }
})

test.each([
  [1, 2],
  [1000, 3],
  [1001, 3],
  [30 * 86_400_000 - 2000, 30 * 86_400],
  [30 * 86_400_000, 30 * 86_400 + 1],
  [31 * 86_400_000, 31 * 86_400 + 1],
  [2 ** 31 * 1000, 2 ** 31 + 1],
])('a ttl of %i ms ends neither early nor more than 2.1 s late', async (ttl, seconds) => {
  const one = await server()
  const space = storeOf(one).space([])
  await space.write(text('set', 'v', ttl), within())
  await space.write(text('touched', 'v'), within())
  await space.touch('touched', ttl, within())
  await space.count('n', 1, { value: 1, ttl }, within())
  for (const key of ['set', 'touched', 'n']) {
    const left = Number((await one.command(`mg ${key} t`)).slice('HD t'.length))
    expect(left).toBeGreaterThanOrEqual(Math.floor(ttl / 1000))
    // A point in time is also rounded up, and the server's own clock runs up to a second behind: it begins at a whole one.
    expect(left).toBeLessThanOrEqual(seconds + (seconds > 30 * 86_400 ? 2 : 1))
  }
  await space.write(text('set', 'v'), within())
  expect(await one.command('mg set t')).toBe('HD t-1')
})

test('many keys are one write, in each direction of use', async () => {
  const one = await server()
  const space = storeOf(one).space(['many'])
  const keys = Array.from({ length: 1000 }, (_, i) => `key ${i}`)
  await space.get('connected', within())
  using count = countWrites(one.port)
  await space.writeMany(
    keys.map(key => text(key, key)),
    within(),
  )
  expect(count.writes).toBe(1)
  expect((await space.getMany([...keys, 'no'], within())).filter(item => item !== undefined)).toHaveLength(1000)
  expect(count.writes).toBe(2)
  expect((await space.removeMany([...keys, 'no'], within())).filter(removed => removed === true)).toHaveLength(1000)
  expect(count.writes).toBe(3)
  await Promise.all(keys.map(key => space.get(key, within())))
  expect(count.writes).toBe(4)
})

test('keys of a dead server fail, and are never looked for on another one', async () => {
  const servers = [await server(), await server(), await server()]
  const opened = store({ servers: servers.map(({ port }) => `127.0.0.1:${port}`), timeout: 300 })
  const space = opened.space([])
  const keys = Array.from({ length: 60 }, (_, i) => `key${i}`)
  const fill = (value: string) =>
    space.writeMany(
      keys.map(key => text(key, value)),
      within(1000),
    )
  await fill('old')
  const [dead] = servers
  await dead?.kill()
  const failed = (await fill('new')).filter(written => 'failure' in written)
  const answers = await space.getMany(keys, within(500))
  const lost = answers.filter(answer => answer !== undefined && 'failure' in answer)
  expect(lost.length).toBe(failed.length)
  expect(lost.length).toBeGreaterThan(0)
  expect(answers).not.toContain(undefined)
  await dead?.restart()
  // Back and empty: what was written while it was away lies nowhere.
  await vi.waitFor(async () => {
    expect((await space.getMany(keys, within(500))).filter(answer => answer === undefined)).toHaveLength(lost.length)
  }, 3000)
})

test('a server that speaks only text (-B ascii) is distinguished from a silent one', async () => {
  const one = await server({ args: ['-B', 'ascii'] })
  const space = store({ servers: [`127.0.0.1:${one.port}`], ...noBreaker }).space([])
  await expect(space.get('k', within())).rejects.toMatchObject({
    code: 'ERR_CACHE_CONNECTION',
    message: expect.stringMatching(/refuses the binary protocol/),
    outcome: 'not-sent',
  })
})

test('a request waits no longer than its own deadline for a connection', async () => {
  const one = await server()
  const wire = await proxy(one)
  wire.blackHole()
  const space = store({ servers: [`127.0.0.1:${wire.port}`], timeout: 2000 }).space([])
  const started = performance.now()
  await expect(space.get('k', within(100))).rejects.toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
  expect(performance.now() - started).toBeLessThan(1000)
})

test('a take that gives up while it waits lets nobody overtake the one before it', async () => {
  const { wire, space } = await behindProxy()
  wire.delay(300)
  const first = space.take('k', within(3000))
  const second = settled(space.take('k', within(100)))
  const third = space.write(text('k', 'new'), within(3000))
  expect(await second).toBe('ERR_CACHE_TIMEOUT')
  const fourth = space.get('k', within(3000))
  wire.pass()
  expect(`${(await first)?.data}`).toBe('v')
  expect(await third).toEqual({ outcome: 'stored' })
  expect(`${(await fourth)?.data}`).toBe('new')
})

test('more than maxInFlightBytes is refused at once and not sent, and room comes back', async () => {
  const { wire, space } = await behindProxy({ maxInFlightBytes: 100_000, ...noBreaker })
  const big = (i: number) => settled(space.write(text(`big${i}`, 'x'.repeat(30_000)), within(1000)))
  wire.delay(100)
  const codes = await Promise.all(Array.from({ length: 6 }, (_, i) => big(i)))
  expect(codes.filter(code => code === 'ERR_CACHE_OVERLOADED')).toHaveLength(3)
  wire.pass()
  expect(await big(7)).toEqual({ outcome: 'stored' })
})

test('one value over the server’s limit among many fails alone, is not sent, and leaves no old value', async () => {
  const one = await server()
  const space = storeOf(one).space(['limits'])
  await space.write(text('big', 'old'), within())
  await space.write(text('kept', 'old'), within())
  const big = 'x'.repeat(1024 * 1024)
  const outcomes = await space.writeMany([text('a', '1'), text('big', big), text('b', '2')], within())
  expect(outcomes).toEqual([{ outcome: 'stored' }, { outcome: 'too-large' }, { outcome: 'stored' }])
  expect(await read(space, 'big')).toBeUndefined()
  for (const when of ['absent', 'present', { casToken: (await space.get('kept', within()))!.casToken }] as const) {
    expect(await space.write({ ...text('kept', big), when }, within())).toEqual({ outcome: 'too-large' })
  }
  expect(await read(space, 'kept')).toBe('old')
})

test('the limit is exact to the byte: what the store sends, the server takes', async () => {
  const one = await server()
  const space = storeOf(one).space([])
  for (const [key, flags] of [
    ['abc', 0],
    ['k'.repeat(250), 9],
  ] as const) {
    const most = 1024 * 1024 - 59 - key.length - (flags === 0 ? 0 : 4)
    const write = (bytes: number) =>
      space.write({ ...text(key, ''), item: { flags, data: Buffer.alloc(bytes) } }, within())
    expect(await write(most)).toEqual({ outcome: 'stored' })
    const sent = Number(/STAT bytes_read (\d+)/.exec(await one.command('stats'))?.[1])
    expect(await write(most + 1)).toEqual({ outcome: 'too-large' })
    expect(Number(/STAT bytes_read (\d+)/.exec(await one.command('stats'))?.[1]) - sent).toBeLessThan(2000)
  }
})

test('an item that finds no memory is the server’s refusal', async () => {
  // -M: refuse instead of evicting.
  const one = await server({ args: ['-M', '-m', '1', '-I', '512k'] })
  const space = storeOf(one).space([])
  const fill = Array.from({ length: 400 }, (_, i) => text(`k${i}`, 'x'.repeat(100_000)))
  const written = await space.writeMany(fill, within(5000))
  const failures = written.flatMap(each => ('failure' in each ? [each.failure] : []))
  expect(failures.length).toBeGreaterThan(0)
  expect(failures[0]).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
})

test('memjs’ own client works over the safe connections, and its sequence wraps', async () => {
  const servers = [await server(), await server()]
  const opened = storeOf(...servers)
  const client = opened.client as typeof opened.client & {
    seq: number
    stats(callback: (error: Error | null, server: string, stats: Record<string, string>) => void): void
  }
  expect(client).toBeInstanceOf(Client)
  for (const seq of [0, 2 ** 31 - 3, 2 ** 32]) {
    client.seq = seq
    for (let i = 0; i < 10; i++) {
      await client.set(`key${i}`, `value ${i}`, {})
      expect(`${(await client.get(`key${i}`)).value}`).toBe(`value ${i}`)
      expect(await read(opened.space([]), `key${i}`)).toBe(`value ${i}`)
    }
  }
  const pids: string[] = []
  await new Promise<void>(resolve =>
    client.stats((_error, _server, stats) => {
      pids.push(stats.pid as string)
      if (pids.length === 2) resolve()
    }),
  )
  expect(pids.sort()).toEqual(servers.map(({ pid }) => `${pid}`).sort())
})

test('a callback of memjs’ own client that throws is called once and costs no other request', async () => {
  const one = await server()
  const opened = storeOf(one)
  const client = opened.client as unknown as { get(key: string, callback: () => void): void }
  const thrown = new Error('of the callback')
  const uncaught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => uncaught.push(error))
  try {
    let calls = 0
    client.get('k', () => {
      calls++
      throw thrown
    })
    await Promise.all(Array.from({ length: 10 }, () => opened.space([]).get('k', within())))
    await wait(20)
    expect(calls).toBe(1)
    expect(uncaught).toEqual([thrown])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
})

test('a borrowed client keeps its sockets, and finds its keys where it placed them', async () => {
  const servers = [await server(), await server(), await server()]
  const client = Client.create(servers.map(({ port }) => `127.0.0.1:${port}`).join())
  try {
    const opened = store({ client })
    expect(opened.client).toBe(client)
    const space: Space = opened.space([])
    for (let i = 0; i < 30; i++) {
      await opened.client.set(`key${i}`, `${i}`, {})
      expect(await read(space, `key${i}`)).toBe(`${i}`)
    }
    await opened.close(within(100))
    expect(await opened.client.set('after', 'close', {})).toBe(true)
  } finally {
    client.close()
  }
})
