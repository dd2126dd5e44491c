import { isDeepStrictEqual } from 'node:util'
import type { Contender } from './contender.js'
import { type PayloadName, payload } from './payloads.js'

/**
 * Describes a contender's wrong answers; empty when it may be timed. `prefix` begins keys that nobody has written yet;
 * the check leaves entries under them.
 */
export async function faultsOf(contender: Contender, name: PayloadName, prefix: string): Promise<string[]> {
  const faults: string[] = []
  const expect = (what: string, got: unknown, wanted: unknown): void => {
    if (!isDeepStrictEqual(got, wanted)) faults.push(`${what}: ${brief(got)} instead of ${brief(wanted)}`)
  }
  const first = payload(name, 1)
  const second = payload(name, 2)
  const ends = ['a', 'b', 'c', 'd', 'none'] as const
  const [a, b, c, d, none] = ends.map(end => `${prefix}:${end}`) as [string, string, string, string, string]

  expect('get of a key that was never set', (await contender.get(none)) ?? undefined, undefined)
  await contender.set(a, first)
  expect('get after set', await contender.get(a), first)
  await contender.set(a, second)
  expect('get after a second set', await contender.get(a), second)

  await contender.set(b, first)
  const keys = [b, none, a]
  if (name === 'text') {
    expect('getMany of two hits and a miss', inOrder(await contender.getMany(keys), keys), [first, undefined, second])
  }

  let loads = 0
  const load = (): unknown => {
    loads++
    return first
  }
  expect('getOrSet of a miss', await contender.getOrSet(c, load), first)
  expect('getOrSet of a hit', await contender.getOrSet(c, load), first)
  expect('get after getOrSet', await contender.get(c), first)
  expect('loads of two getOrSet', loads, 1)

  if (contender.tagged !== undefined) {
    const { tagged } = contender
    await tagged.set(d, first, [`${prefix}:x`, `${prefix}:y`])
    expect('get of a tagged entry', await contender.get(d), first)
    expect('getOrSet that names the tags', await tagged.getOrSet(d, () => second, [`${prefix}:x`]), first)
    await tagged.invalidate(`${prefix}:y`)
    expect('get after a tag was invalidated', (await contender.get(d)) ?? undefined, undefined)
  }

  const together = await Promise.all(Array.from({ length: 100 }, (_, i) => contender.get(i % 2 ? a : b)))
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

function brief(value: unknown): string {
  const text = String(JSON.stringify(value))
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
