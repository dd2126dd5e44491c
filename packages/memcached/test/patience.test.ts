import { setTimeout as wait } from 'node:timers/promises'
import type { Space } from '@anycache/core'
import { expect, test, vi } from 'vitest'
import { MemcachedStore } from '../src/index.js'
import { behindProxy, code, proxy, read, server, text, within } from './opened.js'

async function trip(space: Space): Promise<void> {
  await vi.waitFor(async () => {
    const error = await Promise.resolve(space.get('k', within(30))).catch(failure => failure)
    expect(error.message).toMatch(/breaker is open/)
  }, 5000)
}

test.each([100, 300])('a server %i ms away is asked again after its breaker opened', async delay => {
  const { wire, space } = await behindProxy()
  wire.delay(delay)
  await trip(space)
  await vi.waitFor(() => space.get('k', within(500)), { timeout: 5000, interval: 50 })
})

test('a caller with little patience costs no other its answer', async () => {
  const { wire, space } = await behindProxy()
  wire.delay(100)
  const end = performance.now() + 1500
  const codes: unknown[] = []
  const impatient = (async () => {
    while (performance.now() < end) await code(space.get('k', within(50)))
  })()
  while (performance.now() < end) codes.push(await code(space.get('k', within(500))))
  await impatient
  expect(codes.length).toBeGreaterThan(3)
  expect(new Set(codes)).toEqual(new Set(['answered']))
  expect(wire.connections).toBe(1)
})

test('who gave up on a generation that was slow to come costs no other the wait', async () => {
  const { wire, opened } = await behindProxy()
  wire.delay(100)
  const space = opened.space(['fresh'])
  const impatient = code(space.get('k', within(50)))
  await wait(10)
  expect(await space.write(text('k', 'v'), within(2000))).toEqual({ outcome: 'stored' })
  expect(await impatient).toBe('ERR_CACHE_TIMEOUT')
  expect(await read(space, 'k')).toBe('v')
})

test('what waited behind a clear when the store closed is refused as such, and opens no new connection', async () => {
  const wire = await proxy(await server())
  const opened = new MemcachedStore({ servers: [`127.0.0.1:${wire.port}`] })
  const space = opened.space(['s'])
  await space.write(text('k', 'v'), within())
  wire.blackHole()
  const answers = [
    space.get('k', within(10_000)),
    space.clear(() => within(10_000)),
    space.write(text('k', 'w'), within(10_000)),
    space.take('k', within(10_000)),
  ].map(code)
  await opened.close(within(100))
  expect(await Promise.all(answers)).toEqual(Array(4).fill('ERR_CACHE_CONNECTION'))
  wire.pass()
  await vi.waitFor(() => expect(wire.openConnections).toBe(0), 2000)
  expect(wire.connections).toBe(1)
})

test('clears that wait for one another on a frozen server give up at their deadlines, not one after the other', async () => {
  const { wire, opened } = await behindProxy()
  const space = opened.space(['s'])
  await space.write(text('k', 'v'), within())
  wire.blackHole()
  const started = performance.now()
  const clears = Array.from({ length: 100 }, () => code(space.clear(() => within(200))))
  expect(new Set(await Promise.all(clears))).toEqual(new Set(['ERR_CACHE_TIMEOUT']))
  expect(performance.now() - started).toBeLessThan(1500)
  wire.pass()
  await vi.waitFor(() => space.clear(within), 2000)
})

test('a close lets every clear that waits for another one finish', async () => {
  const wire = await proxy(await server())
  const opened = new MemcachedStore({ servers: [`127.0.0.1:${wire.port}`] })
  const space = opened.space(['s'])
  await space.write(text('k', 'v'), within())
  wire.delay(30)
  const clears = [1, 2, 3].map(() => code(space.clear(within)))
  const after = code(space.write(text('k', 'after'), within()))
  await opened.close(within())
  expect(await Promise.all([...clears, after])).toEqual(Array(4).fill('answered'))
})

test('a probe whose connection gets no answer gives it up, so that the next one finds a server that is back', async () => {
  const { wire, space } = await behindProxy({ timeout: 30_000 })
  await wire.refuse()
  await wire.cut()
  await trip(space)
  // The first connection that somebody makes now is a dead one.
  wire.stallAfter(0, { direction: 'up' })
  await wire.accept()
  await vi.waitFor(() => space.get('k', within(100)), { timeout: 10_000, interval: 20 })
}, 20_000)
