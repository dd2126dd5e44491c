import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { roomFor } from '../src/protocol/binary/requests.js'
import { Request } from '../src/request.js'
import { behindProxy, code, read, text, within } from './opened.js'

const eightMegabytes = { args: ['-I', '8m', '-m', '128'] }

/** Gets of a small entry with the default patience, one after the other, until the promise settles: what became of them. */
async function getsBeside(promise: Promise<unknown>, get: () => unknown): Promise<Set<string>> {
  let isOver = false
  const ended = promise.finally(() => {
    isOver = true
  })
  const codes = new Set<string>()
  while (!isOver) {
    codes.add(await code(get()))
    await wait(10)
  }
  await ended
  return codes
}

test.each([
  ['900 kB over 200 kB/s', 900_000, 100],
  ['6 MB over 2 MB/s', 6_000_000, 10],
])(
  'what waits while a large value is sent times out alone: %s',
  async (_, size, every) => {
    const { wire, space, events } = await behindProxy({}, eightMegabytes)
    const value = { ...text('large', ''), item: { flags: 0, data: Buffer.alloc(size, 'x') } }
    wire.dribble(20_000, every, 'up')
    const written = Promise.resolve(space.write(value, within(30_000)))
    const codes = await getsBeside(written, () => space.get('k', within(500)))
    expect(await written).toEqual({ outcome: 'stored' })
    expect(codes).toContain('ERR_CACHE_TIMEOUT')
    wire.pass()
    expect(await read(space, 'k')).toBe('v')
    expect(events).toEqual(['connect'])
  },
  40_000,
)

test.each([
  ['900 kB over 200 kB/s', 900_000, 100],
  ['6 MB over 2 MB/s', 6_000_000, 10],
])(
  'what waits while a large value is received times out alone: %s',
  async (_, size, every) => {
    const { wire, space, events } = await behindProxy({}, eightMegabytes)
    await space.write(text('large', 'x'.repeat(size)), within(10_000))
    wire.dribble(20_000, every)
    const found = Promise.resolve(space.get('large', within(30_000)))
    const codes = await getsBeside(found, () => space.get('k', within(500)))
    expect((await found)?.data).toHaveLength(size)
    expect(codes).toContain('ERR_CACHE_TIMEOUT')
    wire.pass()
    expect(await read(space, 'k')).toBe('v')
    expect(events).toEqual(['connect'])
  },
  40_000,
)

test('large values that are still being received at their own deadlines open no breaker', async () => {
  const { wire, space, events } = await behindProxy()
  await space.write(text('large', 'x'.repeat(900_000)), within(10_000))
  wire.dribble(20_000, 100)
  for (let i = 0; i < 8; i++) expect(await code(space.get('large', within(200)))).toBe('ERR_CACHE_TIMEOUT')
  wire.pass()
  expect(await read(space, 'k')).toBe('v')
  expect(events).toEqual(['connect'])
})

test('a large value in flight does not hide for longer than its own patience that nothing moves', async () => {
  const { wire, space, events } = await behindProxy({ breaker: false })
  wire.blackHole()
  const written = code(space.write(text('large', 'x'.repeat(900_000)), within(800)))
  await vi.waitFor(async () => {
    await code(space.get('k', within(100)))
    expect(events).toContain('disconnect')
  }, 5000)
  expect(await written).toMatch(/ERR_CACHE_(TIMEOUT|CONNECTION)/)
  wire.pass()
  expect(await vi.waitFor(() => read(space, 'k'), 3000)).toBe('v')
})

test('a frozen server is given its rest though large values keep being written', async () => {
  const { one, space, events } = await behindProxy()
  await one.pause()
  const writes: Promise<unknown>[] = []
  await vi.waitFor(async () => {
    writes.push(code(space.write(text('large', 'x'.repeat(100_000)), within(500))))
    await wait(50)
    expect(events).toContain('breaker')
  }, 8000)
  one.resume()
  await Promise.all(writes)
})

test('what waits behind a large batch times out alone', async () => {
  const { wire, space, events } = await behindProxy()
  const keys = Array.from({ length: 500 }, (_, i) => `key ${i}`)
  await space.writeMany(
    keys.map(key => text(key, 'x'.repeat(2000))),
    within(10_000),
  )
  wire.dribble(40_000, 100)
  const found = Promise.resolve(space.getMany(keys, within(30_000)))
  const codes = await getsBeside(found, () => space.get('k', within(200)))
  expect((await found).every(item => item !== undefined && 'data' in item)).toBe(true)
  expect(codes).toContain('ERR_CACHE_TIMEOUT')
  expect(events).toEqual(['connect'])
}, 40_000)

test('a link that is too slow for many small calls is relieved by the breaker', async () => {
  const { wire, space, events } = await behindProxy()
  wire.dribble(10, 20)
  const calls: Promise<unknown>[] = []
  await vi.waitFor(async () => {
    for (let i = 0; i < 10; i++) calls.push(code(space.get('k', within(200))))
    await wait(5)
    expect(events).toContain('breaker')
  }, 8000)
  await Promise.all(calls)
})

test.each(['delete', 'get'] as const)('a write takes no room for its value where it travels as a %s', verb => {
  for (const data of [new Uint8Array(2 ** 20), 'x'.repeat(2 ** 20)]) {
    const request = new Request(verb, 'k', Number.POSITIVE_INFINITY, () => {})
    request.item = { flags: 0, data }
    request.bytes = data.length
    expect(roomFor(request)).toBeLessThan(1000)
  }
})
