import type { CasToken } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
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
