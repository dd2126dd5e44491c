import { expect } from 'vitest'
import type { Capability } from '../case.js'

export const namespaces: Capability = {
  name: 'namespaces',
  cases: [
    {
      title: 'one key in two namespaces is two entries, to every verb',
      async run(trial) {
        const one = trial.cache
        const two = trial.open({ namespace: `${trial.namespace}-two` })
        await one.set('k', 1)
        expect(await two.get('k')).toBeUndefined()
        expect(await two.add('k', 10)).toBe(true)
        expect(await one.increment('k')).toBe(2)
        expect(await two.increment('k')).toBe(11)
        expect(await one.delete('k')).toBe(true)
        expect(await two.take('k')).toBe(11)
      },
    },
    {
      title: 'a nested namespace is apart from its parent, its siblings and those nested in it',
      async run({ cache }) {
        const caches = [
          cache,
          cache.namespace('a'),
          cache.namespace('b'),
          cache.namespace('a').namespace('b'),
          cache.namespace('a').namespace('b').namespace('c'),
          cache.namespace('a-b'),
          cache.namespace('a.b'),
          cache.namespace('A'),
        ]
        for (const [i, each] of caches.entries()) expect(await each.add('k', i)).toBe(true)
        for (const [i, each] of caches.entries()) expect(await each.get('k')).toBe(i)
        expect(await cache.delete('k')).toBe(true)
        for (const [i, each] of caches.entries()) expect(await each.get('k')).toBe(i === 0 ? undefined : i)
      },
    },
    {
      title: 'no key reaches into another namespace',
      async run(trial) {
        const { cache } = trial
        const nested = cache.namespace('x')
        const deeper = nested.namespace('y')
        const keys = ['x:k', '/x:k', 'x/k', '/x/y:k', 'x/y:k', 'y:k', '/y:k', ':k', '/k']
        for (const key of keys) {
          await cache.set(key, `cache ${key}`)
          await nested.set(key, `nested ${key}`)
        }
        expect(await nested.get('k')).toBeUndefined()
        expect(await deeper.get('k')).toBeUndefined()
        expect(await trial.open({ namespace: 'x' }).get('k')).toBeUndefined()
        for (const key of keys) {
          expect(await cache.get(key)).toBe(`cache ${key}`)
          expect(await nested.get(key)).toBe(`nested ${key}`)
        }
      },
    },
    {
      title: 'the same names lead to the same namespace',
      async run(trial) {
        await trial.cache.namespace('a').namespace('b').set('k', 'v')
        expect(await trial.cache.namespace('a').namespace('b').get('k')).toBe('v')
        expect(await trial.open().namespace('a').namespace('b').get('k')).toBe('v')
      },
    },
    {
      title: 'names of every permitted form work',
      async run({ cache }) {
        const names = ['a', '0', '_', '.', '..', '-', '__proto__', 'constructor', 'A.b_c-9', 'n'.repeat(60)]
        for (const name of names) expect(await cache.namespace(name).add('k', name)).toBe(true)
        for (const name of names) expect(await cache.namespace(name).get('k')).toBe(name)
      },
    },
    {
      title: 'a deeply nested namespace works, clear and hashed keys included',
      async run({ cache }) {
        let deep = cache
        for (let i = 0; i < 20; i++) deep = deep.namespace(`n${i}`)
        await deep.set('k', 'v')
        await deep.set('long'.repeat(100), 'w')
        expect(await deep.get('k')).toBe('v')
        expect(await deep.get('long'.repeat(100))).toBe('w')
        await deep.clear()
        expect(await deep.getMany(['k', 'long'.repeat(100)])).toEqual(new Map())
      },
    },
    {
      title: 'keyFor joins the names by "/" and ends them with ":"',
      async run({ cache, namespace }) {
        const shown = await cache.namespace('carts').keyFor('42')
        expect(shown.startsWith(`${namespace}/carts`)).toBe(true)
        expect(shown.endsWith(':42')).toBe(true)
      },
    },
    {
      title: 'info shows the names joined by "/"',
      async run({ cache, namespace }) {
        expect(cache.info().namespace).toBe(namespace)
        expect(cache.namespace('a').namespace('b').info().namespace).toBe(`${namespace}/a/b`)
      },
    },
    {
      title: 'a cache without a namespace keeps bare keys, apart from every namespace',
      async run(trial) {
        const bare = await trial.another({ namespace: undefined })
        const key = `${trial.namespace}-bare`
        try {
          expect(await bare.keyFor(key)).toBe(key)
          expect(await bare.add(key, 'v')).toBe(true)
          expect(await bare.get(key)).toBe('v')
          expect(await trial.cache.get(key)).toBeUndefined()
          expect(bare.info().namespace).toBeUndefined()
        } finally {
          await bare.delete(key)
        }
      },
    },
  ],
}
