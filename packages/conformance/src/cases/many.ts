import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { expectSame, rejection } from '../expectations.js'

const thousand = Array.from({ length: 1000 }, (_, i) => `key ${i}`)

export const many: Capability = {
  name: 'many at once',
  cases: [
    {
      title: 'getMany gives the hits alone, in the order asked for',
      async run({ cache }) {
        await cache.setMany([
          ['a', 1],
          ['b', null],
          ['c', 'three'],
          ['d', { four: 4 }],
        ])
        expect([...(await cache.getMany(['d', 'x', 'a', 'y', 'b', 'c']))]).toEqual([
          ['d', { four: 4 }],
          ['a', 1],
          ['b', null],
          ['c', 'three'],
        ])
      },
    },
    {
      title: 'nothing asked for is nothing done',
      async run({ cache }) {
        expect(await cache.getMany([])).toEqual(new Map())
        expect(await cache.setMany([])).toEqual([])
        expect(await cache.deleteMany([])).toBe(0)
      },
    },
    {
      title: 'any iterable will do, and none is changed',
      async run({ cache }) {
        function* entries(): Generator<[string, unknown]> {
          yield ['a', 1]
          yield ['b', 2]
        }
        function* names(): Generator<string> {
          yield 'a'
          yield 'b'
        }
        expect(await cache.setMany(entries())).toEqual([])
        expect(await cache.setMany(new Map([['c', 3]]))).toEqual([])
        expect(await cache.setMany(Object.freeze([Object.freeze(['d', 4] as const)]))).toEqual([])
        expect(await cache.getMany(names())).toEqual(
          new Map([
            ['a', 1],
            ['b', 2],
          ]),
        )
        expect((await cache.getMany(new Set(['c', 'd']))).size).toBe(2)
        expect(await cache.deleteMany(Object.freeze(['a', 'b']))).toBe(2)
        expect(await cache.deleteMany(new Map([['c', 0]]).keys())).toBe(1)
      },
    },
    {
      title: 'duplicates count once, and the last value of a key is the one stored',
      async run({ cache }) {
        expect(
          await cache.setMany([
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ]),
        ).toEqual([])
        expect([...(await cache.getMany(['a', 'b', 'a', 'a']))]).toEqual([
          ['a', 3],
          ['b', 2],
        ])
        expect(await cache.deleteMany(['a', 'a', 'b', 'missing', 'missing'])).toBe(2)
      },
    },
    {
      title: 'deleteMany counts what was there',
      async run({ cache }) {
        await cache.setMany([
          ['a', null],
          ['b', 0],
          ['c', 'x'],
        ])
        expect(await cache.deleteMany(['a', 'missing', 'b'])).toBe(2)
        expect(await cache.deleteMany(['a', 'b'])).toBe(0)
        expect(await cache.get('c')).toBe('x')
      },
    },
    {
      title: 'a thousand keys go and come in one call each',
      async run({ cache }) {
        expect(await cache.setMany(thousand.map((key, i) => [key, i % 2 === 0 ? i : { i }]))).toEqual([])
        const found = await cache.getMany([...thousand, 'missing'])
        expect([...found.keys()]).toEqual(thousand)
        expect(found.get('key 50')).toBe(50)
        expect(found.get('key 999')).toEqual({ i: 999 })
        expect(await cache.deleteMany(thousand.slice(0, 500))).toBe(500)
        expect([...(await cache.getMany(thousand)).keys()]).toEqual(thousand.slice(500))
      },
    },
    {
      title: 'large values of many keys come back whole',
      async run({ cache }) {
        const entries = Array.from({ length: 40 }, (_, i) => [`k${i}`, Buffer.alloc(20_000 + i, i)] as const)
        expect(await cache.setMany(entries)).toEqual([])
        const found = [...(await cache.getMany(entries.map(([key]) => key)))]
        expect(found.map(([key]) => key)).toEqual(entries.map(([key]) => key))
        for (const [i, [, value]] of found.entries()) expectSame(value, entries[i]?.[1])
      },
    },
    {
      title: 'names of objects and digits are keys like any other, in the order asked for',
      async run({ cache }) {
        const keys = ['2', '__proto__', '1', 'constructor', '-1', '0']
        expect(await cache.setMany(keys.map(key => [key, `of ${key}`]))).toEqual([])
        const found = await cache.getMany(keys)
        expect([...found]).toEqual(keys.map(key => [key, `of ${key}`]))
        expect(await cache.deleteMany(keys)).toBe(6)
      },
    },
    {
      title: 'what cannot be written is noticed before anything is sent',
      async run({ cache }) {
        await cache.setMany([
          ['a', 'old'],
          ['b', 'old'],
        ])
        await rejection(
          () =>
            cache.setMany([
              ['a', 'new'],
              ['', 'new'],
            ]),
          'ERR_CACHE_INVALID_ARGUMENT',
        )
        await rejection(
          () =>
            cache.setMany([
              ['a', 'new'],
              ['b', () => 1],
            ]),
          'ERR_CACHE_SERIALIZATION',
        )
        await rejection(() => cache.deleteMany(['a', '']), 'ERR_CACHE_INVALID_ARGUMENT')
        await rejection(() => cache.getMany(['a', '']), 'ERR_CACHE_INVALID_ARGUMENT')
        expect([...(await cache.getMany(['a', 'b'])).values()]).toEqual(['old', 'old'])
      },
    },
    {
      title: 'many calls of many keys at once each get their own answers',
      async run({ cache }) {
        await cache.setMany(thousand.slice(0, 200).map((key, i) => [key, i]))
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            cache.getMany([thousand[i * 4 + 3] as string, 'x', thousand[i] as string]),
          ),
        )
        for (const [i, answer] of answers.entries()) {
          expect([...answer]).toEqual([
            ...new Map([
              [thousand[i * 4 + 3], i * 4 + 3],
              [thousand[i], i],
            ]),
          ])
        }
      },
    },
  ],
}
