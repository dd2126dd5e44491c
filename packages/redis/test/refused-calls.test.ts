import { type Cache, cacheOver } from '@anycache/core'
import { expect, test } from 'vitest'
import { anySpace, failure, proxy, server, store, text, within } from './opened.js'

const loops: readonly [string, (cache: Cache) => Promise<unknown>][] = [
  ['get', cache => cache.get('k')],
  ['has', cache => cache.has('k')],
  ['getMany', async cache => (await cache.getMany(['k', 'l'])).size > 0],
  ['set', cache => cache.set('s', 1)],
  ['setMany', async cache => (await cache.setMany([['s', 1]])).length === 0],
  ['increment', cache => cache.increment('n').catch(() => undefined)],
  [
    'getOrSet',
    async cache => {
      let source = ''
      await cache.getOrSet('k', () => 'loaded', { onOutcome: outcome => (source = outcome.source) })
      return source === 'hit'
    },
  ],
]

// A loop that starves the timers would hang the test; it gives up by itself.
test.each(loops)('a loop of %s leaves the server the time to return', async (_name, call) => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  const cache = cacheOver(store({ port: wire.port }), { namespace: 'loop' })
  await cache.setMany([
    ['k', 'v'],
    ['n', 1],
  ])
  await wire.refuse()
  await wire.cut()
  setTimeout(() => void wire.accept(), 200)
  let answer: unknown
  let calls = 0
  for (const end = performance.now() + 5000; !answer && performance.now() < end; calls++) answer = await call(cache)
  expect(answer).toBeTruthy()
  expect(calls).toBeGreaterThan(1)
})

test('what is over maxInFlightBytes is refused in another turn of the loop', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port, maxInFlightBytes: 1000 }))
  await space.get('k', within())
  const large = space.write(text('large', 'x'.repeat(20_000)), within())
  let turned = false
  setImmediate(() => {
    turned = true
  })
  expect(await failure(() => space.get('k', within()))).toMatchObject({ code: 'ERR_CACHE_OVERLOADED' })
  expect(turned).toBe(true)
  expect(await large).toEqual({ outcome: 'stored' })
})
