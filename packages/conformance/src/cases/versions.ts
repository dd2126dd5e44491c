import type { CasToken } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf, rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const withVersions = (limits: Trial['limits']): boolean => limits.cas

async function tokenOf(cache: Trial['cache'], key: string): Promise<CasToken> {
  const entry = await cache.getEntry(key)
  if (entry === undefined) throw new Error(`nothing under ${key}`)
  return entry.casToken
}

/** Compare-and-set, and what is built on it. */
export const versions: Capability = {
  name: 'versions',
  cases: [
    {
      title: 'a store without versions refuses every verb that needs them',
      only: limits => !limits.cas,
      async run({ cache }) {
        await cache.set('k', 'v')
        const code = 'ERR_CACHE_NOT_SUPPORTED'
        await rejection(() => cache.getEntry('k'), code)
        await rejection(() => cache.compareAndSet('k', 'w', 'token' as CasToken), code)
        await rejection(() => cache.update('k', () => 'w'), code)
        await rejection(() => cache.append('k', 'w'), code)
        await rejection(() => cache.prepend('k', 'w'), code)
        expect(await cache.get('k')).toBe('v')
      },
    },
  ],
}

export const compareAndSet: Capability = {
  name: 'getEntry and compareAndSet',
  cases: [
    {
      title: 'getEntry gives the value with a token, and undefined on a miss',
      only: withVersions,
      async run({ cache }) {
        expect(await cache.getEntry('k')).toBeUndefined()
        await cache.set('k', { a: 1 })
        const entry = await cache.getEntry('k')
        expect(entry?.value).toEqual({ a: 1 })
        expect(typeof entry?.casToken).toBe('string')
      },
    },
    {
      title: 'a token stores while its version is there, and once',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 'a')
        const token = await tokenOf(cache, 'k')
        expect(await cache.compareAndSet('k', 'b', token)).toBe('stored')
        expect(await cache.get('k')).toBe('b')
        expect(await cache.compareAndSet('k', 'c', token)).toBe('conflict')
        expect(await cache.get('k')).toBe('b')
        expect(await cache.compareAndSet('k', 'c', await tokenOf(cache, 'k'))).toBe('stored')
      },
    },
    {
      title: 'after any other write it is a conflict',
      only: withVersions,
      async run({ cache }) {
        const writes: Record<string, () => Promise<unknown>> = {
          set: () => cache.set('k', 'other'),
          setMany: () => cache.setMany([['k', 'other']]),
          replace: () => cache.replace('k', 'other'),
          'delete and add': async () => [await cache.delete('k'), await cache.add('k', 'other')],
          append: () => cache.append('k', 'other'),
          update: () => cache.update('k', () => 'other'),
          'take and set': async () => [await cache.take('k'), await cache.set('k', 'other')],
        }
        for (const [name, write] of Object.entries(writes)) {
          await cache.set('k', 'first')
          const token = await tokenOf(cache, 'k')
          await write()
          expect(await cache.compareAndSet('k', 'mine', token), name).toBe('conflict')
          expect(await cache.get('k'), name).not.toBe('mine')
        }
        await cache.set('n', 1)
        const token = await tokenOf(cache, 'n')
        await cache.increment('n')
        expect(await cache.compareAndSet('n', 9, token)).toBe('conflict')
        expect(await cache.get('n')).toBe(2)
      },
    },
    {
      title: 'after a delete it is missing, and nothing is stored',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 'a')
        const token = await tokenOf(cache, 'k')
        await cache.delete('k')
        expect(await cache.compareAndSet('k', 'b', token)).toBe('missing')
        expect(await cache.has('k')).toBe(false)
        expect(await cache.compareAndSet('never', 'b', token)).toBe('missing')
      },
    },
    {
      title: 'touch makes no new version',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 'a')
        const token = await tokenOf(cache, 'k')
        await cache.touch('k', '1h')
        await cache.get('k')
        expect(await cache.compareAndSet('k', 'b', token)).toBe('stored')
      },
    },
    {
      title: 'a token of another key, or that is none, is a conflict',
      only: withVersions,
      async run({ cache }) {
        await cache.setMany([
          ['a', 'value of a'],
          ['b', 'value of b'],
        ])
        const token = await tokenOf(cache, 'a')
        for (const odd of [token, '', 'nonsense', '0', '1', `${token}0`, '\r\nflush_all\r\n', 'x'.repeat(10_000)]) {
          expect(await cache.compareAndSet('b', 'new', odd as CasToken), odd.slice(0, 50)).toBe('conflict')
        }
        expect(await cache.compareAndSet('absent', 'new', 'nonsense' as CasToken)).toBe('missing')
        expect(await cache.get('b')).toBe('value of b')
      },
    },
    {
      title: 'of many with one token exactly one stores',
      only: withVersions,
      async run(trial) {
        const caches = [trial.cache, trial.open()]
        await trial.cache.set('k', 'start')
        const token = await tokenOf(trial.cache, 'k')
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, i) => (caches[i % 2] as Trial['cache']).compareAndSet('k', i, token)),
        )
        expect(answers.filter(answer => answer === 'stored')).toHaveLength(1)
        expect(answers.filter(answer => answer === 'conflict')).toHaveLength(19)
        expect(await trial.cache.get('k')).toBe(answers.indexOf('stored'))
      },
    },
    {
      title: 'tokens work over values of every size and kind',
      only: withVersions,
      async run({ cache }) {
        const values = [
          '',
          'text',
          5,
          -1.5,
          null,
          { a: 1 },
          new Map([['k', 1]]),
          Buffer.from([0, 255]),
          'x'.repeat(100_000),
        ]
        for (const value of values) {
          await cache.set('k', value)
          const entry = await cache.getEntry('k')
          expect(entry?.value).toStrictEqual(value)
          expect(await cache.compareAndSet('k', 'next', entry!.casToken)).toBe('stored')
        }
      },
    },
  ],
}

