import type { Space } from '@anycache/core'
import type { FaultProxy } from '@anycache/testing/proxy'
import type { RedisServer } from '@anycache/testing/redis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  anySpace,
  commandCounts,
  eventsOf,
  failure,
  proxy,
  read,
  server,
  store,
  text,
  until,
  within,
} from './opened.js'

const unhandled = vi.fn()
beforeEach(() => {
  process.on('unhandledRejection', unhandled)
})
afterEach(async () => {
  await new Promise(setImmediate)
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
  unhandled.mockReset()
})

/** How long it takes until a call succeeds again. */
async function recovery(space: Space): Promise<number> {
  const began = performance.now()
  await until(() => space.write(text('back', 'again'), within(300)))
  return performance.now() - began
}

async function timed(call: () => unknown): Promise<{ error: Error & Record<string, unknown>; ms: number }> {
  const began = performance.now()
  const error = await failure(call)
  return { error, ms: performance.now() - began }
}

/** Through a wire that can be broken. */
async function wired(options: object = {}): Promise<{ redis: RedisServer; wire: FaultProxy; space: Space }> {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const space = anySpace(store({ port: wire.port, ...options }))
  await space.write(text('k', 'v'), within())
  return { redis, wire, space }
}

test('a server that was never up fails the first call and the next ones at once, and is used when it comes', async () => {
  const redis = await server()
  await redis.kill()
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  for (let i = 0; i < 20; i++) {
    const { error, ms } = await timed(() => read(space, 'k'))
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(ms).toBeLessThan(1000)
  }
  await redis.restart()
  expect(await recovery(space)).toBeLessThan(1000)
  const states = events.flatMap(event => (event.type === 'breaker' ? [event.state] : []))
  expect(states[0]).toBe('open')
  expect(states.at(-1)).toBe('closed')
})

test('a killed server settles what was in flight, then fails at once; restarted empty it is used within a second', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  await redis.pause()
  const inFlight = ['a', 'b', 'c'].map(key => failure(() => space.write(text(key, 'v'), within(5000))))
  inFlight.push(failure(() => space.get('k', within(5000))))
  await new Promise(resolve => setTimeout(resolve, 20))
  await redis.kill()
  for (const error of await Promise.all(inFlight)) {
    expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
  }
  for (let i = 0; i < 10; i++) expect((await timed(() => read(space, 'k'))).ms).toBeLessThan(200)
  expect(events).toContainEqual(expect.objectContaining({ type: 'disconnect' }))
  await redis.restart()
  expect(await recovery(space)).toBeLessThan(1000)
  expect(await read(space, 'k')).toBe(undefined)
  expect(events.filter(({ type }) => type === 'connect').length).toBe(2)
})

test('a server that is restarted while the store is idle costs no call', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  await new Promise(resolve => setTimeout(resolve, 1100))
  await redis.restart()
  expect(await read(space, 'k')).toBe(undefined)
  expect(events.map(({ type }) => type)).toEqual(['connect', 'disconnect', 'connect'])
})

test('a connection that the server closed while idle is replaced by the next call', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port }))
  await space.write(text('k', 'v'), within())
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  expect(await until(() => read(space, 'k'))).toBe('v')
})

test('an idle connection that the server closes is replaced by a command of the application as well', async () => {
  const redis = await server({ args: ['--timeout', '1'] })
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  await opened.client.set('k', 'v')
  await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(['connect', 'disconnect']), { timeout: 10_000 })
  expect(await opened.client.get('k')).toBe('v')
  expect(await anySpace(opened).get('k', within())).toBe(undefined)
  expect(events.map(({ type }) => type)).toEqual(['connect', 'disconnect', 'connect'])
  await opened.close(within())
  await expect(opened.client.get('k')).rejects.toThrow(/closed/)
})

test('a frozen server costs a call its deadline and the next ones nothing; it is used again when it goes on', async () => {
  const redis = await server()
  const opened = store({ port: redis.port, timeout: 200 })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  await redis.pause()
  const first = await timed(() => space.get('k', within(200)))
  expect(first.error).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'unknown' })
  expect(first.ms).toBeLessThan(1000)
  // The silent connection was closed; the new one is not answered either.
  await until(async () =>
    expect((await timed(() => space.get('k', within(200)))).error.message).toMatch(/breaker is open/),
  )
  const lost = events.find(event => event.type === 'disconnect')
  expect(lost).toMatchObject({ error: { message: expect.stringMatching(/nothing came from it/) } })
  for (let i = 0; i < 20; i++) expect((await timed(() => space.get('k', within(200)))).ms).toBeLessThan(50)
  redis.resume()
  expect(await recovery(space)).toBeLessThan(1000)
  expect(await read(space, 'k')).toBe('v')
})

test('twenty calls of a tick to a frozen server end together', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port }))
  await read(space, 'k')
  await redis.pause()
  const began = performance.now()
  const errors = await Promise.all(Array.from({ length: 20 }, (_, i) => failure(() => space.get(`k${i}`, within(250)))))
  expect(performance.now() - began).toBeLessThan(1000)
  expect(errors.every(({ code }) => code === 'ERR_CACHE_TIMEOUT')).toBe(true)
})

