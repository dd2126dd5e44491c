import { expect } from 'vitest'
import type { Capability } from '../case.js'

export const conditional: Capability = {
  name: 'add, replace, touch, delete and take',
  cases: [
    {
      title: 'add stores only where nothing is, and leaves what is there alone',
      async run({ cache }) {
        expect(await cache.add('k', 'first')).toBe(true)
        expect(await cache.add('k', 'second')).toBe(false)
        expect(await cache.get('k')).toBe('first')
        await cache.delete('k')
        expect(await cache.add('k', 'third')).toBe(true)
        expect(await cache.get('k')).toBe('third')
      },
    },
    {
      title: 'of many adds at once exactly one is true, and its value stands',
      async run({ cache }) {
        const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => cache.add('k', i)))
        expect(answers.filter(answer => answer)).toHaveLength(1)
        expect(await cache.get('k')).toBe(answers.indexOf(true))
      },
    },
    {
      title: 'replace stores only where something is',
      async run({ cache }) {
        expect(await cache.replace('k', 'v')).toBe(false)
        expect(await cache.has('k')).toBe(false)
        await cache.set('k', null)
        expect(await cache.replace('k', 'v')).toBe(true)
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'touch answers whether the key is there, and changes no value',
      async run({ cache }) {
        expect(await cache.touch('k', '1h')).toBe(false)
        expect(await cache.has('k')).toBe(false)
        await cache.set('k', { a: 1 })
        expect(await cache.touch('k', '1h')).toBe(true)
        expect(await cache.touch('k', Number.POSITIVE_INFINITY)).toBe(true)
        expect(await cache.get('k')).toEqual({ a: 1 })
      },
    },
    {
      title: 'delete is true the first time and false after',
      async run({ cache }) {
        expect(await cache.delete('k')).toBe(false)
        await cache.set('k', null)
        expect(await cache.delete('k')).toBe(true)
        expect(await cache.delete('k')).toBe(false)
        expect(await cache.get('k')).toBeUndefined()
      },
    },
    {
      title: 'of many deletes at once exactly one is true',
      async run({ cache }) {
        await cache.set('k', 'v')
        const answers = await Promise.all(Array.from({ length: 10 }, () => cache.delete('k')))
        expect(answers.filter(answer => answer)).toHaveLength(1)
      },
    },
    {
      title: 'take gives the value once',
      async run({ cache }) {
        await cache.set('k', { a: 1 })
        expect(await cache.take('k')).toEqual({ a: 1 })
        expect(await cache.take('k')).toBeUndefined()
        expect(await cache.has('k')).toBe(false)
        expect(await cache.add('k', 'again')).toBe(true)
      },
    },
    {
      title: 'of many takes at once exactly one gets the value',
      async run({ cache }) {
        for (const value of ['v', 5, Buffer.from('bytes')]) {
          await cache.set('k', value)
          const answers = await Promise.all(Array.from({ length: 20 }, () => cache.take('k')))
          expect(answers.filter(answer => answer !== undefined)).toEqual([value])
        }
      },
    },
    {
      title: 'a value written while it is being taken is taken or stays, never lost',
      async run({ cache }) {
        for (let round = 0; round < 20; round++) {
          await cache.set('k', 'old')
          const [taken] = await Promise.all([cache.take('k'), cache.set('k', 'new')])
          expect(taken).toBe('old')
          expect(await cache.get('k')).toBe('new')
        }
      },
    },
  ],
}