export const updating: Capability = {
  name: 'update',
  cases: [
    {
      title: 'it changes what is there and resolves the new value',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', { n: 1 })
        expect(await cache.update<{ n: number }>('k', current => ({ n: (current?.n ?? 0) + 1 }))).toEqual({ n: 2 })
        expect(await cache.get('k')).toEqual({ n: 2 })
        expect(await cache.update('k', async () => null)).toBeNull()
        expect(await cache.get('k')).toBeNull()
      },
    },
    {
      title: 'it is handed undefined for an absent key and may create it',
      only: withVersions,
      async run({ cache }) {
        const seen: unknown[] = []
        const change = (current: unknown): string => {
          seen.push(current)
          return 'created'
        }
        expect(await cache.update('k', change)).toBe('created')
        expect(seen).toEqual([undefined])
        expect(await cache.get('k')).toBe('created')
      },
    },
    {
      title: 'undefined leaves the entry as it is and resolves what stands',
      only: withVersions,
      async run({ cache }) {
        expect(await cache.update('k', () => undefined)).toBeUndefined()
        expect(await cache.has('k')).toBe(false)
        await cache.set('k', 'v')
        expect(await cache.update('k', () => undefined)).toBe('v')
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'an error of the change reaches the caller as it is, and nothing is written',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 'v')
        const error = new Error('changed my mind')
        const failing = (): never => {
          throw error
        }
        expect(await outcomeOf(cache.update('k', failing))).toEqual({ error })
        expect(await outcomeOf(cache.update('k', () => Promise.reject(error)))).toEqual({ error })
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: '64 at once lose none, on an absent key and through several caches too',
      only: withVersions,
      async run(trial) {
        const caches = [trial.cache, trial.open()]
        await Promise.all(
          Array.from({ length: 64 }, (_, i) =>
            (caches[i % 2] as Trial['cache']).update<number[]>('k', current => [...(current ?? []), i]),
          ),
        )
        const list = await trial.cache.get<number[]>('k')
        expect([...(list ?? [])].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i))
      },
    },
    {
      title: 'one that keeps losing rejects with a conflict',
      waits: true,
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 0)
        let rounds = 0
        await rejection(
          () =>
            cache.update('k', async () => {
              await cache.set('k', ++rounds)
              return 'mine'
            }),
          'ERR_CACHE_CONFLICT',
        )
        expect(await cache.get('k')).toBe(rounds)
      },
    },
  ],
}

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
