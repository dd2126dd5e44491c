import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all } from '../expectations.js'
import { shared } from '../limits.js'
import type { Trial } from '../trial.js'

export const processes: Capability = {
  name: 'several processes',
  cases: [
    {
      title: 'a store in process is nobody else’s',
      only: limits => !limits.shared,
      async run(trial) {
        const other = await trial.another()
        await trial.cache.set('k', 'v')
        expect(await other.get('k')).toBeUndefined()
        expect(await other.add('k', 'w')).toBe(true)
        await other.clear()
        expect(await trial.cache.get('k')).toBe('v')
      },
    },
    {
      title: 'what one writes the other reads, at once and of every kind',
      only: shared,
      async run(trial) {
        const other = await trial.another()
        const large = 'a large text, '.repeat(20_000)
        for (const value of ['text', 5, -1.5, null, { a: [1] }, new Map([['k', 1n]]), Buffer.from([0, 255]), large]) {
          await trial.cache.set('k', value)
          expect(await other.get('k')).toStrictEqual(value)
        }
        expect(await other.replace('k', 'theirs')).toBe(true)
        expect(await trial.cache.get('k')).toBe('theirs')
        expect(await other.keyFor('k')).toBe(await trial.cache.keyFor('k'))
      },
    },
    {
      title: 'what one deletes, takes or touches is so for the other',
      only: shared,
      async run(trial) {
        const other = await trial.another()
        await trial.cache.setMany([
          ['delete', 1],
          ['take', 2],
        ])
        expect(await other.delete('delete')).toBe(true)
        expect(await other.take('take')).toBe(2)
        expect(await trial.cache.getMany(['delete', 'take'])).toEqual(new Map())
        expect(await trial.cache.delete('delete')).toBe(false)
      },
    },
    {
      title: 'after a clear nobody sees, adds to or counts on what was there',
      only: shared,
      async run(trial) {
        const { cache } = trial
        const other = await trial.another()
        for (let round = 0; round < 5; round++) {
          // The other one works on the namespace up to the clear, and knows all there is to know about it.
          await other.setMany([
            ['k', 'old'],
            ['add', 'old'],
            ['replace', 'old'],
          ])
          await other.increment('n', 10)
          await other.namespace('nested').set('k', 'old')
          expect(await cache.get('k')).toBe('old')
          await cache.clear()
          const answers = await Promise.all([
            other.get('k'),
            other.add('add', round),
            other.replace('replace', 'new'),
            other.increment('n'),
            other.touch('k', '1h'),
            other.delete('replace'),
            other.getMany(['k', 'replace']),
            other.namespace('nested').get('k'),
          ])
          expect(answers).toEqual([undefined, true, false, 1, false, false, new Map(), undefined])
          expect(await cache.get('add')).toBe(round)
          expect(await cache.get('n')).toBe(1)
          expect(await cache.add('add', 'mine')).toBe(false)
          await cache.clear()
        }
      },
    },
    {
      title: 'a clear by one leaves what both write after it visible to both',
      only: shared,
      async run(trial) {
        const other = await trial.another()
        await other.set('k', 'old')
        await trial.cache.clear()
        await Promise.all([trial.cache.set('mine', 1), other.set('theirs', 2)])
        expect((await trial.cache.getMany(['mine', 'theirs', 'k'])).size).toBe(2)
        expect((await other.getMany(['mine', 'theirs', 'k'])).size).toBe(2)
        if (trial.limits.keys) expect((await all(other.keys())).sort()).toEqual(['mine', 'theirs'])
      },
    },
    {
      title: 'of many adds exactly one is true, of many takes exactly one gets the value',
      only: shared,
      async run(trial) {
        const caches = [trial.cache, await trial.another(), await trial.another()]
        for (let round = 0; round < 10; round++) {
          const key = `k${round}`
          const added = await Promise.all(caches.map((cache, i) => cache.add(key, i)))
          expect(added.filter(answer => answer)).toHaveLength(1)
          const seen = await Promise.all(caches.map(cache => cache.get(key)))
          expect(seen).toEqual(caches.map(() => added.indexOf(true)))
          const taken = await Promise.all(caches.map(cache => cache.take(key)))
          expect(taken.filter(value => value !== undefined)).toHaveLength(1)
        }
      },
    },
    {
      title: 'ten clients count to a thousand together',
      only: shared,
      async run(trial) {
        const caches = await Promise.all(Array.from({ length: 10 }, () => trial.another()))
        const counts = await Promise.all(
          caches.flatMap(cache => Array.from({ length: 100 }, () => cache.increment('n', 1, { ttl: '1h' }))),
        )
        expect(new Set(counts).size).toBe(1000)
        expect(await trial.cache.get('n')).toBe(1000)
      },
    },
    {
      title: 'a token is a conflict once another process has written, and missing once it has deleted',
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const { cache } = trial
        const other = await trial.another()
        await cache.set('k', 'first')
        const entry = await cache.getEntry('k')
        await other.set('k', 'theirs')
        expect(await cache.compareAndSet('k', 'mine', entry!.casToken)).toBe('conflict')
        expect(await cache.get('k')).toBe('theirs')
        const again = await cache.getEntry('k')
        await other.delete('k')
        expect(await cache.compareAndSet('k', 'mine', again!.casToken)).toBe('missing')
        await other.set('k', 'theirs again')
        expect(await cache.compareAndSet('k', 'mine', again!.casToken)).toBe('conflict')
        expect(await other.get('k')).toBe('theirs again')
      },
    },
    {
      title: "a token of another process' reading stores, or is a conflict, and never over a newer value",
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const other = await trial.another()
        await trial.cache.set('k', 'first')
        const theirs = await other.getEntry('k')
        const outcome = await trial.cache.compareAndSet('k', 'second', theirs!.casToken)
        expect(['stored', 'conflict']).toContain(outcome)
        expect(await other.get('k')).toBe(outcome === 'stored' ? 'second' : 'first')
        await other.set('k', 'third')
        expect(await trial.cache.compareAndSet('k', 'fourth', theirs!.casToken)).toBe('conflict')
        expect(await other.get('k')).toBe('third')
      },
    },
    {
      title: '64 updates from four clients lose none',
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const caches = await Promise.all(Array.from({ length: 4 }, () => trial.another()))
        await Promise.all(
          Array.from({ length: 64 }, (_, i) =>
            (caches[i % 4] as Trial['cache']).update<number[]>('k', current => [...(current ?? []), i]),
          ),
        )
        const list = await trial.cache.get<number[]>('k')
        expect([...(list ?? [])].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i))
      },
    },
    {
      title: 'entries outlive the cache that wrote them',
      only: shared,
      async run(trial) {
        const writer = await trial.another()
        await writer.set('k', { a: 1 })
        await writer.increment('n', 5)
        await writer.close()
        const reader = await trial.another()
        expect(await reader.get('k')).toEqual({ a: 1 })
        expect(await reader.increment('n')).toBe(6)
      },
    },
  ],
}
