import type { LoaderContext } from '@anycache/core'
import { FLAG_METADATA, readMetadata } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import { anything, eventsOf, kirkwall, length, town } from './sample-schemas.js'

/** Entries under a version, and how each write leaves them. */
export const shapeVersions: Capability = {
  name: 'versions of a shape',
  cases: [
    {
      title: 'entries of another version, and of none, are misses and no errors',
      async run(trial) {
        const { cache, limits } = trial
        const [first, second] = [cache.typed(town, { version: 1 }), cache.typed(town, { version: 'two' })]
        await cache.set('none', kirkwall)
        await first.set('first', kirkwall)
        await second.set('second', kirkwall)
        const events = eventsOf(trial)
        const keys = ['none', 'first', 'second']
        expect([...(await first.getMany(keys)).keys()]).toEqual(['first'])
        expect([...(await second.getMany(keys)).keys()]).toEqual(['second'])
        expect(await second.get('first')).toBeUndefined()
        expect(await second.has('none')).toBe(false)
        if (limits.cas) expect(await second.getEntry('first')).toBeUndefined()
        expect(new Set(events.misses.map(([, reason]) => reason))).toEqual(new Set(['unfit']))
        expect(events.errors).toEqual([])
        // Without a version, every entry that fits is a hit.
        expect((await cache.typed(town).getMany(keys)).size).toBe(3)
        expect((await cache.getMany(keys)).size).toBe(3)
        expect(await cache.typed(town, { version: '1' }).has('first')).toBe(true)
      },
    },
    {
      title:
        'every write keeps the version: set, setMany, add, replace, getOrSet, compareAndSet, update, append, prepend, touch',
      async run(trial) {
        const { cache, limits } = trial
        const texts = cache.typed(anything, { version: 7 })
        const others = cache.typed(anything, { version: 8 })
        await texts.set('set', 'v')
        await texts.setMany([['setMany', 'v']])
        await texts.add('add', 'v')
        await cache.set('replace', 'v')
        await texts.replace('replace', 'v')
        await texts.getOrSet('getOrSet', () => 'v')
        await texts.set('touch', 'v')
        expect(await texts.touch('touch', '1h')).toBe(true)
        const keys = ['set', 'setMany', 'add', 'replace', 'getOrSet', 'touch']
        if (limits.cas) {
          for (const key of ['compareAndSet', 'update', 'append', 'prepend']) {
            await texts.set(key, 'v')
            keys.push(key)
          }
          const entry = await texts.getEntry('compareAndSet')
          expect(await texts.compareAndSet('compareAndSet', 'w', entry!.casToken)).toBe('stored')
          expect(await texts.update('update', value => `${value}w`)).toBe('vw')
          expect(await texts.append('append', 'w')).toBe(true)
          expect(await texts.prepend('prepend', 'w')).toBe(true)
        }
        for (const key of keys) {
          expect(await texts.get(key), key).toBeDefined()
          expect(await others.get(key), key).toBeUndefined()
          const item = await trial.raw.get(key)
          expect(readMetadata(item?.metadata as Uint8Array).shape, key).toBe('7')
        }
      },
    },
    {
      title: 'an entry of another version counts as present to add, replace and delete, and getOrSet replaces it',
      async run({ cache }) {
        const [old, now] = [cache.typed(town, { version: 1 }), cache.typed(town, { version: 2 })]
        for (const key of ['add', 'replace', 'delete', 'load', 'take']) await old.set(key, kirkwall)
        expect(await now.add('add', kirkwall)).toBe(false)
        expect(await now.replace('replace', kirkwall)).toBe(true)
        expect(await now.get('replace')).toEqual(kirkwall)
        expect(await now.delete('delete')).toBe(true)
        expect(await now.getOrSet('load', () => ({ name: 'loaded', people: 1 }))).toEqual({ name: 'loaded', people: 1 })
        expect(await old.get('load')).toBeUndefined()
        expect(await now.take('take')).toBeUndefined()
        expect(await old.get('take')).toBeUndefined()
      },
    },
    {
      title: 'update of an entry of another version begins with nothing, and append finds nothing to join to',
      only: limits => limits.cas,
      async run({ cache }) {
        const [old, now] = [cache.typed(anything, { version: 1 }), cache.typed(anything, { version: 2 })]
        await old.set('update', 'old')
        await old.set('append', 'old')
        const seen: unknown[] = []
        const change = (value: unknown): string => {
          seen.push(value)
          return 'new'
        }
        expect(await now.update('update', change)).toBe('new')
        expect(seen).toEqual([undefined])
        expect(await now.get('update')).toBe('new')
        expect(await now.append('append', '!')).toBe(false)
        expect(await old.get('append')).toBe('old')
      },
    },
    {
      title: 'values of every kind keep their version, and a number under one is no counter',
      async run({ cache }) {
        const versioned = cache.typed(anything, { version: 'v1' })
        const values = [
          'text',
          '',
          '41',
          41,
          4.5,
          null,
          true,
          { a: [1] },
          new Map([['k', 1n]]),
          new Uint8Array([0, 255]),
        ]
        for (const [i, value] of [...values, 'long text, '.repeat(5000)].entries()) {
          await versioned.set(`k${i}`, value)
          expect(await versioned.get(`k${i}`)).toStrictEqual(value)
          expect(await cache.get(`k${i}`)).toStrictEqual(value)
        }
        await rejection(() => versioned.increment('k3'), 'ERR_CACHE_NOT_A_COUNTER')
        // A count carries no version.
        expect(await versioned.increment('n')).toBe(1)
        expect(await versioned.get('n')).toBeUndefined()
        expect(await cache.get('n')).toBe(1)
      },
    },
    {
      title: 'without a version, entries are as bare as those of a cache without a schema',
      async run(trial) {
        await trial.cache.set('plain', 41)
        await trial.cache.typed(anything).set('typed', 41)
        const [plain, typed] = [await trial.raw.get('plain'), await trial.raw.get('typed')]
        expect((typed?.flags ?? FLAG_METADATA) & FLAG_METADATA).toBe(0)
        expect(typed?.metadata).toBeUndefined()
        expect(String(typed?.data)).toBe(String(plain?.data))
        expect(await trial.cache.typed(anything).increment('typed')).toBe(42)
      },
    },
    {
      title: 'an entry that lives under a version expires as any other',
      waits: true,
      async run(trial) {
        const versioned = trial.cache.typed(anything, { version: 1 })
        await versioned.set('k', 'v', { ttl: 2000 })
        await versioned.set('stays', 'v')
        await trial.expire(2000)
        expect(await versioned.get('k')).toBeUndefined()
        expect(await versioned.get('stays')).toBe('v')
      },
    },
    {
      title: 'a stale value is what the schema makes of it, is kept by notModified, and is none to another version',
      waits: true,
      async run(trial) {
        const { cache } = trial
        const [old, now] = [cache.typed(length, { version: 1 }), cache.typed(length, { version: 2 })]
        const windows = { ttl: 2000, staleIfError: '1h' } as const
        for (const key of ['kept', 'failed', 'other']) expect(await old.getOrSet(key, () => 'hello', windows)).toBe(5)
        await trial.expire(2000)
        const seen: unknown[] = []
        const keep = ({ stale, notModified }: LoaderContext<number, string>): string => {
          seen.push(stale)
          return stale === undefined ? 'new' : notModified()
        }
        expect(await old.getOrSet('kept', keep, { ...windows, ttl: '1h' })).toBe(5)
        expect(await old.get('kept')).toBe(5)
        expect(await cache.get('kept')).toBe('hello')
        expect(readMetadata((await trial.raw.get('kept'))?.metadata as Uint8Array).shape).toBe('1')
        expect(await old.getOrSet('failed', () => Promise.reject(new Error('no')), windows)).toBe(5)
        expect(await now.getOrSet('other', keep, windows)).toBe(3)
        expect(seen).toEqual([5, undefined])
      },
    },
    {
      title: 'another process sees the version, too',
      only: limits => limits.shared,
      async run(trial) {
        const there = await trial.another()
        await trial.cache.typed(town, { version: 1 }).set('k', kirkwall)
        expect(await there.typed(town, { version: 1 }).get('k')).toEqual(kirkwall)
        expect(await there.typed(town, { version: 2 }).get('k')).toBeUndefined()
      },
    },
  ],
}
