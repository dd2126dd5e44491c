import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all, hits } from '../expectations.js'
import type { Trial } from '../trial.js'

/** Tags of every form that a string may have. */
const tagForms = [
  't',
  ' ',
  'with spaces and\nlines',
  'тег',
  '🏷️',
  '~',
  '~tags',
  'a:b/c',
  '__proto__',
  'x'.repeat(5000),
  `${'x'.repeat(5000)}y`,
]

/** Deletes what is known of the tags under the cache, as a server does that has no room. */
async function evict(trial: Trial, ...tags: string[]): Promise<void> {
  const versions = trial.raw.nested('~tags')
  for (const tag of tags) await versions.remove(tag, undefined, trial.raw.call())
}

/** Whether a version of the tag is kept. */
async function isKept(trial: Trial, tag: string): Promise<boolean> {
  return (await trial.raw.get(tag, trial.raw.nested('~tags'))) !== undefined
}

export const tags: Capability = {
  name: 'tags',
  cases: [
    {
      title: 'an entry is a hit until one of its tags is invalidated, and a miss from then on',
      async run({ cache }) {
        await cache.set('one', 1, { tags: 'a' })
        await cache.set('two', { b: 2 }, { tags: ['a', 'b'] })
        await cache.set('three', 'text', { tags: ['b'] })
        await cache.set('none', 'v')
        expect(await hits(cache, 'one', 'two', 'three', 'none')).toEqual(['one', 'two', 'three', 'none'])
        expect(await cache.get('two')).toEqual({ b: 2 })
        await cache.invalidateTags('a')
        expect(await hits(cache, 'one', 'two', 'three', 'none')).toEqual(['three', 'none'])
        expect(await cache.get('two')).toBeUndefined()
        await cache.invalidateTags(['b'])
        expect(await hits(cache, 'one', 'two', 'three', 'none')).toEqual(['none'])
      },
    },
    {
      title: 'one call invalidates what has any of its tags, each named once or more',
      async run({ cache }) {
        await cache.setMany([['a', 1]], { tags: ['t1', 't1', 't1'] })
        await cache.set('b', 2, { tags: ['t2'] })
        await cache.set('c', 3, { tags: ['t3'] })
        await cache.invalidateTags(['t1', 't2', 't1'])
        expect(await hits(cache, 'a', 'b', 'c')).toEqual(['c'])
        expect(cache.stats().invalidations).toBe(2)
      },
    },
    {
      title: 'a tag may be any string',
      async run({ cache }) {
        for (const [i, tag] of tagForms.entries()) await cache.set(`k${i}`, i, { tags: [tag] })
        const keys = tagForms.map((_, i) => `k${i}`)
        for (const [i, tag] of tagForms.entries()) {
          expect(await hits(cache, ...keys)).toEqual(keys.slice(i))
          await cache.invalidateTags(tag)
        }
        expect(await hits(cache, ...keys)).toEqual([])
      },
    },
    {
      title: 'an invalidated entry is a miss to every read, for this reason, and no error',
      async run({ cache, limits }) {
        const errors: unknown[] = []
        const misses: unknown[] = []
        cache.on('error', ({ error }) => errors.push(error))
        cache.on('miss', ({ key, outage, reason }) => misses.push([key, outage, reason]))
        const keys = ['get', 'has', 'many', 'take', ...(limits.cas ? ['entry', 'update'] : [])]
        await cache.setMany(
          keys.map(key => [key, 'old']),
          { tags: 't' },
        )
        await cache.invalidateTags('t')
        expect(await cache.get('get')).toBeUndefined()
        expect(await cache.has('has')).toBe(false)
        expect(await cache.getMany(['many'])).toEqual(new Map())
        expect(await cache.take('take')).toBeUndefined()
        if (limits.cas) {
          expect(await cache.getEntry('entry')).toBeUndefined()
          expect(await cache.update('update', current => `${current}`)).toBe('undefined')
          expect(await cache.get('update')).toBe('undefined')
        }
        expect(misses).toEqual(keys.map(key => [key, false, 'invalidated']))
        expect(errors).toEqual([])
        expect(cache.stats()).toMatchObject({ invalidatedMisses: keys.length, outageMisses: 0 })
      },
    },
    {
      title: 'an invalidated entry is there to add, replace, touch and delete, and gone once it was taken',
      async run(trial) {
        const { cache } = trial
        const keys = ['add', 'replace', 'touch', 'delete', 'take', 'count']
        await cache.setMany(
          keys.map(key => [key, 41]),
          { tags: 't' },
        )
        await cache.invalidateTags('t')
        expect(await cache.add('add', 'new')).toBe(false)
        expect(await cache.replace('replace', 'new')).toBe(true)
        expect(await cache.get('replace')).toBe('new')
        expect(await cache.touch('touch', '1h')).toBe(true)
        expect(await cache.get('touch')).toBeUndefined()
        expect(await cache.delete('delete')).toBe(true)
        expect(await cache.delete('delete')).toBe(false)
        expect(await cache.take('take')).toBeUndefined()
        expect(await trial.raw.get('take')).toBeUndefined()
        await expect(cache.increment('count')).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_A_COUNTER' })
      },
    },
    {
      title: 'getOrSet replaces an invalidated entry',
      async run({ cache }) {
        await cache.set('k', 'old', { tags: 't' })
        expect(await cache.getOrSet('k', () => 'loaded')).toBe('old')
        await cache.invalidateTags('t')
        expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
        expect(await cache.get('k')).toBe('loaded')
      },
    },
    {
      title: 'what was written after an invalidation is a hit, and what was written before it never again',
      async run({ cache }) {
        for (let round = 0; round < 20; round++) {
          const tag = `t${round % 2}`
          await cache.set('old', round, { tags: tag })
          await cache.invalidateTags(tag)
          await cache.set('new', round, { tags: tag })
          expect(await hits(cache, 'old', 'new')).toEqual(['new'])
        }
      },
    },
    {
      title: 'calls that nobody waits for take effect in their order',
      async run({ cache }) {
        for (let round = 0; round < 20; round++) {
          // Every other round with a tag that nobody has used yet.
          const tags = round % 2 === 0 ? 'known' : `t${round}`
          const done = [
            cache.set('before', round, { tags }),
            cache.setMany([['before too', round]], { tags }),
            cache.invalidateTags(tags),
            cache.set('after', round, { tags }),
            cache.setMany([['after too', round]], { tags }),
          ]
          await Promise.all(done)
          expect(await hits(cache, 'before', 'before too', 'after', 'after too')).toEqual(['after', 'after too'])
        }
      },
    },
    {
      title: 'a hundred writers of one tag at once are all invalidated',
      async run({ cache }) {
        const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
        await Promise.all(keys.map(key => cache.set(key, 'v', { tags: ['t', key] })))
        expect(await hits(cache, ...keys)).toEqual(keys)
        await cache.invalidateTags('t')
        expect(await hits(cache, ...keys)).toEqual([])
      },
    },
    {
      title: 'the tags of an entry are those of its last write',
      async run({ cache }) {
        await cache.set('k', 1, { tags: 'a' })
        await cache.set('k', 2, { tags: 'b' })
        await cache.invalidateTags('a')
        expect(await cache.get('k')).toBe(2)
        await cache.invalidateTags('b')
        expect(await cache.get('k')).toBeUndefined()
        await cache.set('k', 3, { tags: 'a' })
        await cache.set('k', 4)
        await cache.invalidateTags('a')
        expect(await cache.get('k')).toBe(4)
      },
    },
    {
      title: 'tags end with their entry: deleted, taken, cleared or expired',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.set('expired', 'old', { tags: 't', ttl: 100 })
        await trial.expire(100)
        await cache.setMany(
          ['deleted', 'taken', 'cleared'].map(key => [key, 'old']),
          { tags: 't' },
        )
        await cache.delete('deleted')
        expect(await cache.take('taken')).toBe('old')
        await cache.clear()
        const keys = ['expired', 'deleted', 'taken', 'cleared']
        await cache.setMany(keys.map(key => [key, 'new']))
        await cache.invalidateTags('t')
        expect(await hits(cache, ...keys)).toEqual(keys)
      },
    },
    {
      title: 'after a clear, tags work as before',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old', { tags: 't' })
        await cache.clear()
        expect(await cache.get('k')).toBeUndefined()
        await cache.set('k', 'new', { tags: 't' })
        // Nobody waits for the clear.
        const cleared = cache.clear()
        await cache.set('after', 'v', { tags: 't' })
        await cleared
        expect(await hits(cache, 'k', 'after')).toEqual(['after'])
        await cache.invalidateTags('t')
        expect(await hits(cache, 'k', 'after')).toEqual([])
      },
    },
    {
      title: 'an entry whose tag was evicted is a miss for ever, also when the tag is used again',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old', { tags: ['kept', 'lost'] })
        expect(await isKept(trial, 'lost')).toBe(true)
        await evict(trial, 'lost')
        expect(await cache.get('k')).toBeUndefined()
        await cache.set('other', 'v', { tags: 'lost' })
        expect(await hits(cache, 'k', 'other')).toEqual(['other'])
        await evict(trial, 'lost')
        await cache.invalidateTags('lost')
        expect(await hits(cache, 'k', 'other')).toEqual([])
        await cache.set('k', 'new', { tags: ['kept', 'lost'] })
        expect(await cache.get('k')).toBe('new')
      },
    },
    {
      title: 'no more than one key is kept for each tag',
      only: limits => limits.keys,
      async run(trial) {
        const { cache, raw } = trial
        await cache.setMany(
          Array.from({ length: 50 }, (_, i) => [`k${i}`, i]),
          { tags: ['a', 'b'] },
        )
        await cache.invalidateTags(['a', 'b', 'c'])
        await cache.deleteMany(Array.from({ length: 50 }, (_, i) => `k${i}`))
        expect(await all(cache.keys())).toEqual([])
        // Neither the cache nor a namespace of it lists them.
        expect(await raw.keys('*', raw.nested('~tags'))).toEqual([])
        for (const tag of ['a', 'b', 'c']) expect(await isKept(trial, tag)).toBe(true)
      },
    },
    {
      title: 'invalidateTags says so in an event',
      async run(trial) {
        const { cache } = trial
        const seen: unknown[] = []
        cache.on('invalidate', detail => seen.push(detail))
        await cache.namespace('nested').invalidateTags(['a', 'b', 'a'])
        await cache.invalidateTags([])
        expect(seen).toEqual([{ tags: ['a', 'b'], namespace: trial.namespace }])
        expect(cache.stats().invalidations).toBe(2)
      },
    },
  ],
}
