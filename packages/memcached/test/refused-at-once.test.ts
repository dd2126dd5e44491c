import { cacheOver } from '@anycache/core'
import { expect, test } from 'vitest'
import { behindProxy, code, server, store, text, within } from './opened.js'

/** A loop that gives the event loop no turn of its own ends here, where it would not otherwise. */
const patience = 10_000

test.each([
  ['get', (cache: ReturnType<typeof cacheOver>) => cache.get('k')],
  ['getMany', async (cache: ReturnType<typeof cacheOver>) => (await cache.getMany(['k'])).get('k')],
])('a loop that calls %s until there is an answer ends when the server is back', async (_, ask) => {
  const { wire, opened, events } = await behindProxy()
  const cache = cacheOver(opened)
  await cache.set('k', 'v')
  await wire.refuse()
  await wire.cut()
  while (!events.includes('breaker')) await cache.get('k')
  setTimeout(() => void wire.accept(), 300)
  const end = performance.now() + patience
  let answer: unknown
  while (answer === undefined && performance.now() < end) answer = await ask(cache)
  expect(answer).toBe('v')
})

test('a loop that counts until it is let ends when the server is back', async () => {
  const { wire, space, events } = await behindProxy()
  await wire.refuse()
  await wire.cut()
  while (!events.includes('breaker')) await code(space.get('k', within()))
  setTimeout(() => void wire.accept(), 300)
  const end = performance.now() + patience
  let answer: string
  do answer = await code(space.count('n', 1, { value: 1, ttl: 60_000 }, within()))
  while (answer !== 'answered' && performance.now() < end)
  expect(answer).toBe('answered')
})

test('a loop that writes until there is room ends when there is', async () => {
  const { space } = await behindProxy({ maxInFlightBytes: 10_000 })
  const first = code(space.write(text('first', 'x'.repeat(9_000)), within(5000)))
  const end = performance.now() + patience
  let answer: string
  do answer = await code(space.write(text('second', 'x'.repeat(9_000)), within(5000)))
  while (answer === 'ERR_CACHE_OVERLOADED' && performance.now() < end)
  expect(answer).toBe('answered')
  expect(await first).toBe('answered')
})

test('a loop on a connection whose certificate cannot be read leaves timers their turn', async () => {
  const one = await server()
  const tls = { ca: 'no certificate', cert: 'none', key: 'none' }
  const space = store({ servers: [{ port: one.port, tls }], breaker: false }).space([])
  let isOver = false
  setTimeout(() => {
    isOver = true
  }, 50)
  const end = performance.now() + patience
  while (!isOver && performance.now() < end) expect(await code(space.get('k', within()))).toBe('ERR_CACHE_CONNECTION')
  expect(isOver).toBe(true)
})
