import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { hits } from '../expectations.js'
import { shared } from '../limits.js'

export const tagReach: Capability = {
  name: 'tags of namespaces and processes',
  cases: [
    {
      title: 'nested namespaces share the tags of the cache as it was opened',
      async run({ cache }) {
        const nested = cache.namespace('a')
        const deeper = nested.namespace('b')
        await cache.set('k', 'cache', { tags: 't' })
        await nested.set('k', 'nested', { tags: 't' })
        await deeper.set('k', 'deeper', { tags: ['t', 'u'] })
        await cache.invalidateTags('u')
        expect([await cache.get('k'), await nested.get('k'), await deeper.get('k')]).toEqual([
          'cache',
          'nested',
          undefined,
        ])
        await deeper.set('k', 'again', { tags: 'u' })
        await deeper.invalidateTags('t')
        expect([await cache.get('k'), await nested.get('k'), await deeper.get('k')]).toEqual([
          undefined,
          undefined,
          'again',
        ])
        // The clear of a nested one leaves the tags of the others alone.
        await cache.set('k', 'v', { tags: 't' })
        await nested.clear()
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'caches opened under other namespaces have tags of their own',
      async run(trial) {
        const { cache } = trial
        const inner = trial.open({ namespace: `${trial.namespace}/inner`.replace('/', '-') })
        await cache.set('k', 'v', { tags: 't' })
        await inner.set('k', 'v', { tags: 't' })
        await inner.invalidateTags('t')
        expect(await cache.get('k')).toBe('v')
        expect(await inner.get('k')).toBeUndefined()
        await inner.set('k', 'v', { tags: 't' })
        await cache.invalidateTags('t')
        expect(await cache.get('k')).toBeUndefined()
        expect(await inner.get('k')).toBe('v')
      },
    },
    {
      title: 'without a namespace tags work, and no key of a user can make an invalidated entry valid',
      async run(trial) {
        const bare = trial.open({ namespace: undefined })
        const [key, tag] = [`${trial.namespace} k`, `${trial.namespace} t`]
        // Where keys travel bare, this is where the version of the tag lies on some stores.
        const fake = `~tags:${tag}`
        const values = ['text of a user', Buffer.from('8 bytes!'), 12_345_678]
        const deeds: (() => Promise<unknown>)[] = [
          async () =>
            expect([await bare.get(fake), await bare.has(fake), await bare.take(fake)]).toEqual([
              undefined,
              false,
              undefined,
            ]),
          async () => expect([await bare.delete(fake), await bare.touch(fake, '1h')]).toEqual([false, false]),
          ...values.map(value => async () => {
            expect(await bare.add(fake, value)).toBe(true)
            expect(await bare.take(fake)).toEqual(value)
          }),
          ...values.map(value => () => bare.set(fake, value)),
          async () => expect(await bare.increment(fake)).toBe(1),
        ]
        for (const deed of deeds) {
          await bare.set(key, 'v', { tags: tag })
          expect(await bare.get(key)).toBe('v')
          await deed()
          // A version may be lost by it, which is a miss.
          expect(['v', undefined]).toContain(await bare.get(key))
          await bare.invalidateTags(tag)
          expect(await bare.get(key)).toBeUndefined()
          await deed().catch(() => {})
          expect(await bare.get(key)).toBeUndefined()
          await bare.delete(fake)
          await bare.invalidateTags(tag)
        }
        await bare.deleteMany([key, fake])
      },
    },
    {
      title: 'an invalidation by one process is seen by the next read in every other',
      only: shared,
      async run(trial) {
        const { cache } = trial
        const other = await trial.another()
        for (let round = 0; round < 10; round++) {
          await cache.set('mine', round, { tags: 't' })
          await other.set('theirs', round, { tags: ['t', 'u'] })
          expect(await hits(other, 'mine', 'theirs')).toEqual(['mine', 'theirs'])
          expect(await hits(cache, 'mine', 'theirs')).toEqual(['mine', 'theirs'])
          await other.invalidateTags('t')
          const reads = await Promise.all([cache.get('mine'), other.get('mine'), hits(cache, 'mine', 'theirs')])
          expect(reads).toEqual([undefined, undefined, []])
        }
        const late = await trial.another()
        expect(await hits(late, 'mine', 'theirs')).toEqual([])
      },
    },
    {
      title: 'processes that use a new tag at the same time agree on its version',
      only: shared,
      async run(trial) {
        const caches = [trial.cache, await trial.another(), await trial.another()]
        for (let round = 0; round < 10; round++) {
          const tags = `t${round}`
          await Promise.all(caches.map((cache, i) => cache.set(`k${i}`, round, { tags })))
          for (const cache of caches) expect(await hits(cache, 'k0', 'k1', 'k2')).toEqual(['k0', 'k1', 'k2'])
          await caches[round % 3]?.invalidateTags(tags)
          for (const cache of caches) expect(await hits(cache, 'k0', 'k1', 'k2')).toEqual([])
        }
      },
    },
    {
      title: 'what one process writes with the tags it knew before an invalidation by another is a miss',
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const { cache } = trial
        const other = await trial.another()
        await cache.set('k', 'old', { tags: 't' })
        await cache.update<string>('k', async current => {
          await other.invalidateTags('t')
          return `${current} and new`
        })
        expect(await cache.get('k')).toBeUndefined()
        await cache.set('k', 'old')
        const changed = await cache.update<string>(
          'k',
          async current => {
            await other.invalidateTags('t')
            return `${current} and new`
          },
          { tags: 't' },
        )
        expect(changed).toBe('old and new')
        expect(await cache.get('k')).toBeUndefined()
      },
    },
  ],
}
