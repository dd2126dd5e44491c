import type { Cache, CasToken, LoaderContext, WriteOptions } from '@anycache/core'
import { createSerializer, FLAG_METADATA, nativeFormat, type Serializer } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { rejection } from '../expectations.js'
import { cas } from '../limits.js'
import { marked } from '../sample-items.js'
import { metadataOf, namesOf } from './stored-metadata.js'

const hour = 3_600_000

/** Every verb that takes tags, on an entry `k` that is there or not as the verb wants it. Resolves what the entry then holds. */
const writes: readonly {
  verb: string
  needsCas?: true
  write: (cache: Cache, options: WriteOptions) => Promise<unknown>
  value: unknown
}[] = [
  { verb: 'set', write: (cache, options) => cache.set('k', 'new', options), value: 'new' },
  { verb: 'setMany', write: (cache, options) => cache.setMany([['k', 'new']], options), value: 'new' },
  {
    verb: 'add',
    write: async (cache, options) => [await cache.delete('k'), await cache.add('k', 'new', options)],
    value: 'new',
  },
  { verb: 'replace', write: (cache, options) => cache.replace('k', 'new', options), value: 'new' },
  {
    verb: 'compareAndSet',
    needsCas: true,
    write: async (cache, options) =>
      cache.compareAndSet('k', 'new', (await cache.getEntry('k'))?.casToken as CasToken, options),
    value: 'new',
  },
  { verb: 'update', needsCas: true, write: (cache, options) => cache.update('k', () => 'new', options), value: 'new' },
  { verb: 'append', needsCas: true, write: (cache, options) => cache.append('k', '+', options), value: 'old+' },
  { verb: 'prepend', needsCas: true, write: (cache, options) => cache.prepend('k', '+', options), value: '+old' },
]

/** What the verbs do that change the value that is there. */
const changes = writes.filter(({ verb }) => ['update', 'append', 'prepend'].includes(verb))
const replacements = writes.filter(write => !changes.includes(write))

function caseOf({ needsCas }: { needsCas?: true }, { title, run }: Pick<Case, 'title' | 'run'>): Case {
  return needsCas === true ? { title, only: cas, run } : { title, run }
}

/** A serializer of another client's format, where entries have no place for tags. */
function foreign(): Serializer {
  return { ...createSerializer(), format: { ...nativeFormat, metadata: false } }
}

