import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import { cas } from '../limits.js'
import { marked } from '../sample-items.js'
import { metadataOf } from './stored-metadata.js'

const hour = 3_600_000

export const taggedEntries: Capability = {
  name: 'tagged entries',
  cases: [
    {
      title: 'values of every kind keep their type under tags',
      async run({ cache }) {
        const large = 'a large text, '.repeat(20_000)
        const values = [
          'text',
          '5',
          5,
          -1.5,
          null,
          false,
          '',
          { a: [1] },
          new Map([['k', 1n]]),
          Buffer.from([0]),
          large,
        ]
        for (const value of values) {
          await cache.set('k', value, { tags: 't' })
          expect(await cache.get('k')).toStrictEqual(value)
        }
        await cache.setMany(
          values.map((value, i) => [`k${i}`, value]),
          { tags: 't' },
        )
        expect([...(await cache.getMany(values.map((_, i) => `k${i}`))).values()]).toStrictEqual(values)
        await cache.invalidateTags('t')
        expect(await cache.getMany(values.map((_, i) => `k${i}`))).toEqual(new Map())
      },
    },
    {
      title: 'a tagged number is a number and no counter',
      async run({ cache }) {
        await cache.set('n', 41, { tags: 't' })
        expect(await cache.get('n')).toBe(41)
        for (const count of [
          () => cache.increment('n'),
          () => cache.decrement('n'),
          () => cache.increment('n', 1, { create: false }),
        ]) {
          await rejection(count, 'ERR_CACHE_NOT_A_COUNTER')
        }
        expect(await cache.get('n')).toBe(41)
        await cache.set('n', 41, { tags: [] })
        expect(await cache.increment('n')).toBe(42)
      },
    },
    {
      title: 'a condition counts for a tagged write as for any other',
      async run({ cache }) {
        expect(await cache.replace('k', 1, { tags: 't' })).toBe(false)
        expect(await cache.add('k', 2, { tags: 't' })).toBe(true)
        expect(await cache.add('k', 3, { tags: 't' })).toBe(false)
        expect(await cache.get('k')).toBe(2)
      },
    },
    {
      title: 'a tagged entry ends with its ttl, like any other',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.set('set', 1, { tags: 't', ttl: 100 })
        await cache.setMany([['many', 1]], { tags: 't', ttl: 100 })
        await cache.set('kept', 1, { tags: 't', ttl: '1h' })
        await trial.expire(100)
        expect([...(await cache.getMany(['set', 'many', 'kept'])).keys()]).toEqual(['kept'])
        expect(await trial.raw.get('set')).toBeUndefined()
      },
    },
    {
      title: 'a token of a tagged entry fits that entry only, and none of the same value',
      only: cas,
      async run({ cache }) {
        await cache.set('k', 'v', { tags: 't' })
        const entry = await cache.getEntry('k')
        expect(await cache.compareAndSet('k', 'v', entry!.casToken, { tags: 't' })).toBe('stored')
        expect(await cache.compareAndSet('k', 'v', entry!.casToken, { tags: 't' })).toBe('conflict')
        const again = await cache.getEntry('k')
        await cache.delete('k')
        expect(await cache.compareAndSet('k', 'v', again!.casToken)).toBe('missing')
        await cache.set('k', 'v', { tags: 't' })
        expect(await cache.compareAndSet('k', 'v', again!.casToken)).toBe('conflict')
      },
    },
    {
      title: 'a token read before an invalidation stores over the entry that it invalidated',
      only: cas,
      async run({ cache }) {
        await cache.set('k', 'old', { tags: 't' })
        const entry = await cache.getEntry('k')
        await cache.invalidateTags('t')
        expect(await cache.compareAndSet('k', 'new', entry!.casToken, { tags: 't' })).toBe('stored')
        expect(await cache.get('k')).toBe('new')
      },
    },
    {
      title: 'touch keeps the tags of an entry, and gives it another life',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.setMany(
          [
            ['longer', 1],
            ['shorter', 2],
          ],
          { tags: 't', ttl: 3000 },
        )
        const before = await metadataOf(trial, 'longer')
        expect(await cache.touch('longer', '1h')).toBe(true)
        expect(await cache.touch('shorter', 1000)).toBe(true)
        // Also its nonce and the moment it was made: the value is the same.
        expect(await metadataOf(trial, 'longer')).toEqual(before)
        await trial.expire(3000)
        expect(await cache.get('longer')).toBe(1)
        expect(await cache.get('shorter')).toBeUndefined()
        expect(await trial.raw.get('shorter')).toBeUndefined()
        await cache.invalidateTags('t')
        expect(await cache.get('longer')).toBeUndefined()
      },
    },
    {
      title: 'touch keeps the time that an entry may be stale, and with it its tags',
      async run(trial) {
        const { cache, limits } = trial
        await cache.set('k', 'v', { tags: 't' })
        const { tags, nonce } = (await metadataOf(trial)) ?? {}
        const created = trial.raw.epochNow() - 60_000
        const lifetimes = { freshFor: 120_000, staleFor: hour }
        await trial.raw.put(
          'k',
          marked('v', { tags, nonce, created, lifetimes, softDeadline: created + 120_000 }),
          2 * hour,
        )
        const touched = trial.raw.epochNow()
        expect(await cache.touch('k', '10m')).toBe(true)
        expect(await cache.get('k')).toBe('v')
        const after = await metadataOf(trial)
        expect(after).toMatchObject({ tags, nonce, created, lifetimes: { staleFor: hour } })
        expect(after?.softDeadline).toBeGreaterThanOrEqual(touched + 600_000)
        expect(after?.lifetimes?.freshFor).toBe((after?.softDeadline as number) - created)
        if (limits.cas) expect(await cache.update('k', () => undefined)).toBe('v')
      },
    },
    {
      title: 'a tagged value over the limit is not stored, as any other',
      async run(trial) {
        const cache = trial.open({ maxValueBytes: 1000 })
        const large = randomBytes(2000)
        await cache.setMany([
          ['set', 'old'],
          ['many', 'old'],
          ['replace', 'old'],
        ])
        expect(await cache.set('set', large, { tags: 't' })).toBe(false)
        const stored = await cache.setMany(
          [
            ['many', large],
            ['other', 'new'],
          ],
          { tags: 't' },
        )
        expect(stored).toEqual(['many'])
        await rejection(() => cache.replace('replace', large, { tags: 't' }), 'ERR_CACHE_VALUE_TOO_LARGE')
        expect([...(await cache.getMany(['set', 'many', 'other', 'replace']))]).toEqual([
          ['other', 'new'],
          ['replace', 'old'],
        ])
      },
    },
  ],
}
