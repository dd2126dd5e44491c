import type { Serializer } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const most = Number.MAX_SAFE_INTEGER

/** What is no counter, by what it is. */
const others: Record<string, unknown> = {
  'the text "41"': '41',
  'the text "0"': '0',
  'the text " 41"': ' 41',
  'the text "007"': '007',
  'the text "12 monkeys"': '12 monkeys',
  'other text': 'abc',
  'an empty text': '',
  'a negative number': -5,
  '-0': -0,
  'a fraction': 1.5,
  'a number past 2^53−1': 2 ** 53,
  'a large number': 2 ** 63,
  NaN: Number.NaN,
  null: null,
  true: true,
  'a bigint': 5n,
  'an object': { n: 1 },
  'an array of a number': [5],
  'a Buffer of digits': Buffer.from('41'),
  'a Uint8Array of digits': Uint8Array.from([52, 49]),
  'an empty Buffer': Buffer.alloc(0),
  'a Date': new Date(5),
}

/** Serializers as applications write them, none of which knows of counters. */
const ownSerializers: Record<string, Serializer> = {
  'plain JSON': {
    encode: value => ({ flags: 0, data: JSON.stringify(value) }),
    decode: (_, data) => JSON.parse(Buffer.from(data as string).toString()),
  },
  'bytes under flags of its own': {
    encode: value => ({ flags: 2 ** 16, data: Buffer.from(JSON.stringify(value)).reverse() }),
    decode: (flags, data) =>
      flags === 2 ** 16
        ? JSON.parse(
            Buffer.from(data as Uint8Array)
              .reverse()
              .toString(),
          )
        : undefined,
  },
  'bytes under flags 0': {
    encode: value => ({ flags: 0, data: Buffer.from(JSON.stringify(value)).reverse() }),
    decode: (_, data) =>
      JSON.parse(
        Buffer.from(data as string)
          .reverse()
          .toString(),
      ),
  },
  promises: {
    encode: async value => ({ flags: 7, data: JSON.stringify([value]) }),
    decode: async (_, data) => JSON.parse(Buffer.from(data as string).toString())[0],
  },
}

