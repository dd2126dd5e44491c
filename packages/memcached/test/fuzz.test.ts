import type { StoredItem } from '@anycache/core'
import type { FaultProxy } from '@anycache/testing/proxy'
import { expect, onTestFinished, test } from 'vitest'
import type { MemcachedSpace } from '../src/space.js'
import { proxy, read, server, store, storeOf, text, within } from './opened.js'

const milliseconds = 4000
const random = (below: number): number => Math.floor(Math.random() * below)
const keyOf = (i: number): string => `k${i}`

/** Every value begins with its place, so that one that reached the wrong caller is known. */
function isFrom(place: string, item: unknown): boolean {
  return item === undefined || `${(item as StoredItem).data}`.startsWith(`${place}:`)
}

/** One random operation; resolves whether its answer can be right. */
async function anyOperation(space: MemcachedSpace, name: string): Promise<boolean> {
  const key = keyOf(random(20))
  const call = within(50 + random(150))
  const data = `${name}/${key}:${'x'.repeat(random(10) === 0 ? random(60_000) : random(50))}`
  switch (random(8)) {
    case 0:
      return isFrom(`${name}/${key}`, await space.get(key, call))
    case 1:
      return isFrom(`${name}/${key}`, await space.take(key, call))
    case 2: {
      const items = await space.getMany(
        Array.from({ length: 20 }, (_, i) => keyOf(i)),
        call,
      )
      return items.every((item, i) => (item && 'failure' in item) || isFrom(`${name}/${keyOf(i)}`, item))
    }
    case 3:
      return 'value' in (await space.count(`n${key}`, 1, { value: 1, ttl: 60_000 }, call))
    case 4:
      return typeof (await space.remove(key, undefined, call)) === 'boolean'
    case 5:
      if (name === 'bare' || random(5) > 0) return typeof (await space.touch(key, 5000, call)) === 'string'
      await space.clear(() => within(200))
      return true
    default: {
      const when = (['always', 'absent', 'present'] as const)[random(3)] ?? 'always'
      const written = await space.write({ ...text(key, data), when }, call)
      return written.outcome !== 'conflict' && written.outcome !== 'too-large'
    }
  }
}

async function anyFault(wire: FaultProxy): Promise<void> {
  switch (random(6)) {
    case 0:
      return wire.cutAfter(random(200), { end: random(2) === 0 ? 'fin' : 'reset' })
    case 1:
      return wire.stallAfter(random(200))
    case 2:
      return wire.dribble(1 + random(50), 5)
    case 3:
      return wire.cut()
    default:
      return wire.pass()
  }
}

test('under random faults and clears every call settles once, with its own answer or an outage', async () => {
  const servers = [await server(), await server()]
  const wires = [await proxy(servers[0]!), await proxy(servers[1]!)]
  const opened = store({
    servers: wires.map(({ port }) => `127.0.0.1:${port}`),
    timeout: 200,
    breaker: { minDelay: 10, maxDelay: 50 },
  })
  const other = storeOf(...servers)
  const spaces = { bare: [], a: ['a'], b: ['a', 'b'], c: ['c'] }
  const named = Object.entries(spaces).map(([name, path]) => [name, opened.space(path)] as const)
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', note)
  onTestFinished(() => {
    process.off('unhandledRejection', note)
  })

  const codes = new Map<string, number>()
  const pending = new Set<Promise<void>>()
  let wrong = 0
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    for (let i = 0; i < 30; i++) {
      const [name, space] = named[random(named.length)]!
      const settled = anyOperation(space, name)
        .then(
          isRight => {
            if (!isRight) wrong++
            return 'answered'
          },
          error => error.code as string,
        )
        .then(code => {
          codes.set(code, (codes.get(code) ?? 0) + 1)
          pending.delete(settled)
        })
      pending.add(settled)
    }
    if (random(10) === 0) await other.space([random(2) === 0 ? 'a' : 'c']).clear(within)
    if (random(15) === 0) await anyFault(wires[random(2)]!)
    await new Promise(resolve => setTimeout(resolve, random(3)))
  }
  for (const wire of wires) wire.pass()

  await expect.poll(() => pending.size, { timeout: 3000 }).toBe(0)
  expect(wrong).toBe(0)
  expect(unhandled).toEqual([])
  expect([...codes.keys()].filter(code => code !== 'answered').sort()).toEqual([
    'ERR_CACHE_CONNECTION',
    'ERR_CACHE_TIMEOUT',
  ])
  expect(codes.get('answered')).toBeGreaterThan(1000)
  for (const [, space] of named) {
    await expect.poll(() => Promise.resolve(space.write(text('z', 'z'), within())).catch(() => undefined)).toBeDefined()
    expect(await read(space, 'z')).toBe('z')
  }
  // Nothing counts as under way any more: closing has nothing to wait for.
  const closing = performance.now()
  await opened.close(within(10_000))
  expect(performance.now() - closing).toBeLessThan(5000)
})
