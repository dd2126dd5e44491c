import { expect } from 'vitest'
import type { Capability } from '../case.js'
import type { Trial } from '../trial.js'

export const basics: Capability = {
  name: 'basics',
  cases: [
    {
      title: 'a key that was never set is a miss to every read',
      async run({ cache }) {
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.has('k')).toBe(false)
        expect(await cache.getMany(['k'])).toEqual(new Map())
        expect(await cache.take('k')).toBeUndefined()
      },
    },
    {
      title: 'what was set comes back, and set resolves true',
      async run({ cache }) {
        expect(await cache.set('k', { a: [1, 'two'] })).toBe(true)
        expect(await cache.get('k')).toEqual({ a: [1, 'two'] })
        expect(await cache.has('k')).toBe(true)
      },
    },
    {
      title: 'a second set replaces value and type',
      async run({ cache }) {
        await cache.set('k', 'text')
        await cache.set('k', 5)
        expect(await cache.get('k')).toBe(5)
        await cache.set('k', { a: 1 })
        expect(await cache.get('k')).toEqual({ a: 1 })
        await cache.set('k', 'text')
        expect(await cache.get('k')).toBe('text')
      },
    },
    ...[null, 0, '', false, Number.NaN].map(value => ({
      title: `${JSON.stringify(value) === 'null' ? String(value) : JSON.stringify(value)} is a value and no miss`,
      async run({ cache }: Trial) {
        expect(await cache.set('k', value)).toBe(true)
        expect(await cache.get('k')).toBe(value)
        expect(await cache.has('k')).toBe(true)
        expect(await cache.getMany(['k'])).toEqual(new Map([['k', value]]))
        expect(await cache.add('k', 'other')).toBe(false)
        expect(await cache.getOrSet('k', () => 'loaded')).toBe(value)
        expect(await cache.take('k')).toBe(value)
      },
    })),
    {
      title: 'the value as it was when set was called is stored, whatever happens to it afterwards',
      async run({ cache }) {
        const object = { list: [1] }
        const bytes = Buffer.from('abc')
        const pending = [cache.set('object', object), cache.set('bytes', bytes), cache.setMany([['many', object]])]
        object.list.push(2)
        bytes[0] = 120
        await Promise.all(pending)
        object.list.push(3)
        expect(Object.isFrozen(object)).toBe(false)
        expect(await cache.get('object')).toEqual({ list: [1] })
        expect(await cache.get('many')).toEqual({ list: [1] })
        expect(await cache.get('bytes')).toEqual(Buffer.from('abc'))
      },
    },
    {
      title: 'every read gives a copy of its own',
      async run({ cache }) {
        await cache.set('object', { list: [1] })
        await cache.set('bytes', Buffer.from('abc'))
        const object = await cache.get<{ list: number[] }>('object')
        object?.list.push(2)
        const bytes = await cache.get<Buffer>('bytes')
        bytes?.fill(0)
        const many = await cache.getMany<{ list: number[] }>(['object'])
        many.get('object')?.list.push(3)
        expect(await cache.get('object')).toEqual({ list: [1] })
        expect(await cache.get('bytes')).toEqual(Buffer.from('abc'))
        const loaded = await cache.getOrSet<{ list: number[] }>('object', () => ({ list: [] }))
        loaded.list.push(4)
        expect(await cache.getOrSet('object', () => ({ list: [] }))).toEqual({ list: [1] })
      },
    },
    {
      title: 'every cache over the store that has the namespace sees the entry',
      async run(trial) {
        await trial.cache.set('k', 'v')
        expect(await trial.open().get('k')).toBe('v')
      },
    },
    {
      title: 'many operations at once each get their own answer',
      async run({ cache }) {
        const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
        await Promise.all(keys.map((key, i) => cache.set(key, i % 3 === 0 ? `text ${i}` : { i })))
        const values = await Promise.all(keys.map(key => cache.get(key)))
        expect(values).toEqual(keys.map((_, i) => (i % 3 === 0 ? `text ${i}` : { i })))
        const mixed = await Promise.all(
          keys.map((key, i) =>
            i % 4 === 0 ? cache.delete(key) : i % 4 === 1 ? cache.has(`absent${key}`) : cache.get(key),
          ),
        )
        expect(mixed.slice(0, 4)).toEqual([true, false, { i: 2 }, 'text 3'])
        expect(mixed.filter(answer => answer === true)).toHaveLength(75)
      },
    },
  ],
}
