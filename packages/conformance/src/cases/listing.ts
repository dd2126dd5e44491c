import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all, rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const listable = (limits: Trial['limits']): boolean => limits.keys

// As a set: a cursor may meet a key twice while the server moves it.
async function listed(cache: Trial['cache'], pattern?: string): Promise<string[]> {
  return [...new Set(await all(cache.keys(pattern)))].sort()
}

export const listing: Capability = {
  name: 'keys()',
  cases: [
    {
      title: 'is refused by a store that cannot list keys',
      only: limits => !limits.keys,
      async run({ cache }) {
        await cache.set('k', 'v')
        await rejection(() => all(cache.keys()), 'ERR_CACHE_NOT_SUPPORTED')
        await rejection(() => all(cache.keys('k*')), 'ERR_CACHE_NOT_SUPPORTED')
      },
    },
    {
      title: "lists the namespace's own keys, and not those of nested ones or neighbours",
      only: listable,
      async run({ cache }) {
        expect(await listed(cache)).toEqual([])
        await cache.setMany([
          ['a', 1],
          ['b', 'text'],
          ['c', { d: 1 }],
        ])
        await cache.increment('n')
        await cache.namespace('nested').set('x', 1)
        await cache.namespace('nested').namespace('deeper').set('y', 1)
        expect(await listed(cache)).toEqual(['a', 'b', 'c', 'n'])
        expect(await listed(cache.namespace('nested'))).toEqual(['x'])
        expect(await listed(cache.namespace('nest'))).toEqual([])
        await cache.delete('a')
        await cache.take('b')
        expect(await listed(cache)).toEqual(['c', 'n'])
      },
    },
    {
      title: 'lists keys of every script and length as the caller knows them',
      only: listable,
      async run({ cache }) {
        const names = [
          'ключ',
          '清 💥',
          ' a ',
          'a\r\nb',
          '\0',
          '*',
          '[a]',
          '__proto__',
          'x:y',
          'x/y:z',
          'long'.repeat(500),
        ]
        await cache.setMany(names.map(key => [key, 1]))
        expect(await listed(cache)).toEqual([...names].sort())
      },
    },
    {
      title: '? stands for one character and * for any run, and nothing else for anything',
      only: listable,
      async run({ cache }) {
        const names = [
          '',
          'a',
          'ab',
          'abc',
          'b',
          'a.b',
          'axb',
          '[ab]',
          'a*b',
          'a?b',
          'a\\b',
          'a\nb',
          '💥',
          'x💥y',
          '^a',
          'a$',
          '{a,b}',
          'a-c',
        ]
        await cache.setMany(names.filter(name => name !== '').map(key => [key, 1]))
        const expectations: Record<string, string[]> = {
          '*': names.filter(name => name !== ''),
          '**': names.filter(name => name !== ''),
          a: ['a'],
          'a*': names.filter(name => name.startsWith('a')),
          '*b': names.filter(name => name.endsWith('b')),
          'a*b': names.filter(name => name.startsWith('a') && name.endsWith('b')),
          'a?b': ['a.b', 'axb', 'a*b', 'a?b', 'a\\b', 'a\nb'],
          '?': ['a', 'b', '💥'],
          '??': ['ab', '^a', 'a$'],
          'x?y': ['x💥y'],
          '[ab]': ['[ab]'],
          'a\\b': ['a\\b'],
          'a.b': ['a.b'],
          '^a': ['^a'],
          a$: ['a$'],
          '{a,b}': ['{a,b}'],
          'a-c': ['a-c'],
          'z*': [],
        }
        for (const [pattern, expected] of Object.entries(expectations)) {
          expect(await listed(cache, pattern), pattern).toEqual([...expected].sort())
        }
      },
    },
    {
      title: 'lists thousands, and may be left early',
      only: listable,
      async run({ cache }) {
        const names = Array.from({ length: 2500 }, (_, i) => `key ${i}`)
        await cache.setMany(names.map(key => [key, 1]))
        expect(await listed(cache)).toEqual([...names].sort())
        expect((await listed(cache, 'key 24??')).length).toBe(100)
        let seen = 0
        for await (const _ of cache.keys()) if (++seen === 10) break
        expect(seen).toBe(10)
        expect(await cache.get('key 1')).toBe(1)
      },
    },
    {
      title: 'lists a key that is there all the while, whatever else comes and goes',
      only: listable,
      async run({ cache }) {
        await cache.setMany(Array.from({ length: 500 }, (_, i) => [`fleeting ${i}`, 1] as const))
        await cache.set('constant', 1)
        const seen = new Set<string>()
        let rounds = 0
        for await (const key of cache.keys()) {
          seen.add(key)
          if (key !== 'constant') await cache.delete(key)
          if (rounds++ < 50) await cache.set(`new ${rounds}`, 1)
        }
        expect(seen.has('constant')).toBe(true)
      },
    },
  ],
}
