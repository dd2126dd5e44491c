import { setTimeout as wait } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { behindProxy, code, read, text, within } from './opened.js'

const fromOne = { value: 1, ttl: Number.POSITIVE_INFINITY }
/** Any failure would open it. */
const touchy = { breaker: { failures: 1 } } as const

test('a connection that the server closes for being idle is no failure, and is replaced by the next call alone', async () => {
  const { wire, space, events } = await behindProxy(touchy, { args: ['-o', 'idle_timeout=1'] })
  for (let round = 1; round <= 2; round++) {
    await vi.waitFor(() => expect(events.at(-1)).toBe('disconnect'), 10_000)
    await wait(300)
    expect(wire.connections).toBe(round)
    expect(await read(space, 'k')).toBe('v')
  }
  expect(events).toEqual(['connect', 'disconnect', 'connect', 'disconnect', 'connect'])
}, 30_000)

test.each(['reset', 'fin'] as const)('a read on a connection that died while idle (%s) is repeated once', async end => {
  const { wire, opened, space, events } = await behindProxy(touchy)
  const named = opened.space(['shop'])
  await named.write(text('k', 'named'), within())
  await wait(1100)
  wire.cutAfter(0, { end, direction: 'up' })
  const answers = await Promise.all([
    read(space, 'k'),
    read(named, 'k'),
    space.getMany(['k', 'none'], within()),
    opened.ping(within()),
    named.wireKey('k', within()),
    opened.serverStats('settings', within()),
  ])
  expect(answers).toMatchObject([
    'v',
    'named',
    [{ flags: 0 }, undefined],
    undefined,
    expect.stringMatching(/:k$/),
    [{}],
  ])
  expect(answers[5][0]?.error).toBeUndefined()
  expect(events).toEqual(['connect', 'disconnect', 'connect'])
  expect(wire.connections).toBe(2)
})

test('a write on a connection that died while idle is lost, not repeated, and is no failure of the server', async () => {
  const { one, wire, space, events } = await behindProxy(touchy)
  await space.count('n', 1, fromOne, within())
  await wait(1100)
  // The server does the work, and its answer is lost.
  wire.cutAfter(0)
  const answers = [
    space.count('n', 1, fromOne, within()),
    space.write(text('k', 'w'), within()),
    space.remove('none', undefined, within()),
    space.touch('k', 60_000, within()),
    space.take('k', within()),
  ].map(code)
  const found = read(space, 'n')
  // A take has only read by then, and starts again.
  expect(await Promise.all(answers)).toEqual([...Array(4).fill('ERR_CACHE_CONNECTION'), 'answered'])
  expect(await found).toBe('2')
  expect(await one.command('get n')).toContain('\r\n2\r\n')
  expect(events).toEqual(['connect', 'disconnect', 'connect'])
})

test('a read is not repeated behind a write of its key that may have been done', async () => {
  const { wire, opened } = await behindProxy()
  for (const space of [opened.space([]), opened.space(['shop'])]) {
    await space.write(text('k', 'old'), within())
    await wait(1100)
    // The server does the work, and its answer is lost.
    wire.cutAfter(0)
    const before = code(space.get('k', within()))
    const written = code(space.write(text('k', 'new'), within()))
    const after = read(space, 'k')
    expect(await Promise.all([before, written, after])).toEqual(['ERR_CACHE_CONNECTION', 'ERR_CACHE_CONNECTION', 'new'])
  }
})

test('a read is repeated once: where the new connection is lost as well it fails', async () => {
  const { wire, space } = await behindProxy()
  await wait(1100)
  wire.cutAfter(0, { direction: 'up', repeat: true })
  expect(await code(space.get('k', within()))).toBe('ERR_CACHE_CONNECTION')
  expect(wire.connections).toBe(2)
})

test('reads on an idle connection that somebody on the way has forgotten are answered on a new one', async () => {
  const { wire, space, events } = await behindProxy(touchy)
  await wait(1100)
  wire.stallAfter(0)
  expect(await Promise.all([space.get('k', within(2000)), space.get('none', within(2000))])).toMatchObject([
    { flags: 0 },
    undefined,
  ])
  expect(wire.connections).toBe(2)
  expect(events).toEqual(['connect', 'disconnect', 'connect'])
})

test('a read with little patience does not close an idle connection that is only slow', async () => {
  const { wire, space, events } = await behindProxy({ timeout: 2000 })
  await wait(1100)
  wire.blackHole('down')
  const answers = [space.get('k', within(50)), space.get('k', within(2000))].map(code)
  await wait(200)
  wire.pass()
  expect(await Promise.all(answers)).toEqual(['ERR_CACHE_TIMEOUT', 'answered'])
  expect(events).not.toContain('disconnect')
  expect(wire.connections).toBe(1)
})

test('a write on an idle connection that somebody on the way has forgotten keeps its whole patience', async () => {
  const { wire, space } = await behindProxy()
  await wait(1100)
  wire.blackHole()
  const answers = [space.write(text('k', 'w'), within(2000)), space.get('k', within(2000))].map(code)
  await wait(1800)
  wire.pass()
  expect(await Promise.all(answers)).toEqual(['answered', 'answered'])
  expect(wire.connections).toBe(1)
})
