import { type Metadata, readMetadata } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { all, rejection } from '../expectations.js'
import { absentItems, expectItem, marked } from '../sample-items.js'
import type { Trial } from '../trial.js'

const hour = 3_600_000

/** Puts metadata on an entry that the cache wrote, as another cache over the same store does. */
async function mark(trial: Trial, key: string, metadata: Metadata): Promise<void> {
  const item = await trial.raw.get(key)
  if (item === undefined) throw new Error(`nothing lies under ${key}`)
  await trial.raw.put(key, marked(item.data, metadata, item.flags))
}

function eventsOf(trial: Trial): { errors: unknown[]; misses: string[] } {
  const events: { errors: unknown[]; misses: string[] } = { errors: [], misses: [] }
  trial.cache.on('error', ({ error }) => events.errors.push(error))
  trial.cache.on('miss', ({ key }) => events.misses.push(key))
  return events
}

/** What counts as absent: nothing to any verb, and no failure of one. */
function casesOf(name: string, put: (trial: Trial, ...keys: string[]) => Promise<void>): Case[] {
  return [
    {
      title: `${name} is a miss to every read, and no error`,
      async run(trial) {
        const { cache, limits } = trial
        const events = eventsOf(trial)
        await put(trial, 'get', 'has', 'many', 'entry', 'take')
        expect(await cache.get('get')).toBeUndefined()
        expect(await cache.has('has')).toBe(false)
        expect(await cache.getMany(['many', 'nothing'])).toEqual(new Map())
        if (limits.cas) expect(await cache.getEntry('entry')).toBeUndefined()
        expect(await cache.take('take')).toBeUndefined()
        expect(events.errors).toEqual([])
        expect(events.misses).toEqual(['get', 'has', 'many', 'nothing', ...(limits.cas ? ['entry'] : []), 'take'])
        expect(cache.stats()).toMatchObject({ hits: 0, errors: 0 })
        // Taken for good: nothing lies there to be added to.
        expect(await trial.raw.get('take')).toBeUndefined()
      },
    },
    {
      title: `${name} is nothing to add, replace, touch, delete and deleteMany`,
      async run(trial) {
        const { cache } = trial
        const { errors } = eventsOf(trial)
        await put(trial, 'add', 'replace', 'touch', 'delete', 'many')
        expect(await cache.add('add', 'v')).toBe(true)
        expect(await cache.get('add')).toBe('v')
        expect(await cache.replace('replace', 'v')).toBe(false)
        expect(await cache.has('replace')).toBe(false)
        expect(await cache.touch('touch', '1h')).toBe(false)
        expect(await cache.delete('delete')).toBe(false)
        expect(await cache.deleteMany(['many', 'add', 'nothing'])).toBe(1)
        for (const key of ['delete', 'many']) expect(await trial.raw.get(key)).toBeUndefined()
        expect(errors).toEqual([])
      },
    },
    {
      title: `${name} is no counter: increment counts from initial over it`,
      async run(trial) {
        const { cache } = trial
        await put(trial, 'up', 'down', 'never')
        expect(await cache.increment('up', 5, { initial: 10 })).toBe(15)
        expect(await cache.increment('up')).toBe(16)
        expect(await cache.decrement('down', 1, { initial: 10 })).toBe(9)
        expect(await cache.increment('never', 1, { create: false })).toBeUndefined()
        expect(await cache.get('up')).toBe(16)
      },
    },
    {
      title: `${name} is nothing to update, append and prepend`,
      only: limits => limits.cas,
      async run(trial) {
        const { cache } = trial
        const { errors } = eventsOf(trial)
        await put(trial, 'update', 'append', 'prepend')
        const seen: unknown[] = []
        await cache.update('update', current => {
          seen.push(current)
          return 'updated'
        })
        expect(seen).toEqual([undefined])
        expect(await cache.get('update')).toBe('updated')
        expect(await cache.append('append', 'x')).toBe(false)
        expect(await cache.prepend('prepend', 'x')).toBe(false)
        expect(errors).toEqual([])
      },
    },
    {
      title: `${name} is not listed by keys()`,
      only: limits => limits.keys,
      async run(trial) {
        await trial.cache.set('there', 'v')
        await put(trial, 'not there')
        expect(await all(trial.cache.keys())).toEqual(['there'])
      },
    },
    {
      title: `${name} is loaded over by getOrSet, and written over by set and setMany`,
      async run(trial) {
        const { cache } = trial
        const { errors } = eventsOf(trial)
        await put(trial, 'load', 'set', 'many')
        expect(await cache.getOrSet('load', () => ({ loaded: 1 }))).toEqual({ loaded: 1 })
        expect(await cache.get('load')).toEqual({ loaded: 1 })
        expect(await cache.set('set', 'v')).toBe(true)
        expect(await cache.setMany([['many', 'v']])).toEqual([])
        expect([...(await cache.getMany(['set', 'many'])).values()]).toEqual(['v', 'v'])
        expect(errors).toEqual([])
      },
    },
  ]
}

