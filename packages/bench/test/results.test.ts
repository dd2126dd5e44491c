import { expect, test } from 'vitest'
import { type Measure, measure } from '../src/measure.js'
import { programOf } from '../src/program.js'
import { pageOf } from '../src/report.js'
import { scoreOf } from '../src/rounds.js'
import { tableOf } from '../src/table.js'

const run = (ms: number, cpu: number): Measure => ({ calls: 1000, ms, cpu, wrong: 0 })

test('keeps as many calls in flight as asked, makes each once, and counts wrong answers', async () => {
  let inFlight = 0
  let most = 0
  const turns: number[] = []
  const ask = async (turn: number): Promise<number> => {
    turns.push(turn)
    most = Math.max(most, ++inFlight)
    await new Promise(resolve => setImmediate(resolve))
    inFlight--
    return turn
  }
  const result = await measure(ask, turn => turn !== 5, 4, 20)
  expect(result).toMatchObject({ calls: 20, wrong: 1 })
  expect(most).toBe(4)
  expect(turns).toEqual(Array.from({ length: 20 }, (_, turn) => turn))
})

test('takes medians, and the ratio round by round', () => {
  const raw = [run(10, 100), run(100, 200), run(20, 300)]
  const twiceAsFast = [run(5, 30), run(50, 10), run(40, 20)]
  expect(scoreOf(twiceAsFast, raw)).toEqual({ callsPerSecond: 25_000, ratio: 2, cpu: 0.02 })
})

test('writes a table whose columns line up', () => {
  const score = { callsPerSecond: 1_234_567, ratio: 1, cpu: 0.5 }
  const table = tableOf({ heading: 'Heading', inFlight: [1], rows: [{ contender: 'ours', scores: [score] }] })
  expect(table).toBe(`### Heading

|      | 1 in flight |    × | CPU µs |
| ---- | ----------: | ---: | -----: |
| ours |    1.23 M/s | 1.00 |   0.50 |
`)
})

test('runs what the words select, and always the raw client', () => {
  const [part, ...others] = programOf(['redis', 'set', 'anycache', '64'])
  expect(others).toEqual([])
  expect(part).toMatchObject({ backend: 'redis', payload: 'text', inFlight: [64], contenders: ['ioredis', 'anycache'] })
  expect(part?.question.name).toBe('set')
})

test('runs every question on every backend without words', () => {
  const parts = programOf([]).map(({ backend, question }) => `${backend} ${question.name}`)
  for (const backend of ['memory', 'redis', 'memcached']) {
    for (const question of ['get', 'set', 'getMany', 'getOrSet', 'miss', 'stampede', 'getTagged', 'getOrSetTagged'])
      expect(parts).toContain(`${backend} ${question}`)
  }
})

test('asks about tags those that have them, behind the raw client', () => {
  const [part] = programOf(['memory', 'getTagged'])
  expect(part?.contenders).toEqual(['lru-cache', 'anycache', 'bentocache'])
})

test('refuses an unknown word, and lists the known ones', () => {
  expect(() => programOf(['redsi'])).toThrow(/does not know redsi; it knows memory, reference, redis, memcached/)
})

test('writes a page that says how it was measured', () => {
  const circumstances = {
    servers: ['Redis 7.0.15'],
    pace: { rounds: 7, runMs: 150, warmUpMs: 500 },
    date: new Date('2026-11-22T10:00:00Z'),
  }
  const page = pageOf(['### One\n', '### Two\n'], circumstances)
  for (const fact of [
    '2026-11-22',
    process.versions.node,
    'Redis 7.0.15',
    'ioredis 6.0.0',
    '7 rounds',
    '### One',
    '### Two',
  ]) {
    expect(page).toContain(fact)
  }
  expect(page).not.toContain('ioredis 5')
})
