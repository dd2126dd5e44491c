import { setTimeout as wait } from 'node:timers/promises'
import type { Space, Write } from '@anycache/core'
import { expect, test } from 'vitest'
import { behindProxy, proxy, read, server, storeOf, text, within } from './opened.js'

const most = Number.MAX_SAFE_INTEGER
const fromOne = { value: 1, ttl: Number.POSITIVE_INFINITY }
const number = (key: string, value: number) => ({ ...text(key, ''), item: { flags: 2, data: `${value}` } })

/** One more, as a key known for a counter is counted: without looking first. */
async function known(space: Space, key: string): Promise<void> {
  await space.count(key, 1, fromOne, within())
  await space.count(key, 1, fromOne, within())
}

test('a count past the range is seen by nobody, and takes nothing from what is asked after it', async () => {
  const space = storeOf(await server()).space(['n'])
  for (const prepare of [async () => {}, (key: string) => known(space, key)]) {
    const key = `k${prepare.length}`
    await prepare(key)
    const answers = await Promise.all([
      space.write(number(key, most), within()),
      space.count(key, 7, fromOne, within()),
      space.get(key, within()),
      space.write(number(key, 100), within()),
      space.count(key, 1, fromOne, within()),
    ])
    expect(answers).toMatchObject([
      { outcome: 'stored' },
      { refused: 'out-of-range' },
      { data: Buffer.from(`${most}`) },
      { outcome: 'stored' },
      { value: 101 },
    ])
    expect(await read(space, key)).toBe('101')
  }
})

test.each([
  [0, '007'],
  [0, '12 monkeys'],
  [0, ' 5'],
  [0, '-1'],
  [0, '9007199254740992'],
  [0, '18446744073709551615'],
  [16, '99'],
  [0, ''],
])('flags %i and %j are no counter, and keep every byte and their ttl', async (flags, data) => {
  const one = await server()
  const space = storeOf(one).space([])
  await space.count('k', 1, fromOne, within())
  await space.write({ ...text('k', ''), item: { flags, data }, ttl: 60_000 }, within())
  for (const by of [1, -1, -100, 0, most]) {
    expect(await space.count('k', by, fromOne, within())).toEqual({ refused: 'not-a-counter' })
    expect(await space.get('k', within())).toMatchObject({ flags, data: Buffer.from(data) })
  }
  expect(await one.command('mg k t')).toMatch(/^HD t(59|6[012])$/)
})

test('what another process has put in place of a counter is recognized, and its number survives', async () => {
  const one = await server()
  const [mine, theirs] = [storeOf(one).space(['n']), storeOf(one).space(['n'])]
  await known(mine, 'k')
  await theirs.write(number('k', most), within())
  const refused = await Promise.all(Array.from({ length: 64 }, () => mine.count('k', 1, fromOne, within())))
  expect(new Set(refused.map(counted => JSON.stringify(counted)))).toEqual(new Set(['{"refused":"out-of-range"}']))
  expect(await mine.count('k', 0, undefined, within())).toEqual({ value: most })
  await theirs.write(number('k', 5), within())
  await known(mine, 'k')
  await theirs.write(text('k', 'text'), within())
  expect(await mine.count('k', 1, fromOne, within())).toEqual({ refused: 'not-a-counter' })
  expect(await read(mine, 'k')).toBe('text')
})

test('64 racers at the end of the range fill it exactly', async () => {
  const one = await server()
  const stores = Array.from({ length: 8 }, () => storeOf(one).space(['n']))
  await stores[0]?.write(number('k', most - 20), within())
  const counts = Array.from({ length: 64 }, (_, i) => stores[i % 8]?.count('k', 1, fromOne, within()))
  const values = (await Promise.all(counts)).flatMap(counted => (counted && 'value' in counted ? [counted.value] : []))
  expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => most - 19 + i))
})

test.each([
  [0, '007'],
  [0, '12 monkeys'],
  [0, '18446744073709551615'],
  [0, '9007199254740993'],
  [4, '41'],
])('flags %i and %j in place of a counter that was just counted keep every byte and their ttl', async (flags, data) => {
  for (const args of [[], ['-C']]) {
    const one = await server({ args })
    const [mine, theirs] = [storeOf(one).space([]), storeOf(one).space([])]
    for (const by of [1, -1, -100, 0, 7]) {
      await theirs.remove('k', undefined, within())
      await known(mine, 'k')
      await theirs.write({ ...text('k', ''), item: { flags, data }, ttl: 60_000 }, within())
      expect(await mine.count('k', by, fromOne, within())).toEqual({ refused: 'not-a-counter' })
      expect(await mine.get('k', within())).toMatchObject({ flags, data: Buffer.from(data) })
    }
    expect(await one.command('mg k t')).toMatch(/^HD t(59|6[012])$/)
  }
})

