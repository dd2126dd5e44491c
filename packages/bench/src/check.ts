import { isDeepStrictEqual } from 'node:util'
import type { Contender } from './contender.js'
import { type PayloadName, payload } from './payloads.js'

/** What a contender answers wrongly, in words; empty when it may be timed. Leaves its entries under `check-*`. */
export async function faultsOf(contender: Contender, name: PayloadName): Promise<string[]> {
  const faults: string[] = []
  const expect = (what: string, got: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(got, wanted))
      faults.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
  }
  const first = payload(name, 1)
  const second = payload(name, 2)

  expect('get of a key that was never set', (await contender.get('check-none')) ?? undefined, undefined)
  await contender.set('check-a', first)
  expect('get after set', await contender.get('check-a'), first)
  await contender.set('check-a', second)
  expect('get after a second set', await contender.get('check-a'), second)

  await contender.set('check-b', first)
  const keys = ['check-b', 'check-none', 'check-a']
  if (name === 'text') {
    expect('getMany of two hits and a miss', inOrder(await contender.getMany(keys), keys), [first, undefined, second])
  }

  let loads = 0
  const load = (): unknown => {
    loads++
    return first
  }
  expect('getOrSet of a miss', await contender.getOrSet('check-c', load), first)
  expect('getOrSet of a hit', await contender.getOrSet('check-c', load), first)
  expect('get after getOrSet', await contender.get('check-c'), first)
  expect('loads of two getOrSet', loads, 1)

  const together = await Promise.all(
    Array.from({ length: 100 }, (_, i) => contender.get(i % 2 ? 'check-a' : 'check-b')),
  )
  expect(
    '100 gets at once',
    together,
    together.map((_, i) => (i % 2 ? second : first)),
  )
  return faults
}

/** The values of a `getMany` in the order of its keys. */
function inOrder(answer: unknown, keys: readonly string[]): unknown[] {
  const values = answer instanceof Map ? keys.map(key => answer.get(key)) : (answer as unknown[])
  return values.map(value => value ?? undefined)
}