/** Values of every codec: text, number, JSON, structured clone, bytes, compressed. */
const values: Record<string, () => unknown> = {
  text: () => 'text',
  digits: () => '41',
  number: () => 41,
  object: () => ({ a: [1, null] }),
  map: () => new Map([['k', 1n]]),
  bytes: () => Buffer.from([0, 255]),
  long: () => 'long text, '.repeat(2000),
}

export const markedEntries: Capability = {
  name: 'leases and metadata',
  cases: [
    ...Object.entries(absentItems).flatMap(([name, item]) =>
      casesOf(name, async (trial, ...keys) => {
        for (const key of keys) await trial.raw.put(key, item())
      }),
    ),
    ...Object.keys(values).map(kind => ({
      title: `a ${kind} whose soft deadline has passed is a miss and no error`,
      async run(trial: Trial) {
        const { errors } = eventsOf(trial)
        await trial.cache.set('k', values[kind]!())
        await mark(trial, 'k', { softDeadline: trial.raw.epochNow() - 1, loadTime: 5 })
        expect(await trial.cache.get('k')).toBeUndefined()
        expect(await trial.cache.add('k', 'new')).toBe(true)
        expect(errors).toEqual([])
      },
    })),
    ...Object.keys(values).map(kind => ({
      title: `a ${kind} with metadata reads as its value, from every read`,
      async run(trial: Trial) {
        const { cache } = trial
        for (const metadata of [
          { softDeadline: trial.raw.epochNow() + hour, created: trial.raw.epochNow() },
          { nonce: Buffer.from('8 random') },
        ]) {
          await cache.set('k', values[kind]!())
          await mark(trial, 'k', metadata)
          const expected = values[kind]!()
          expect(await cache.get('k')).toStrictEqual(expected)
          expect(await cache.has('k')).toBe(true)
          expect(await cache.getMany(['k'])).toStrictEqual(new Map([['k', expected]]))
          if (trial.limits.cas) expect((await cache.getEntry('k'))?.value).toStrictEqual(expected)
          expect(await cache.getOrSet('k', () => 'never')).toStrictEqual(expected)
          expect(await cache.take('k')).toStrictEqual(expected)
        }
      },
    })),
    {
      title: 'an entry with metadata is there to every write',
      async run(trial) {
        const { cache, limits } = trial
        const keys = ['add', 'replace', 'delete', 'many', 'update', 'append', 'swap', 'set']
        for (const key of keys) {
          await cache.set(key, 'text')
          await mark(trial, key, { softDeadline: trial.raw.epochNow() + hour })
        }
        expect(await cache.add('add', 'v')).toBe(false)
        expect(await cache.replace('replace', 'v')).toBe(true)
        expect(await cache.get('replace')).toBe('v')
        expect(await cache.delete('delete')).toBe(true)
        expect(await cache.deleteMany(['many', 'nothing'])).toBe(1)
        expect(await cache.set('set', 'v')).toBe(true)
        expect(await cache.get('set')).toBe('v')
        if (limits.keys)
          expect((await all(cache.keys())).sort()).toEqual(['add', 'append', 'replace', 'set', 'swap', 'update'])
        if (!limits.cas) return
        expect(await cache.update<string>('update', current => `${current}, updated`)).toBe('text, updated')
        expect(await cache.append('append', '!')).toBe(true)
        expect(await cache.get('append')).toBe('text!')
        const entry = await cache.getEntry('swap')
        expect(await cache.compareAndSet('swap', 'swapped', entry!.casToken)).toBe('stored')
        expect(await cache.compareAndSet('swap', 'never', entry!.casToken)).toBe('conflict')
      },
    },
    {
      title: 'a number with metadata is no counter',
      async run(trial) {
        await trial.cache.set('k', 41)
        await mark(trial, 'k', { softDeadline: trial.raw.epochNow() + hour })
        await rejection(() => trial.cache.increment('k'), 'ERR_CACHE_NOT_A_COUNTER')
        expect(await trial.cache.get('k')).toBe(41)
      },
    },
    {
      title: 'touch moves the soft deadline of an entry with its ttl, and keeps all else of it',
      async run(trial) {
        const { cache } = trial
        const created = trial.raw.epochNow() - 5000
        for (const [ttl, ms] of [
          ['1h', hour],
          [Number.POSITIVE_INFINITY, undefined],
        ] as const) {
          await cache.set('k', { a: 1 })
          await mark(trial, 'k', { softDeadline: trial.raw.epochNow() + 60_000, created, loadTime: 7 })
          const before = await trial.raw.get('k')
          const touched = trial.raw.epochNow()
          expect(await cache.touch('k', ttl)).toBe(true)
          expect(await cache.get('k')).toEqual({ a: 1 })
          const after = await trial.raw.get('k')
          expectItem(after, { ...before!, flags: before!.flags, data: before!.data, metadata: after?.metadata })
          const metadata = readMetadata(after?.metadata as Uint8Array)
          expect(metadata).toMatchObject({ created, loadTime: 7 })
          if (ms === undefined) expect(metadata.softDeadline).toBeUndefined()
          else expect(metadata.softDeadline).toBeGreaterThanOrEqual(touched + ms)
        }
      },
    },
    {
      title: 'touch gives an entry with metadata another life',
      waits: true,
      async run(trial) {
        const { cache } = trial
        for (const key of ['longer', 'shorter']) {
          await cache.set(key, 'v')
          await mark(trial, key, { softDeadline: trial.raw.epochNow() + hour })
        }
        const item = await trial.raw.get('longer')
        await trial.raw.put('longer', { flags: item!.flags, data: item!.data, metadata: item!.metadata }, 3000)
        expect(await cache.touch('longer', '10m')).toBe(true)
        expect(await cache.touch('shorter', 3000)).toBe(true)
        await trial.expire(3000)
        expect(await cache.get('longer')).toBe('v')
        expect(await cache.get('shorter')).toBeUndefined()
        expect(await trial.raw.get('shorter')).toBeUndefined()
      },
    },
    {
      title: 'an entry with tags is a miss and no error, and is there to every write',
      async run(trial) {
        const { cache } = trial
        const { errors } = eventsOf(trial)
        const tags = new Map([['a tag', Buffer.from('version1')]])
        for (const key of ['read', 'add', 'replace', 'touch', 'delete', 'load']) {
          await cache.set(key, 'tagged')
          await mark(trial, key, { tags })
        }
        expect(await cache.get('read')).toBeUndefined()
        expect(await cache.has('read')).toBe(false)
        expect(await cache.getMany(['read'])).toEqual(new Map())
        expect(await cache.add('add', 'v')).toBe(false)
        expect(await cache.replace('replace', 'v')).toBe(true)
        expect(await cache.touch('touch', '1h')).toBe(true)
        expect(await cache.delete('delete')).toBe(true)
        expect(await cache.getOrSet('load', () => 'loaded')).toBe('loaded')
        expect(await cache.get('load')).toBe('loaded')
        expect(errors).toEqual([])
      },
    },
    {
      title: 'unreadable metadata makes the entry a miss and one event',
      async run(trial) {
        const { cache } = trial
        const { errors } = eventsOf(trial)
        await cache.set('k', 'text')
        const item = (await trial.raw.get('k'))!
        const readable = marked(item.data, {}, item.flags)
        // A section of a type that a reader must understand.
        const metadata = Buffer.concat([readable.metadata as Uint8Array, Buffer.from([255, 0, 0])])
        metadata.writeUInt16BE(metadata.length, 1)
        await trial.raw.put('k', { ...readable, metadata })
        expect(await cache.get('k')).toBeUndefined()
        expect(errors).toMatchObject([{ code: 'ERR_CACHE_SERIALIZATION', op: 'get', key: 'k' }])
        expect(await cache.add('k', 'v')).toBe(false)
        expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
        expect(await cache.get('k')).toBe('loaded')
      },
    },
  ],
}
