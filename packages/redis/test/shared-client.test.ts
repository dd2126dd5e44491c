import { nativeFormat } from '@anycache/serializer'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { eventsOf, proxy, read, server, store, text, until, within } from './opened.js'

test('twelve stores on one client cost it no more listeners than one, and leave none', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const client = new Redis({ host: '127.0.0.1', port: wire.port, retryStrategy: () => 10 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  await client.ping()
  const counts = (): Record<string, number> => {
    const of = (emitter: NodeJS.EventEmitter): [string, number][] =>
      emitter.eventNames().map(name => [String(name), emitter.listenerCount(name)])
    return { ...Object.fromEntries(of(client)), data: client.stream.listenerCount('data') }
  }
  const before = counts()
  const stores = Array.from({ length: 12 }, () => store({ client }))
  const events = stores.map(eventsOf)
  await Promise.all(
    stores.map((opened, i) => opened.space([`s${i}`], nativeFormat).write(text('k', `v${i}`), within())),
  )
  // Every store reports what happens to the client.
  await wire.cut()
  await until(() => {
    for (const each of events) expect(each.map(({ type }) => type)).toEqual(['disconnect', 'connect'])
  })
  for (const [i, opened] of stores.entries())
    expect(await read(opened.space([`s${i}`], nativeFormat), 'k')).toBe(`v${i}`)
  for (const opened of stores.slice(1)) await opened.close(within())
  expect(await read(stores[0]?.space(['s0'], nativeFormat) as never, 'k')).toBe('v0')
  await stores[0]?.close(within())
  expect(counts()).toEqual(before)
  // A later store listens again.
  expect(await read(store({ client }).space(['s0'], nativeFormat), 'k')).toBe('v0')
  await new Promise(setImmediate)
  expect(warned).not.toHaveBeenCalled()
})