/**
 * Counts of one key under way at once: the first compares, and the others follow it without comparing. `meanwhile` puts something
 * in place of what the first has counted, before the server gets the others; `later` runs before their answers arrive.
 */
async function overlapping(
  counts: readonly number[],
  meanwhile: Write,
  later: (theirs: Space) => Promise<unknown> = async () => {},
) {
  const one = await server()
  const wire = await proxy(one)
  const [mine, theirs] = [storeOf(wire).space(['n']), storeOf(one).space(['n'])]
  await known(mine, 'k')
  wire.delay(800, 'down')
  const counting = counts.map(by => mine.count('k', by, fromOne, within(8000)))
  await expect.poll(() => read(theirs, 'k'), { timeout: 10_000 }).toBe('3')
  await theirs.write(meanwhile, within())
  expect(await counting[0]).toEqual({ value: 3 })
  await expect.poll(() => read(theirs, 'k'), { timeout: 10_000 }).not.toBe(meanwhile.item.data)
  await later(theirs)
  return { answers: await Promise.all(counting.slice(1)), theirs }
}

test.each(['007', '12 monkeys', '18446744073709551615'])(
  '%j that was destroyed by counts on their way becomes a miss, not a wrong value',
  async data => {
    const { answers, theirs } = await overlapping([1, 1, 2, -1], text('k', data))
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ refused: 'not-a-counter' })))
    expect(await read(theirs, 'k')).toBeUndefined()
    expect(await theirs.count('k', 1, fromOne, within())).toEqual({ value: 1 })
  },
)

test('counts on their way that meet a lease of digits begin at the beginning', async () => {
  const lease = { ...text('k', ''), item: { flags: 8192, data: '1234' } }
  const { answers, theirs } = await overlapping([1, 1, 2], lease)
  expect(new Set(answers.map(counted => 'value' in counted && counted.value))).toEqual(new Set([1, 2]))
  const item = await theirs.get('k', within())
  expect([item?.flags, `${item?.data}`]).toEqual([0, '2'])
})

test('a count on its way that meets a number at the end of the range is taken back', async () => {
  const { answers, theirs } = await overlapping([1, 1, 2], number('k', most))
  expect(answers).toEqual(Array.from({ length: 2 }, () => ({ refused: 'out-of-range' })))
  expect(await read(theirs, 'k')).toBe(`${most}`)
})

test('a count that was refused takes nothing back from the counter that a clear let begin meanwhile', async () => {
  const { answers, theirs } = await overlapping([1, 1], number('k', most), async space => {
    await space.clear(within)
    await space.write(number('k', 5), within())
  })
  expect(answers).toEqual([{ value: 6 }])
  expect(await read(theirs, 'k')).toBe('6')
})

test('20 stores that count one key at once lose no count', async () => {
  const one = await server()
  const spaces = Array.from({ length: 20 }, () => storeOf(one).space(['n']))
  const rounds = 25
  const values = await Promise.all(
    spaces.map(async space => {
      const counted: unknown[] = []
      for (let i = 0; i < rounds; i++) counted.push(await space.count('k', 1, fromOne, within(8000)))
      return counted
    }),
  )
  expect(new Set(values.flat().map(counted => JSON.stringify(counted))).size).toBe(20 * rounds)
  expect(await read(spaces[0] as Space, 'k')).toBe(`${20 * rounds}`)
})

test('a take whose namespace was cleared between its steps gives what it took', async () => {
  const one = await server({ args: ['-C'] })
  const wire = await proxy(one)
  const [mine, theirs] = [storeOf(wire).space(['n']), storeOf(one).space(['n'])]
  await mine.write(text('k', 'old'), within())
  wire.delay(200, 'down')
  const taking = mine.take('k', within())
  await wait(100)
  await theirs.clear(within)
  await theirs.write(text('k', 'new'), within())
  expect(`${(await taking)?.data}`).toBe('new')
  expect(await read(theirs, 'k')).toBeUndefined()
})

test.each(['remove', 'set'])(
  'a counter that is gone is not made behind a %s that was asked after the count',
  async later => {
    const { one, wire, space } = await behindProxy({ timeout: 20_000 })
    const foreign = storeOf(one).space([])
    const count = (): Promise<unknown> => space.count('n', 1, { value: 1, ttl: 60_000 }, within(9000))
    await count()
    const [first, ...others] = [count(), count(), count()]
    await first
    // The others are on their way together.
    wire.blackHole('up')
    await foreign.remove('n', undefined, within())
    const last =
      later === 'set' ? space.write(text('n', 'v'), within(9000)) : space.remove('n', undefined, within(9000))
    wire.pass()
    await Promise.all([...others, last])
    expect(await read(space, 'n')).toBe(later === 'set' ? 'v' : undefined)
  },
)