export const taggedWrites: Capability = {
  name: 'tagged writes',
  cases: [
    ...writes.map(write =>
      caseOf(write, {
        title: `${write.verb} writes an entry with the tags that the call names`,
        async run(trial) {
          const { cache } = trial
          await cache.set('k', 'old', { tags: 'before' })
          const started = trial.raw.epochNow()
          await write.write(cache, { tags: ['b', 'a', 'b'] })
          expect(await cache.get('k')).toBe(write.value)
          expect(await namesOf(trial)).toEqual(['b', 'a'])
          const metadata = await metadataOf(trial)
          expect(metadata?.created).toBeGreaterThanOrEqual(started)
          expect(metadata).toMatchObject({ softDeadline: undefined, lifetimes: undefined })
          await cache.invalidateTags('before')
          expect(await cache.get('k')).toBe(write.value)
          await cache.invalidateTags('a')
          expect(await cache.get('k')).toBeUndefined()
        },
      }),
    ),
    ...writes.map(write =>
      caseOf(write, {
        title: `${write.verb} with an empty list of tags leaves an entry without tags`,
        async run(trial) {
          const { cache } = trial
          await cache.set('k', 'old', { tags: 'before' })
          await write.write(cache, { tags: [] })
          expect(await cache.get('k')).toBe(write.value)
          expect((await trial.raw.get('k'))?.flags).toBe(0)
        },
      }),
    ),
    ...replacements.map(write =>
      caseOf(write, {
        title: `${write.verb} that names no tags leaves an entry without tags`,
        async run(trial) {
          const { cache } = trial
          await cache.set('k', 'old', { tags: 'before' })
          await write.write(cache, {})
          await cache.invalidateTags('before')
          expect(await cache.get('k')).toBe('new')
          expect((await trial.raw.get('k'))?.flags).toBe(0)
        },
      }),
    ),
    ...changes.map(write =>
      caseOf(write, {
        title: `${write.verb} that names no tags keeps those of the entry, with the versions they had`,
        async run(trial) {
          const { cache } = trial
          await cache.set('k', 'old', { tags: ['a', 'b'] })
          const before = await metadataOf(trial)
          await write.write(cache, {})
          expect(await cache.get('k')).toBe(write.value)
          const after = await metadataOf(trial)
          expect(after?.tags).toEqual(before?.tags)
          expect(after?.nonce).not.toEqual(before?.nonce)
          await cache.invalidateTags('b')
          expect(await cache.get('k')).toBeUndefined()
        },
      }),
    ),
    ...changes.map(write =>
      caseOf(write, {
        title: `${write.verb} drops the soft deadline of an entry, whose ttl starts again`,
        async run(trial) {
          const { cache } = trial
          await cache.set('k', 'old', { tags: 'a' })
          const { tags } = (await metadataOf(trial)) ?? {}
          const lifetimes = { freshFor: hour, staleFor: hour }
          await trial.raw.put(
            'k',
            marked('old', { tags, lifetimes, softDeadline: trial.raw.epochNow() + hour, loadTime: 5 }),
          )
          await write.write(cache, { ttl: '1h' })
          expect(await cache.get('k')).toBe(write.value)
          expect(await metadataOf(trial)).toMatchObject({
            softDeadline: undefined,
            lifetimes: undefined,
            loadTime: undefined,
            tags,
          })
        },
      }),
    ),
    {
      title: 'update of an invalidated entry makes one without its old tags, and append finds nothing',
      only: cas,
      async run(trial) {
        const { cache } = trial
        await cache.setMany(
          [
            ['update', 'old'],
            ['append', 'old'],
          ],
          { tags: 't' },
        )
        await cache.invalidateTags('t')
        expect(await cache.update('update', current => (current === undefined ? 'new' : 'changed'))).toBe('new')
        expect(await cache.get('update')).toBe('new')
        expect(await namesOf(trial, 'update')).toEqual([])
        expect(await cache.append('append', '+')).toBe(false)
        expect(await cache.get('append')).toBeUndefined()
      },
    },
    {
      title: 'update that leaves the entry as it is leaves its tags, whatever the call names',
      only: cas,
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old', { tags: 'a' })
        expect(await cache.update('k', () => undefined, { tags: 'b' })).toBe('old')
        expect(await namesOf(trial)).toEqual(['a'])
      },
    },
    {
      title: 'a write holds its place while its tags are looked up',
      async run({ cache }) {
        const large = 'a large text, '.repeat(20_000)
        for (const value of ['old', large]) {
          const calls = [
            cache.set('k', value),
            cache.set('k', 'tagged', { tags: ['a', 'b'] }),
            cache.get('k'),
            cache.set('k', 'plain'),
            cache.get('k'),
            cache.setMany([['k', value]], { tags: 'c' }),
            cache.get('k'),
            cache.delete('k'),
            cache.add('k', 'added', { tags: 'd' }),
            cache.getMany(['k']),
          ]
          const answers = await Promise.all(calls as Promise<unknown>[])
          const [, , tagged, , plain, , batch, deleted, added, many] = answers
          expect([tagged, plain, batch, deleted, added]).toEqual(['tagged', 'plain', value, true, true])
          expect(many).toEqual(new Map([['k', 'added']]))
        }
      },
    },
    {
      title: 'a value that cannot be encoded leaves the entry and its tags alone',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old', { tags: 'a' })
        await rejection(() => cache.set('k', () => {}, { tags: 'b' }), 'ERR_CACHE_SERIALIZATION')
        expect(await cache.get('k')).toBe('old')
        expect(await namesOf(trial)).toEqual(['a'])
      },
    },
    {
      title: 'tags that are none are refused before anything is sent, and what they name stays',
      async run({ cache }) {
        await cache.set('k', 'v', { tags: 'ok' })
        const wrong: unknown[] = [
          '',
          ['ok', ''],
          ['ok', '\ud800'],
          [1],
          5,
          null,
          { ok: true },
          [['ok']],
          // It can be read once, and an option is read more often.
          ['ok'].values(),
          ['x'.repeat(60_001)],
        ]
        for (const tags of wrong) {
          const options = { tags } as WriteOptions
          for (const { verb, write } of writes) {
            if (verb === 'add' || verb === 'compareAndSet') continue
            await rejection(() => write(cache, options), 'ERR_CACHE_INVALID_ARGUMENT')
          }
          await rejection(() => cache.add('other', 1, options), 'ERR_CACHE_INVALID_ARGUMENT')
          await rejection(() => cache.compareAndSet('k', 1, 'x' as CasToken, options), 'ERR_CACHE_INVALID_ARGUMENT')
          const long = Array.isArray(tags) && tags[0].length > 60_000
          if (!long) await rejection(() => cache.invalidateTags(tags as string[]), 'ERR_CACHE_INVALID_ARGUMENT')
        }
        expect(await cache.get('k')).toBe('v')
        expect(await cache.has('other')).toBe(false)
      },
    },
    {
      title: "a cache of another client's format has no tags, and says so",
      async run(trial) {
        if (trial.raw.formatted({ ...nativeFormat, metadata: false }) === undefined) return
        const cache = trial.open({ serializer: foreign() })
        await cache.set('k', 'old')
        for (const { verb, needsCas, write } of writes) {
          if (verb === 'add' || (needsCas && !trial.limits.cas)) continue
          await rejection(() => write(cache, { tags: 't' }), 'ERR_CACHE_NOT_SUPPORTED')
        }
        await rejection(() => cache.add('other', 1, { tags: 't' }), 'ERR_CACHE_NOT_SUPPORTED')
        await rejection(() => cache.invalidateTags('t'), 'ERR_CACHE_NOT_SUPPORTED')
        const load = (tags: string[]) => (context: LoaderContext) => {
          context.setTags(tags)
          return 'loaded'
        }
        await rejection(() => cache.getOrSet('other', load(['t'])), 'ERR_CACHE_NOT_SUPPORTED')
        expect(await cache.has('other')).toBe(false)
        expect(await cache.getOrSet('other', load([]))).toBe('loaded')
        expect(await cache.get('other')).toBe('loaded')
        expect(await cache.get('k')).toBe('old')
        expect(await cache.set('k', 'new', { tags: [] })).toBe(true)
        expect(await cache.get('k')).toBe('new')
      },
    },
    {
      title: 'an entry without tags is as bare as ever',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'v')
        await cache.setMany([['n', 5]])
        for (const key of ['k', 'n']) {
          const item = await trial.raw.get(key)
          expect((item?.flags as number) & FLAG_METADATA).toBe(0)
          expect(item?.metadata).toBeUndefined()
        }
      },
    },
  ],
}