test('a black hole from the start costs the first call its deadline, and is left when it heals', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.blackHole()
  const space = anySpace(store({ port: wire.port, timeout: 200 }))
  const first = await timed(() => read2(space))
  expect(first.error).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
  await until(async () => expect((await timed(() => read2(space))).error.message).toMatch(/breaker is open/))
  wire.pass()
  expect(await recovery(space)).toBeLessThan(1000)
})

test('calls that wait for a connection give up by their own deadlines, and are never sent', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.blackHole()
  const space = anySpace(store({ port: wire.port, timeout: 3000 }))
  const short = failure(() => space.write(text('short', 'v'), within(50)))
  const gets = [failure(() => space.get('short', within(50))), space.get('long', within(5000))]
  const long = space.write(text('long', 'v'), within(5000))
  expect(await short).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
  expect(await gets[0]).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
  wire.pass()
  expect(await long).toEqual({ outcome: 'stored' })
  expect(await gets[1]).toBe(undefined)
  expect(await read(space, 'short')).toBe(undefined)
  expect((await commandCounts(redis)).mget).toBe(undefined)
})

describe.each([0, 1, 7, 60])('a reply cut after %i bytes', bytes => {
  test.each(['fin', 'reset'] as const)('by %s fails its calls, and no other call gets any of it', async end => {
    const { wire, space } = await wired()
    const values = Array.from({ length: 20 }, (_, i) => text(`k${i}`, `value ${i}`))
    await space.writeMany(values, within())
    wire.cutAfter(bytes, { end })
    const cut = await Promise.allSettled(values.map(({ key }) => read(space, key)))
    for (const [i, answer] of cut.entries()) {
      if (answer.status === 'fulfilled') expect(answer.value).toBe(`value ${i}`)
      else expect(answer.reason).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'unknown' })
    }
    expect(cut[0]?.status).toBe('rejected')
    await recovery(space)
    expect(await Promise.all(values.map(({ key }) => read(space, key)))).toEqual(values.map((_, i) => `value ${i}`))
  })
})

test('an increment whose reply was cut off counts once', async () => {
  const { redis, wire, space } = await wired({ breaker: false })
  const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
  for (let i = 0; i < 5; i++) {
    wire.cutAfter(0, { end: i % 2 === 0 ? 'fin' : 'reset' })
    expect(await failure(() => space.count('n', 1, create, within()))).toMatchObject({ outcome: 'unknown' })
    await until(() => space.get('n', within()))
  }
  expect(await redis.command('GET', await space.wireKey('n', within()))).toBe('5')
})

test('a write that was sent before an outage is not replayed after it', async () => {
  const { redis, wire, space } = await wired()
  wire.blackHole()
  const lost = await Promise.all([1, 2, 3].map(i => failure(() => space.write(text('k', `old ${i}`), within(100)))))
  for (const error of lost) expect(error).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'unknown' })
  await wire.cut()
  wire.pass()
  await redis.command('SET', await space.wireKey('k', within()), 'newer')
  await recovery(space)
  expect(await read(space, 'k')).toBe('newer')
})

test('a reply that dribbles keeps its connection; it comes late, and nobody else gets it', async () => {
  const { wire, space } = await wired({ timeout: 200 })
  await space.write(text('big', 'x'.repeat(2000)), within())
  const connections = wire.connections
  wire.dribble(100, 20)
  const late = await timed(() => space.get('big', within(150)))
  expect(late.error).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'unknown' })
  expect(await read(space, 'k')).toBe('v')
  wire.pass()
  expect(await read(space, 'big')).toBe('x'.repeat(2000))
  expect(wire.connections).toBe(connections)
})

test('a reply that stalls halfway ends the connection with the next silent call', async () => {
  const { wire, space } = await wired({ timeout: 200, breaker: false })
  await space.write(text('big', 'x'.repeat(2000)), within())
  wire.stallAfter(500)
  expect(await failure(() => space.get('big', within(200)))).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
  expect(await until(() => space.get('k', within(200)))).toMatchObject({ flags: 0 })
  expect(wire.connections).toBe(2)
  expect(await read(space, 'big')).toBe('x'.repeat(2000))
})

test('a call with a few ms to spare does not end the connection for others', async () => {
  const { wire, space } = await wired()
  wire.delay(60)
  for (let i = 0; i < 3; i++) {
    const [hasty, patient] = await Promise.all([failure(() => space.get('k', within(5))), read(space, 'k')])
    expect(hasty).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
    expect(patient).toBe('v')
  }
  expect(wire.connections).toBe(1)
})

test('an answer that waits in the socket while the process is busy is not late', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port }))
  await read(space, 'warm')
  const reads = Array.from({ length: 20 }, (_, i) => space.get(`k${i}`, within(100)))
  await new Promise(resolve => process.nextTick(resolve))
  const end = performance.now() + 400
  while (performance.now() < end) {
    // The loop is blocked.
  }
  expect(await Promise.all(reads)).toEqual(reads.map(() => undefined))
})

