import { setTimeout as wait } from 'node:timers/promises'
import type { Space } from '@anycache/core'
import { expect, test, vi } from 'vitest'
import { behindProxy, code, read, text, within } from './opened.js'

const keys = Array.from({ length: 5 }, (_, i) => `key ${i}`)

/** Each asks for five keys in one exchange, with little patience. */
const verbs: Record<string, (space: Space) => Promise<unknown>> = {
  getMany: async space => space.getMany(keys, within(100)),
  writeMany: async space =>
    space.writeMany(
      keys.map(key => text(key, key)),
      within(100),
    ),
  removeMany: async space => space.removeMany(keys, within(100)),
  'get, five in a tick': space => Promise.all(keys.map(key => code(space.get(key, within(100))))),
  'touch, five in a tick': space => Promise.all(keys.map(key => code(space.touch(key, 1000, within(100))))),
  'take, five in a tick': space => Promise.all(keys.map(key => code(space.take(key, within(100))))),
  'count, five in a tick': space => Promise.all(keys.map(key => code(space.count(key, 1, undefined, within(100))))),
}

test.each(Object.entries(verbs))('five keys that come late are one failure: %s', async (_, run) => {
  const { wire, space, events } = await behindProxy()
  wire.delay(200)
  const answers = JSON.stringify(await run(space))
  expect(answers.match(/ERR_CACHE_TIMEOUT/g)).toHaveLength(5)
  await wait(150)
  wire.pass()
  expect(await read(space, 'k')).toBe('v')
  expect(events).toEqual(['connect'])
})

test.each([
  ['with a generation that is known', true],
  ['with a generation that must be fetched first', false],
])('five keys of a namespace %s that come late are one failure', async (_, isKnown) => {
  const { wire, opened, space, events } = await behindProxy()
  const named = opened.space(['shop'])
  if (isKnown) await named.get('k', within())
  wire.delay(200)
  const answers = await named.getMany(keys, within(100))
  expect(answers.map(answer => answer !== undefined && 'failure' in answer)).toEqual(keys.map(() => true))
  await wait(150)
  wire.pass()
  expect(await read(space, 'k')).toBe('v')
  expect(events).toEqual(['connect'])
})

test('five exchanges in a row that come late open the breaker', async () => {
  const { wire, space, events } = await behindProxy()
  wire.delay(200)
  for (let i = 0; i < 4; i++) await space.getMany(keys, within(60))
  expect(events).toEqual(['connect'])
  // Late answers are no success: the fifth one counts on.
  await vi.waitFor(async () => {
    await space.getMany(keys, within(60))
    expect(events).toContain('breaker')
  }, 5000)
})
