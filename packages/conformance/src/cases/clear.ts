import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'

const long = 'long key '.repeat(50)

export const clear: Capability = {
  name: 'clear',
  cases: [
    {
      title: 'takes every entry of the namespace and of those nested in it',
      async run({ cache }) {
        const nested = cache.namespace('a').namespace('b')
        for (const each of [cache, cache.namespace('a'), nested]) {
          await each.setMany([
            ['k', 'v'],
            [long, 'v'],
            ['ключ 💥', 'v'],
            ['*', 'v'],
          ])
          await each.increment('n', 5)
        }
        await cache.clear()
        for (const each of [cache, cache.namespace('a'), nested]) {
          expect(await each.getMany(['k', long, 'ключ 💥', '*', 'n'])).toEqual(new Map())
          expect(await each.has('k')).toBe(false)
        }
      },
    },
    {
      title: 'leaves no trace: adds succeed, counters start again, nothing is there to replace, touch, take or delete',
      async run({ cache, limits }) {
        await cache.setMany([
          ['add', 'v'],
          ['replace', 'v'],
          ['n', 5],
        ])
        const token = limits.cas ? (await cache.getEntry('replace'))?.casToken : undefined
        await cache.clear()
        expect(await cache.add('add', 'w')).toBe(true)
        expect(await cache.replace('replace', 'w')).toBe(false)
        expect(await cache.touch('replace', '1h')).toBe(false)
        expect(await cache.take('replace')).toBeUndefined()
        expect(await cache.delete('replace')).toBe(false)
        expect(await cache.deleteMany(['replace'])).toBe(0)
        expect(await cache.increment('n')).toBe(1)
        if (token !== undefined) expect(await cache.compareAndSet('replace', 'w', token)).toBe('missing')
      },
    },
    {
      title: 'leaves neighbours, parents and foreign keys alone',
      async run(trial) {
        const { namespace } = trial
        const mine = trial.cache.namespace('a.b')
        const others = [
          trial.cache,
          ...['a', 'aXb', 'a.b.c', 'a.b-c', 'xa.b', 'A.B', 'a-b'].map(name => trial.cache.namespace(name)),
          trial.cache.namespace('a').namespace('a.b'),
          trial.open({ namespace: `${namespace}x` }),
          trial.open({ namespace: `${namespace}.a` }),
          trial.open({ namespace: `x${namespace}` }),
        ]
        for (const other of others) {
          await other.set('k', 'v')
          await other.set('a.b:k', 'v')
          await other.set('/a.b:k', 'v')
          await other.increment('n', 5)
        }
        await mine.set('k', 'v')
        await mine.namespace('deeper').set('k', 'v')
        await mine.clear()
        expect(await mine.has('k')).toBe(false)
        expect(await mine.namespace('deeper').has('k')).toBe(false)
        for (const other of others) {
          expect((await other.getMany(['k', 'a.b:k', '/a.b:k', 'n'])).size, other.info().namespace ?? '').toBe(4)
          expect(await other.increment('n')).toBe(6)
        }
      },
    },
    {
      title: 'of an empty namespace is fine, and so is a second one',
      async run({ cache }) {
        await cache.clear()
        await cache.set('k', 'v')
        await cache.clear()
        await cache.clear()
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'takes what was set before it in the same tick and leaves what is set after it',
      async run({ cache }) {
        for (let round = 0; round < 10; round++) {
          await Promise.all([
            cache.set('before', 'v'),
            cache.set('both', 'old'),
            cache.clear(),
            cache.set('after', 'v'),
            cache.set('both', 'new'),
          ])
          expect([...(await cache.getMany(['before', 'after', 'both']))]).toEqual([
            ['after', 'v'],
            ['both', 'new'],
          ])
        }
      },
    },
    {
      title: 'takes thousands of entries',
      async run({ cache }) {
        const names = Array.from({ length: 2500 }, (_, i) => `key ${i}`)
        await cache.setMany(names.map(key => [key, 'v']))
        expect((await cache.getMany(names)).size).toBe(2500)
        await cache.clear()
        expect((await cache.getMany(names)).size).toBe(0)
        expect(await cache.deleteMany(names)).toBe(0)
      },
    },
    {
      title: 'of several namespaces at once takes each, and no other',
      async run({ cache }) {
        const caches = Array.from({ length: 20 }, (_, i) => cache.namespace(`n${i}`))
        await Promise.all(caches.map(each => each.set('k', 'v')))
        await Promise.all(caches.filter((_, i) => i % 2 === 0).map(each => each.clear()))
        const left = await Promise.all(caches.map(each => each.has('k')))
        expect(left).toEqual(caches.map((_, i) => i % 2 === 1))
      },
    },
    {
      title: 'is refused without a namespace over a shared server, naming flush',
      only: limits => !limits.clear,
      async run(trial) {
        await trial.cache.set('k', 'v')
        const bare = trial.open({ namespace: undefined })
        const error = await rejection(() => bare.clear(), 'ERR_CACHE_NOT_SUPPORTED')
        expect(error.message).toMatch(/flush\(\)/)
        expect(await trial.cache.get('k')).toBe('v')
      },
    },
    {
      title: 'without a namespace takes everything of a store that nobody shares',
      only: limits => limits.clear,
      async run(trial) {
        const bare = await trial.another({ namespace: undefined })
        await bare.set('k', 'v')
        await bare.namespace('a').set('k', 'v')
        await bare.clear()
        expect(await bare.has('k')).toBe(false)
        expect(await bare.namespace('a').has('k')).toBe(false)
      },
    },
  ],
}
