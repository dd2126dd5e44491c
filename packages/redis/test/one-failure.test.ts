import type { Call, Space } from '@anycache/core'
import { expect, test } from 'vitest'
import { anySpace, eventsOf, failure, proxy, read, server, store, text, until, within } from './opened.js'

const small = Array.from({ length: 5 }, (_, i) => text(`k${i}`, 'v'))
const large = Array.from({ length: 5 }, (_, i) => text(`k${i}`, 'x'.repeat(20_000)))
const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`)
const create = { value: 1, ttl: Number.POSITIVE_INFINITY }

const batches: readonly [string, (space: Space, call: Call) => Promise<unknown>][] = [
  ['writeMany', (space, call) => space.writeMany(small, call) as Promise<unknown>],
  ['writeMany of large values', (space, call) => space.writeMany(large, call) as Promise<unknown>],
  ['removeMany', (space, call) => space.removeMany(keys.slice(0, 5), call) as Promise<unknown>],
  ['getMany', (space, call) => space.getMany(keys, call) as Promise<unknown>],
  [
    'verbs of one tick',
    (space, call) =>
      Promise.all([
        failure(() => space.get('k', call)),
        failure(() => space.count('n', 1, create, call)),
        failure(() => space.touch('k', 1000, call)),
        failure(() => space.take('k', call)),
        failure(() => space.remove('k', undefined, call)),
        failure(() => space.write(text('k', 'v'), call)),
      ]),
  ],
]

test.each(batches)('%s that is answered too late is one failure, not one for each key', async (_name, batch) => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const opened = store({ port: wire.port, timeout: 20_000 })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  // Held, not delayed: however busy the machine, no answer can come before the deadline.
  wire.blackHole('down')
  for (let i = 0; i < 4; i++) await batch(space, within(50))
  expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
  wire.pass()
  await until(() => read(space, 'k0'))
  wire.blackHole('down')
  for (let i = 0; i < 5; i++) await batch(space, within(50))
  expect((await failure(() => read(space, 'k'))).message).toMatch(/breaker is open/)
})

test.each(batches)(
  '%s that is lost with its connection is one failure, whatever was in flight',
  async (_name, batch) => {
    const redis = await server()
    const wire = await proxy({ port: redis.port })
    const opened = store({ port: wire.port })
    const events = eventsOf(opened)
    const space = anySpace(opened)
    await space.write(text('k', 'v'), within())
    wire.blackHole('down')
    const lost: Promise<unknown>[] = []
    for (let i = 0; i < 6; i++) {
      lost.push(batch(space, within(10_000)).catch(() => {}))
      await new Promise(setImmediate)
    }
    await wire.cut()
    await Promise.all(lost)
    wire.pass()
    await read(space, 'k')
    expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
  },
)