test('five late answers in a row open the breaker, one good answer resets the count', async () => {
  const { wire, space } = await wired({ timeout: 20_000 })
  // Held, not delayed: however busy the machine, no answer can come between two of them.
  const late = async (): Promise<unknown> => (await failure(() => space.get('k', within(10)))).code
  for (let round = 0; round < 2; round++) {
    wire.blackHole('down')
    for (let i = 0; i < 4; i++) expect(await late()).toBe('ERR_CACHE_TIMEOUT')
    wire.pass()
    expect(await read(space, 'k')).toBe('v')
  }
  wire.blackHole('down')
  for (let i = 0; i < 5; i++) expect(await late()).toBe('ERR_CACHE_TIMEOUT')
  expect(await late()).toBe('ERR_CACHE_CONNECTION')
})

test.each<[string, (space: Space) => unknown]>([
  ['get', space => space.get('k', within(10))],
  ['remove', space => space.remove('k', undefined, within(10))],
])('answers that come late do not count as good ones: %s', async (_, call) => {
  const { wire, space } = await wired({ timeout: 20_000 })
  for (let i = 0; i < 5; i++) {
    const { bytesDown } = wire
    wire.blackHole('down')
    expect((await failure(() => call(space))).code).toBe('ERR_CACHE_TIMEOUT')
    wire.pass()
    await until(() => expect(wire.bytesDown).toBeGreaterThan(bytesDown))
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  expect((await failure(() => call(space))).message).toMatch(/breaker is open/)
})

test('a server that comes back slower than it was is used again', async () => {
  const { wire, space } = await wired({ timeout: 900 })
  await wire.refuse()
  await wire.cut()
  await until(async () => expect((await failure(() => read(space, 'k'))).message).toMatch(/breaker is open/))
  wire.delay(600)
  await wire.accept()
  expect(await until(() => space.get('k', within(1500)))).toMatchObject({ flags: 0 })
})

test('a connection that died is left also by calls that have little time and no breaker', async () => {
  const { wire, space } = await wired({ timeout: 200, breaker: false })
  wire.stallAfter(0)
  // Each of them expires long before the timeout.
  const short = (): unknown => space.get('k', within(40))
  expect(await failure(short)).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'unknown' })
  expect(await until(short)).toMatchObject({ flags: 0 })
  expect(wire.connections).toBe(2)
})

test('without a breaker every call tries for itself', async () => {
  const { redis, space } = await wired({ breaker: false })
  await redis.kill()
  for (let i = 0; i < 10; i++) expect((await failure(() => read(space, 'k'))).message).not.toMatch(/breaker/)
  await redis.restart()
  expect(await until(() => read(space, 'k'))).toBe(undefined)
})

test('many outages leave no listener, timer or socket behind', async () => {
  const { wire, space } = await wired({ breaker: { minDelay: 5, maxDelay: 10 } })
  const opened = store({ port: wire.port, breaker: { minDelay: 5, maxDelay: 10 } })
  const own = anySpace(opened)
  const counts = (): number[] => opened.client.eventNames().map(name => opened.client.listenerCount(name))
  await read(own, 'k')
  const before = counts()
  for (let i = 0; i < 20; i++) {
    await wire.cut()
    await until(() => read(own, 'k'))
  }
  expect(counts()).toEqual(before)
  await until(() => read(space, 'k'))
  await opened.close(within())
  await until(() => expect(wire.openConnections).toBe(1))
})

test('closing in the middle of an outage settles everything', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const space = anySpace(opened)
  await read(space, 'k')
  await redis.pause()
  const pending = [
    failure(() => space.get('a', within(5000))),
    failure(() => space.write(text('b', 'v'), within(5000))),
  ]
  await new Promise(setImmediate)
  await opened.close(within(100))
  for (const error of await Promise.all(pending)) expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  redis.resume()
})

test('closing while connecting to a black hole settles everything', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.blackHole()
  const opened = store({ port: wire.port, timeout: 5000 })
  const pending = failure(() => anySpace(opened).get('a', within(5000)))
  await new Promise(resolve => setTimeout(resolve, 20))
  await opened.close(within(50))
  expect(await pending).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
  expect(opened.client.status).toBe('end')
})

test('a read that closes a store from its own failure is fine', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const space = anySpace(opened)
  await read(space, 'k')
  await redis.pause()
  await failure(() => space.get('k', within(50)))
  await opened.close(within(20))
  await redis.kill()
})

function read2(space: Space): unknown {
  return space.get('k', within(200))
}

test('a call that waited behind a large value when its store was closed opens no connection', async () => {
  const redis = await server()
  const address = await proxy({ port: redis.port })
  const opened = store({ port: address.port })
  const space = anySpace(opened)
  await space.get('k', within())
  address.blackHole()
  const set = failure(() => space.write(text('large', 'x'.repeat(2 ** 21)), within(60_000)))
  const get = failure(() => space.get('k', within(60_000)))
  await opened.close(within(50))
  await set
  expect((await get).message).toMatch(/the cache was closed/)
  expect(address.connections).toBe(1)
})