export const counters: Capability = {
  name: 'counters',
  cases: [
    {
      title: 'an absent counter is created at initial + by, and by is 1 by default',
      async run({ cache }) {
        expect(await cache.increment('a')).toBe(1)
        expect(await cache.increment('b', 5)).toBe(5)
        expect(await cache.increment('c', 5, { initial: 10 })).toBe(15)
        expect(await cache.increment('d', 0, { initial: 7 })).toBe(7)
        expect(await cache.increment('e', 0)).toBe(0)
        expect([...(await cache.getMany(['a', 'b', 'c', 'd', 'e'])).values()]).toEqual([1, 5, 15, 7, 0])
      },
    },
    {
      title: 'decrement creates an absent counter at max(0, initial − by)',
      async run({ cache }) {
        expect(await cache.decrement('a')).toBe(0)
        expect(await cache.decrement('b', 3, { initial: 10 })).toBe(7)
        expect(await cache.decrement('c', 11, { initial: 10 })).toBe(0)
        expect([...(await cache.getMany(['a', 'b', 'c'])).values()]).toEqual([0, 7, 0])
      },
    },
    {
      title: 'a living counter adds and subtracts, and initial is nothing to it',
      async run({ cache }) {
        expect(await cache.increment('n', 10)).toBe(10)
        expect(await cache.increment('n')).toBe(11)
        expect(await cache.increment('n', 5, { initial: 1000 })).toBe(16)
        expect(await cache.decrement('n', 6, { initial: 1000 })).toBe(10)
        expect(await cache.decrement('n')).toBe(9)
        expect(await cache.increment('n', 0)).toBe(9)
        expect(await cache.decrement('n', 0)).toBe(9)
        expect(await cache.get('n')).toBe(9)
      },
    },
    {
      title: 'decrement stops at 0',
      async run({ cache }) {
        await cache.set('n', 5)
        expect(await cache.decrement('n', 100)).toBe(0)
        expect(await cache.decrement('n')).toBe(0)
        expect(await cache.decrement('n', most)).toBe(0)
        expect(await cache.increment('n')).toBe(1)
      },
    },
    {
      title: 'with create: false an absent counter stays absent, and a living one counts',
      async run({ cache }) {
        expect(await cache.increment('n', 1, { create: false })).toBeUndefined()
        expect(await cache.decrement('n', 1, { create: false, initial: 5 })).toBeUndefined()
        expect(await cache.has('n')).toBe(false)
        await cache.set('n', 0)
        expect(await cache.increment('n', 1, { create: false })).toBe(1)
        expect(await cache.increment('m', 1, { create: true })).toBe(1)
      },
    },
    {
      title: 'a count is a number to every read, and counts on after each',
      async run({ cache, limits }) {
        expect(await cache.increment('n', 100)).toBe(100)
        expect(await cache.get('n')).toBe(100)
        expect(await cache.decrement('n')).toBe(99)
        expect(await cache.get('n')).toBe(99)
        expect(await cache.getMany(['n'])).toEqual(new Map([['n', 99]]))
        expect(await cache.decrement('n', 90)).toBe(9)
        expect(await cache.get('n')).toBe(9)
        expect(await cache.getOrSet('n', () => 'loaded')).toBe(9)
        if (limits.cas) expect((await cache.getEntry('n'))?.value).toBe(9)
        expect(await cache.increment('n')).toBe(10)
        expect(await cache.take('n')).toBe(10)
        expect(await cache.increment('n')).toBe(1)
      },
    },
    {
      title: 'a whole number that set, setMany, add or replace wrote is a counter',
      async run({ cache }) {
        await cache.set('set', 41)
        await cache.setMany([['many', 41]])
        await cache.add('add', 41)
        await cache.set('replace', 'text')
        await cache.replace('replace', 41)
        await cache.getOrSet('load', () => 41)
        for (const key of ['set', 'many', 'add', 'replace', 'load']) expect(await cache.increment(key)).toBe(42)
      },
    },
    {
      title: 'counts are exact up to 2^53−1',
      async run({ cache }) {
        await cache.set('n', 10)
        expect(await cache.increment('n', 10_000_000_000)).toBe(10_000_000_010)
        expect(await cache.decrement('n', 9_999_999_999)).toBe(11)
        await cache.set('n', most - 2)
        expect(await cache.increment('n')).toBe(most - 1)
        expect(await cache.increment('n')).toBe(most)
        expect(await cache.get('n')).toBe(most)
        expect(await cache.decrement('n')).toBe(most - 1)
        expect(await cache.increment('fresh', most)).toBe(most)
        expect(await cache.increment('initial', 0, { initial: most })).toBe(most)
      },
    },
    {
      title: 'past 2^53−1 nothing is counted',
      async run({ cache }) {
        const code = 'ERR_CACHE_COUNTER_RANGE'
        await cache.set('n', most)
        await rejection(() => cache.increment('n'), code)
        expect(await cache.get('n')).toBe(most)
        await cache.set('n', 5)
        const error = await rejection(() => cache.increment('n', most), code)
        expect([error.op, error.key]).toEqual(['increment', 'n'])
        expect(await cache.get('n')).toBe(5)
        await rejection(() => cache.increment('absent', 1, { initial: most }), code)
        await rejection(() => cache.increment('absent', most, { initial: most }), code)
        expect(await cache.has('absent')).toBe(false)
        expect(await cache.increment('n', 1, { initial: most })).toBe(6)
        expect(await cache.increment('absent', most, { initial: most, create: false })).toBeUndefined()
      },
    },
    ...Object.entries(others).map(([name, value]) => ({
      title: `${name} is no counter and stays as it is`,
      async run({ cache }: Trial) {
        await cache.set('n', value)
        const error = await rejection(() => cache.increment('n'), 'ERR_CACHE_NOT_A_COUNTER')
        expect([error.op, error.key]).toEqual(['increment', 'n'])
        await rejection(() => cache.decrement('n', 0), 'ERR_CACHE_NOT_A_COUNTER')
        await rejection(() => cache.increment('n', 1, { create: false }), 'ERR_CACHE_NOT_A_COUNTER')
        expect(await cache.get('n')).toStrictEqual(value)
      },
    })),
    {
      title: 'concurrent counts on an absent counter lose none, and each gets a number of its own',
      async run({ cache }) {
        const counts = await Promise.all(Array.from({ length: 100 }, () => cache.increment('n')))
        expect([...counts].sort((a, b) => (a as number) - (b as number))).toEqual(counts.map((_, i) => i + 1))
        expect(await cache.get('n')).toBe(100)
      },
    },
    {
      title: 'concurrent counts up and down through several caches add up',
      async run(trial) {
        const caches = [trial.cache, trial.open(), trial.open()]
        await trial.cache.set('n', 1000)
        await Promise.all(
          Array.from({ length: 300 }, (_, i) => {
            const cache = caches[i % 3] as Trial['cache']
            return i % 2 === 0 ? cache.increment('n', 3) : cache.decrement('n', 2)
          }),
        )
        expect(await trial.cache.get('n')).toBe(1000 + 150 * 3 - 150 * 2)
      },
    },
    ...Object.entries(ownSerializers).map(([name, serializer]) => ({
      title: `count next to a serializer of the application: ${name}`,
      async run(trial: Trial) {
        const cache = trial.open({ serializer })
        const errors: unknown[] = []
        cache.on('error', ({ error }) => errors.push(error))
        expect(await cache.increment('n')).toBe(1)
        expect(await cache.get('n')).toBe(1)
        expect(await cache.set('k', 5)).toBe(true)
        expect(await cache.increment('k', 5)).toBe(10)
        expect(await cache.decrement('k', 3)).toBe(7)
        expect(await cache.get('k')).toBe(7)
        expect(await trial.cache.get('k')).toBe(7)
        expect(await cache.getOrSet('loaded', () => 41)).toBe(41)
        expect(await cache.increment('loaded')).toBe(42)
        expect(await cache.setMany([['many', most]])).toEqual([])
        await rejection(() => cache.increment('many'), 'ERR_CACHE_COUNTER_RANGE')
        for (const other of ['41', 'text', -5, 1.5, null, { n: [1] }, [41]]) {
          expect(await cache.set('other', other)).toBe(true)
          expect(await cache.get('other')).toStrictEqual(other)
          await rejection(() => cache.increment('other'), 'ERR_CACHE_NOT_A_COUNTER')
          expect(await cache.get('other')).toStrictEqual(other)
        }
        expect(errors).toEqual([])
      },
    })),
    {
      title: 'text that a serializer of the application would make a counter is refused, and the old value stays',
      async run(trial) {
        const cache = trial.open({
          serializer: { encode: value => ({ flags: 0, data: String(value) }), decode: (_, data) => String(data) },
        })
        await cache.set('k', 'old')
        await rejection(() => cache.set('k', '41'), 'ERR_CACHE_SERIALIZATION')
        expect(await cache.get('k')).toBe('old')
        expect(await cache.set('k', '41 monkeys')).toBe(true)
        expect(await cache.get('k')).toBe('41 monkeys')
      },
    },
    {
      title: 'a counter can be deleted, replaced and added like any entry',
      async run({ cache }) {
        await cache.increment('n', 5)
        expect(await cache.add('n', 1)).toBe(false)
        expect(await cache.replace('n', 'text')).toBe(true)
        expect(await cache.delete('n')).toBe(true)
        expect(await cache.add('n', 7)).toBe(true)
        expect(await cache.increment('n')).toBe(8)
      },
    },
  ],
}
