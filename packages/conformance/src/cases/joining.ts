import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const withVersions = (limits: Trial['limits']): boolean => limits.cas

export const joining: Capability = {
  name: 'append and prepend',
  cases: [
    {
      title: 'they join text to text and bytes to bytes, keeping the type',
      only: withVersions,
      async run({ cache }) {
        await cache.setMany([
          ['text', 'b'],
          ['buffer', Buffer.from('b')],
          ['bytes', Uint8Array.of(2)],
        ])
        for (const [key, before, after] of [
          ['text', 'a', 'c'],
          ['buffer', Buffer.from('a'), Buffer.from('c')],
          ['bytes', Uint8Array.of(1), Uint8Array.of(3)],
        ] as const) {
          expect(await cache.prepend(key, before)).toBe(true)
          expect(await cache.append(key, after)).toBe(true)
        }
        expect(await cache.get('text')).toBe('abc')
        expect(await cache.get('buffer')).toStrictEqual(Buffer.from('abc'))
        expect(await cache.get('bytes')).toStrictEqual(Uint8Array.of(1, 2, 3))
      },
    },
    {
      title: 'they are false for an absent key and leave it absent',
      only: withVersions,
      async run({ cache }) {
        expect(await cache.append('k', 'a')).toBe(false)
        expect(await cache.prepend('k', Buffer.from('a'))).toBe(false)
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'what is neither, or the other, is not appendable and stays as it is',
      only: withVersions,
      async run({ cache }) {
        const code = 'ERR_CACHE_NOT_APPENDABLE'
        for (const value of [5, null, true, { a: 1 }, ['a'], 5n, Uint16Array.of(1), Buffer.from('b')]) {
          await cache.set('k', value)
          await rejection(() => cache.append('k', 'a'), code)
          await rejection(() => cache.prepend('k', 'a'), code)
          expect(await cache.get('k')).toStrictEqual(value)
        }
        await cache.set('k', 'text')
        await rejection(() => cache.append('k', Buffer.from('a')), code)
        expect(await cache.get('k')).toBe('text')
      },
    },
    {
      title: 'text that comes to look like a number stays text',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', '')
        await cache.append('k', '4')
        await cache.append('k', '1')
        expect(await cache.get('k')).toBe('41')
        await rejection(() => cache.increment('k'), 'ERR_CACHE_NOT_A_COUNTER')
      },
    },
    {
      title: 'they lose nothing to each other, nor to updates of the same key',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', '')
        const letters = Array.from({ length: 48 }, (_, i) => String.fromCharCode(65 + i))
        const add = [
          (letter: string) => cache.append('k', letter),
          (letter: string) => cache.prepend('k', letter),
          (letter: string) => cache.update<string>('k', text => text + letter),
        ]
        await Promise.all(letters.map((letter, i) => add[i % 3]?.(letter)))
        expect([...((await cache.get<string>('k')) ?? '')].sort()).toEqual(letters)
      },
    },
    {
      title: 'called in one tick they join in call order, and what is called behind them sees it',
      only: withVersions,
      async run({ cache }) {
        const large = 'large '.repeat(20_000)
        const answers = await Promise.all([
          cache.set('k', 'c'),
          cache.append('k', 'd'),
          cache.append('k', 'e'),
          cache.prepend('k', 'b'),
          cache.get('k'),
          cache.prepend('k', 'a'),
          cache.append('k', large),
          cache.getMany(['k']),
          cache.set('k', 'x'),
          cache.append('k', 'y'),
          cache.take('k'),
          cache.append('k', 'z'),
        ])
        const seen = [true, true, true, true, 'bcde', true, true, new Map([['k', `abcde${large}`]])]
        expect(answers).toEqual([...seen, true, true, 'xy', false])
      },
    },
    {
      title: 'bytes may be changed as soon as the call was made',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', Buffer.from('a'))
        const part = Buffer.from('b')
        const appended = cache.append('k', part)
        part.fill('!')
        await appended
        expect(await cache.get('k')).toStrictEqual(Buffer.from('ab'))
      },
    },
  ],
}
