import type { CacheError, LoaderContext, StandardSchema, TypedCache } from '@anycache/core'
import { CODEC_BYTES, FLAG_METADATA, readMetadata } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { outcomeOf, rejection, thrown } from '../expectations.js'
import { observedLoader, whenCalled } from '../observed-loader.js'
import type { Trial } from '../trial.js'

type Validate<Output> = StandardSchema<unknown, Output>['~standard']['validate']

function schemaOf<Input, Output = Input>(validate: Validate<Output>): StandardSchema<Input, Output> {
  return { '~standard': { version: 1, vendor: 'conformance', validate } }
}

interface Town {
  name: string
  people: number
}

const checkTown: Validate<Town> = value => {
  const { name, people } = (value ?? {}) as Partial<Town>
  const issues = [
    ...(typeof name === 'string' ? [] : [{ message: 'a name is text', path: ['name'] }]),
    ...(typeof people === 'number' ? [] : [{ message: 'people are counted', path: [{ key: 'people' }] }]),
  ]
  return issues.length > 0 ? { issues } : { value: value as Town }
}

const town = schemaOf<Town>(checkTown)
/** Answers by a promise, whatever it is asked. */
const slowTown = schemaOf<Town>(async value => {
  await new Promise(resolve => setTimeout(resolve, 5))
  return checkTown(value)
})
/** Text, which reads as its length. */
const length = schemaOf<string, number>(value =>
  typeof value === 'string' ? { value: value.length } : { issues: [{ message: 'not text' }] },
)
/** Text, which reads in capitals. */
const capitals = schemaOf<string>(value =>
  typeof value === 'string' ? { value: value.toUpperCase() } : { issues: [{ message: 'not text' }] },
)
const short = schemaOf<string>(value =>
  typeof value === 'string' && value.length <= 5 ? { value } : { issues: [{ message: 'too long' }] },
)
const anything = schemaOf<unknown>(value => ({ value }))
const broken = schemaOf<unknown>(() => {
  throw new Error('of the schema')
})
const brokenLater = schemaOf<unknown>(async () => {
  throw new Error('of the schema')
})

const kirkwall: Town = { name: 'Kirkwall', people: 10_000 }
const ruin = { name: 'Skara Brae', people: 'none' }

interface Events {
  readonly errors: CacheError[]
  readonly misses: [string, string][]
}

function eventsOf({ cache }: Pick<Trial, 'cache'>): Events {
  const events: Events = { errors: [], misses: [] }
  cache.on('error', ({ error }) => events.errors.push(error))
  cache.on('miss', ({ key, reason }) => events.misses.push([key, reason]))
  return events
}

/** Every write of a value, each to a key of its own that holds `kirkwall` where it has to. */
const writes: Record<string, (towns: TypedCache<Town>, value: Town, key: string) => Promise<unknown>> = {
  set: (towns, value, key) => towns.set(key, value),
  setMany: (towns, value, key) =>
    towns.setMany([
      [`${key} that fits`, kirkwall],
      [key, value],
    ]),
  add: (towns, value, key) => towns.add(key, value),
  replace: (towns, value, key) => towns.replace(key, value),
  compareAndSet: async (towns, value, key) => {
    const entry = await towns.getEntry(key)
    return towns.compareAndSet(key, value, entry!.casToken)
  },
  update: (towns, value, key) => towns.update(key, () => value),
}
const comparing = ['compareAndSet', 'update']

function casesOf(how: string, schema: StandardSchema<Town>): Case[] {
  return [
    {
      title: `${how}: what fits is written and read as without it`,
      async run({ cache }) {
        const towns = cache.typed(schema)
        expect(await towns.set('a', kirkwall)).toBe(true)
        expect(await towns.setMany([['b', kirkwall]])).toEqual([])
        expect(await towns.add('c', kirkwall)).toBe(true)
        expect(await towns.replace('c', { name: 'Stromness', people: 2000 })).toBe(true)
        expect(await towns.get('a')).toEqual(kirkwall)
        expect(await towns.has('a')).toBe(true)
        expect([...(await towns.getMany(['a', 'nothing', 'c'])).keys()]).toEqual(['a', 'c'])
        expect(await towns.getOrSet('a', () => ({ name: 'never', people: 0 }))).toEqual(kirkwall)
        expect(await towns.getOrSet('d', () => kirkwall)).toEqual(kirkwall)
        expect(await cache.get('d')).toEqual(kirkwall)
        expect(await towns.take('c')).toEqual({ name: 'Stromness', people: 2000 })
        expect(cache.stats()).toMatchObject({ errors: 0, unfitMisses: 0 })
      },
    },
    {
      title: `${how}: what does not fit is a miss to every read, and one error event that names no value`,
      async run(trial) {
        const { cache, limits } = trial
        const towns = cache.typed(schema)
        const keys = ['get', 'has', 'many', 'take', ...(limits.cas ? ['entry'] : [])]
        await cache.setMany([...keys.map(key => [key, ruin] as const), ['fits', kirkwall]])
        const events = eventsOf(trial)
        expect(await towns.get('get')).toBeUndefined()
        expect(await towns.has('has')).toBe(false)
        expect(await towns.getMany(['fits', 'many'])).toEqual(new Map([['fits', kirkwall]]))
        expect(await towns.take('take')).toBeUndefined()
        if (limits.cas) expect(await towns.getEntry('entry')).toBeUndefined()
        expect(events.misses).toEqual(keys.map(key => [key, 'unfit']))
        expect(events.errors.map(({ code, key }) => [code, key])).toEqual(
          keys.map(key => ['ERR_CACHE_SERIALIZATION', key]),
        )
        for (const { message } of events.errors) {
          expect(message).toMatch(/does not fit the schema.*at people/)
          expect(message).not.toContain('counted')
        }
        expect(cache.stats()).toMatchObject({
          hits: 1,
          misses: keys.length,
          unfitMisses: keys.length,
          errors: keys.length,
        })
        // It is there to whoever does not ask for a town; what was taken is gone.
        expect(await cache.get('get')).toEqual(ruin)
        expect(await cache.get('take')).toBeUndefined()
      },
    },
    ...Object.entries(writes).map(
      ([verb, write]): Case => ({
        title: `${how}: ${verb} of what does not fit rejects with its issues, and stores nothing`,
        only: limits => limits.cas || !comparing.includes(verb),
        async run(trial) {
          const { cache } = trial
          const towns = cache.typed(schema)
          if (verb !== 'add') await cache.set('k', kirkwall)
          const events = eventsOf(trial)
          const error = await rejection(
            () => write(towns, { name: 1, people: '2' } as never, 'k'),
            'ERR_CACHE_INVALID_ARGUMENT',
          )
          expect(error).toMatchObject({ op: verb, key: 'k' })
          expect(error.message).toMatch(/name: a name is text; people: people are counted/)
          expect(await cache.get('k')).toEqual(verb === 'add' ? undefined : kirkwall)
          expect(await cache.has('k that fits')).toBe(false)
          expect(events.errors).toEqual([])
          // The next one is not behind it.
          if (verb !== 'add') await write(towns, { name: 'Stromness', people: 2000 }, 'k')
          if (verb !== 'add') expect(await towns.get('k')).toEqual({ name: 'Stromness', people: 2000 })
        },
      }),
    ),
    {
      title: `${how}: a loaded value that does not fit rejects every caller, and is not stored`,
      async run(trial) {
        const { cache } = trial
        const towns = cache.typed(schema)
        let loads = 0
        const load = async (): Promise<Town> => {
          loads++
          await new Promise(resolve => setTimeout(resolve, 5))
          return ruin as unknown as Town
        }
        const calls = [towns.getOrSet('k', load), towns.getOrSet('k', load)]
        for (const call of calls) {
          const error = await rejection(() => call, 'ERR_CACHE_INVALID_ARGUMENT')
          expect(error).toMatchObject({ op: 'getOrSet', key: 'k' })
          expect(error.message).toContain('people: people are counted')
        }
        expect(loads).toBe(1)
        expect(await cache.has('k')).toBe(false)
        expect(await towns.getOrSet('k', () => kirkwall)).toEqual(kirkwall)
      },
    },
    {
      title: `${how}: getOrSet loads over an entry that does not fit`,
      async run(trial) {
        const { cache } = trial
        await cache.set('k', ruin)
        const events = eventsOf(trial)
        expect(await cache.typed(schema).getOrSet('k', () => kirkwall)).toEqual(kirkwall)
        expect(await cache.get('k')).toEqual(kirkwall)
        expect(events.misses).toEqual([['k', 'unfit']])
        expect(events.errors).toHaveLength(1)
      },
    },
    {
      title: `${how}: the schema of one call checks what is read and what is loaded`,
      async run({ cache }) {
        await cache.set('k', ruin)
        expect(await cache.getOrSet('k', () => kirkwall, { schema })).toEqual(kirkwall)
        await rejection(
          () => cache.getOrSet('l', () => ruin as unknown as Town, { schema }),
          'ERR_CACHE_INVALID_ARGUMENT',
        )
        expect(await cache.has('l')).toBe(false)
        const find = cache.wrap(async (name: string) => ({ name, people: 1 }), { key: name => name, schema })
        await cache.set('Kirkwall', ruin)
        expect(await find('Kirkwall')).toEqual({ name: 'Kirkwall', people: 1 })
      },
    },
    {
      title: `${how}: calls on a key keep their order`,
      async run({ cache }) {
        const towns = cache.typed(schema)
        const sizes = [1, 2, 3]
        const written = sizes.map(people => towns.set('k', { name: 'k', people }))
        const read = cache.get('k')
        expect(await Promise.all(written)).toEqual([true, true, true])
        expect(await read).toEqual({ name: 'k', people: 3 })
      },
    },
  ]
}

/** Entries under a version, and how each write leaves them. */
const versionCases: Case[] = [
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
      const values = ['text', '', '41', 41, 4.5, null, true, { a: [1] }, new Map([['k', 1n]]), new Uint8Array([0, 255])]
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
]

export const typed: Capability = {
  name: 'typed values',
  cases: [
    ...casesOf('a schema', town),
    ...casesOf('a schema that answers by a promise', slowTown),
    ...versionCases,
    {
      title: 'what is stored is what was written, and what is read is what the schema makes of it',
      async run({ cache, limits }) {
        const lengths = cache.typed(length)
        await lengths.set('set', 'four')
        await lengths.setMany([['many', 'three']])
        await lengths.add('add', 'v')
        expect(await lengths.getOrSet('load', () => 'loaded')).toBe(6)
        expect(await lengths.getOrSet('load', () => 'never')).toBe(6)
        expect([...(await lengths.getMany(['set', 'many', 'add', 'load']))]).toEqual([
          ['set', 4],
          ['many', 5],
          ['add', 1],
          ['load', 6],
        ])
        expect([...(await cache.getMany(['set', 'many', 'add', 'load'])).values()]).toEqual([
          'four',
          'three',
          'v',
          'loaded',
        ])
        expect(await lengths.take('set')).toBe(4)
        if (!limits.cas) return
        expect((await lengths.getEntry('many'))?.value).toBe(5)
        const seen: unknown[] = []
        const longer = (now: number | undefined): string => {
          seen.push(now)
          return 'x'.repeat((now ?? 0) + 1)
        }
        expect(await lengths.update('many', longer)).toBe(6)
        expect(await lengths.update('new', longer)).toBe(1)
        expect(seen).toEqual([5, undefined])
        expect(await lengths.update('many', () => undefined)).toBe(6)
        expect(await cache.get('many')).toBe('xxxxxx')
      },
    },
    {
      title: 'callers of one load get what the schema makes of it, a copy each',
      async run({ cache }) {
        const boxed = cache.typed(
          schemaOf<{ n: number }, { box: { n: number } }>(value => ({ value: { box: value as { n: number } } })),
        )
        const load = async (): Promise<{ n: number }> => {
          await new Promise(resolve => setTimeout(resolve, 5))
          return { n: 1 }
        }
        const [a, b] = await Promise.all([boxed.getOrSet('k', load), boxed.getOrSet('k', load)])
        expect([a, b]).toEqual([{ box: { n: 1 } }, { box: { n: 1 } }])
        expect(a.box).not.toBe(b.box)
        a.box.n = 2
        expect(await boxed.get('k')).toEqual({ box: { n: 1 } })
      },
    },
    {
      title: 'callers of one load have their own schema each, and reject by themselves where the value does not fit it',
      async run({ cache }) {
        const slow = observedLoader(() => 'hello!')
        const plain = cache.getOrSet<unknown>('k', slow.load)
        await whenCalled(slow.called, plain)
        const measured = cache.typed(length).getOrSet('k', slow.load)
        const loud = cache.getOrSet<string>('k', slow.load, { schema: capitals })
        const picky = outcomeOf(cache.typed(short).getOrSet('k', slow.load))
        await new Promise(resolve => setTimeout(resolve, 5))
        slow.finish()
        expect(await plain).toBe('hello!')
        expect(await measured).toBe(6)
        expect(await loud).toBe('HELLO!')
        expect(await picky).toMatchObject({ error: { code: 'ERR_CACHE_INVALID_ARGUMENT', op: 'getOrSet', key: 'k' } })
        expect(cache.stats().joins).toBe(3)
        expect(await cache.get('k')).toBe('hello!')
      },
    },
    {
      title: 'getOrSetMany checks what it reads and what it loads',
      async run(trial) {
        const { cache } = trial
        const lengths = cache.typed(length, { version: 1 })
        await lengths.set('there', 'four')
        await cache.set('other', 'without a version')
        const asked: (readonly string[])[] = []
        const load = async (missing: readonly string[]): Promise<Record<string, string>> => {
          asked.push(missing)
          return Object.fromEntries(missing.map(key => [key, key]))
        }
        expect([...(await lengths.getOrSetMany(['there', 'other', 'new'], load))]).toEqual([
          ['there', 4],
          ['other', 5],
          ['new', 3],
        ])
        expect(asked).toEqual([['other', 'new']])
        expect((await lengths.getMany(['other', 'new'])).size).toBe(2)
        expect(await cache.getMany(['other', 'new'])).toEqual(
          new Map([
            ['other', 'other'],
            ['new', 'new'],
          ]),
        )
        const wrong = () => lengths.getOrSetMany(['bad'], () => ({ bad: 5 as never }))
        await rejection(wrong, 'ERR_CACHE_INVALID_ARGUMENT')
        expect(await cache.has('bad')).toBe(false)
      },
    },
    {
      title: 'append and prepend join to what is stored, and the whole has to fit',
      only: limits => limits.cas,
      async run({ cache }) {
        const loud = cache.typed(capitals)
        await loud.set('k', 'b')
        expect(await loud.append('k', 'c')).toBe(true)
        expect(await loud.prepend('k', 'a')).toBe(true)
        expect(await loud.get('k')).toBe('ABC')
        expect(await cache.get('k')).toBe('abc')
        const words = cache.typed(short)
        await rejection(() => words.append('k', 'def'), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(await cache.get('k')).toBe('abc')
        expect(await words.append('k', 'de')).toBe(true)
        await cache.set('number', 5)
        expect(await words.append('number', 'x')).toBe(false)
      },
    },
    {
      title: 'a schema that fails is a miss with an error event to a read, and a wrong argument to a write',
      async run(trial) {
        const { cache } = trial
        for (const schema of [broken, brokenLater]) {
          const events = eventsOf(trial)
          await cache.set('k', 'v')
          const failing = cache.typed(schema)
          expect(await failing.get('k')).toBeUndefined()
          expect(events.misses).toEqual([['k', 'unfit']])
          expect(events.errors).toMatchObject([
            { code: 'ERR_CACHE_SERIALIZATION', op: 'get', key: 'k', cause: new Error('of the schema') },
          ])
          const error = await rejection(() => failing.set('k', 'w'), 'ERR_CACHE_INVALID_ARGUMENT')
          expect(error.cause).toEqual(new Error('of the schema'))
          expect(await cache.get('k')).toBe('v')
          await rejection(() => failing.getOrSet('k', () => 'w'), 'ERR_CACHE_INVALID_ARGUMENT')
          await cache.delete('k')
        }
      },
    },
    {
      title: 'what the schema makes undefined of is neither a hit nor stored; undefined itself is not asked about',
      async run(trial) {
        const { cache } = trial
        const asked: unknown[] = []
        const nothing = cache.typed(
          schemaOf<unknown>(value => {
            asked.push(value)
            return { value: undefined }
          }),
        )
        await cache.set('k', 'v')
        const events = eventsOf(trial)
        expect(await nothing.get('k')).toBeUndefined()
        expect(events.misses).toEqual([['k', 'unfit']])
        expect(events.errors).toHaveLength(1)
        await rejection(() => nothing.set('k', 'w'), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(await cache.get('k')).toBe('v')
        await rejection(() => nothing.set('k', undefined), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(await nothing.getOrSet('l', () => undefined)).toBeUndefined()
        expect(asked).toEqual(['v', 'w'])
      },
    },
    {
      title: 'the value is stored as it was when the call was made, whatever the schema or the caller do to it then',
      async run({ cache }) {
        const meddling = cache.typed(
          schemaOf<{ n: number }>(async value => {
            ;(value as { n: number }).n = 2
            return { value: value as { n: number } }
          }),
        )
        const value = { n: 1 }
        const written = meddling.set('k', value)
        value.n = 3
        expect(await written).toBe(true)
        expect(await cache.get('k')).toEqual({ n: 1 })
      },
    },
    {
      title: 'a nested namespace keeps the schema and its version, and typed again replaces both',
      async run(trial) {
        const { cache } = trial
        const towns = cache.typed(town, { version: 1 })
        const nested = towns.namespace('a').namespace('b')
        await nested.set('k', kirkwall)
        await rejection(() => nested.set('k', ruin as never), 'ERR_CACHE_INVALID_ARGUMENT')
        const plain = cache.namespace('a').namespace('b')
        expect(await plain.get('k')).toEqual(kirkwall)
        expect(await plain.typed(town, { version: 2 }).get('k')).toBeUndefined()
        const texts = nested.typed(short)
        expect(await texts.set('text', 'text')).toBe(true)
        expect(await texts.get('k')).toBeUndefined()
        expect(await nested.get('text')).toBeUndefined()
        expect(await plain.get('text')).toBe('text')
        await towns.clear()
        expect(await plain.has('k')).toBe(false)
      },
    },
    {
      title: 'it is the same cache: keys, loads, events, stats and info',
      async run(trial) {
        const { cache } = trial
        const towns = cache.typed(town)
        expect(towns.info()).toEqual(cache.info())
        expect(await towns.keyFor('k')).toBe(await cache.keyFor('k'))
        const heard: string[] = []
        towns.on('hit', ({ key }) => heard.push(key))
        await towns.set('k', kirkwall)
        await cache.get('k')
        expect(heard).toEqual(['k'])
        expect(towns.stats()).toEqual(cache.stats())
        // Two caches, one load.
        let loads = 0
        const load = async (): Promise<Town> => {
          loads++
          await new Promise(resolve => setTimeout(resolve, 5))
          return kirkwall
        }
        await Promise.all([towns.getOrSet('l', load), cache.getOrSet('l', load)])
        expect(loads).toBe(1)
        // A delete through one of them undoes the load of the other.
        const slow = observedLoader(() => kirkwall)
        const loading = towns.getOrSet('m', slow.load)
        await whenCalled(slow.called, loading)
        await cache.delete('m')
        slow.finish()
        await loading
        expect(await cache.has('m')).toBe(false)
      },
    },
    {
      title: 'closing it closes nothing else, and it is closed with the cache it came from',
      async run(trial) {
        const cache = await trial.another()
        const [towns, others] = [cache.typed(town), cache.typed(town)]
        await towns.close()
        await rejection(() => towns.get('k'), 'ERR_CACHE_CLOSED')
        expect(await others.set('k', kirkwall)).toBe(true)
        expect(await cache.get('k')).toEqual(kirkwall)
        await cache.close()
        await rejection(() => others.get('k'), 'ERR_CACHE_CLOSED')
        thrown(() => cache.typed(town), 'ERR_CACHE_CLOSED')
      },
    },
    {
      title: 'what is no schema, and a wrong option, throw at once',
      async run({ cache }) {
        for (const schema of [undefined, null, {}, 'string', { parse: () => {} }, { '~standard': {} }]) {
          thrown(() => cache.typed(schema as never), 'ERR_CACHE_INVALID_ARGUMENT')
          if (schema === undefined) continue
          await rejection(
            () => cache.getOrSet('k', () => 'v', { schema: schema as never }),
            'ERR_CACHE_INVALID_ARGUMENT',
          )
        }
        for (const version of ['', Number.NaN, Number.POSITIVE_INFINITY, null, {}, true, '\ud800', 'x'.repeat(257)]) {
          thrown(() => cache.typed(town, { version: version as never }), 'ERR_CACHE_INVALID_ARGUMENT')
        }
        const error = thrown(() => cache.typed(town, { verison: 1 } as never), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(error.message).toContain('version')
        thrown(() => cache.typed(town, 1 as never), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(cache.typed(town, { version: undefined })).toBeDefined()
      },
    },
    {
      title: 'an error lists every issue by its place, ten of them at most',
      async run(trial) {
        const symbol = Symbol('s')
        const paths: (readonly unknown[] | undefined)[] = [
          ['list', 2, 'price'],
          [{ key: 'map' }, { key: 'two words' }],
          [0],
          [symbol],
          undefined,
          [],
        ]
        const picky = trial.cache.typed(
          schemaOf<unknown>(() => ({ issues: paths.map(path => ({ message: 'bad', path: path as never })) })),
        )
        const { message } = await rejection(() => picky.set('k', 'v'), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(message).toContain('list[2].price: bad; map["two words"]: bad; [0]: bad; [Symbol(s)]: bad; bad; bad')
        await trial.cache.set('k', 'v')
        const events = eventsOf(trial)
        await picky.get('k')
        expect(events.errors[0]?.message).toContain(
          'at list[2].price, map["two words"], [0], [Symbol(s)], the value itself',
        )
        const wordy = trial.cache.typed(
          schemaOf<unknown>(() => ({
            issues: Array.from({ length: 30 }, (_, i) => ({ message: `issue ${i}`, path: [i] })),
          })),
        )
        const long = await rejection(() => wordy.set('k', 'v'), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(long.message).toMatch(/\[9\]: issue 9; and 20 more$/)
      },
    },
    {
      title: 'bytes that cannot be read are no matter of the schema',
      async run(trial) {
        await trial.raw.put('k', { flags: 1 << 14, data: Buffer.from('what is this') })
        await trial.raw.put('bytes', { flags: CODEC_BYTES, data: Buffer.from([1, 2]) })
        const events = eventsOf(trial)
        const towns = trial.cache.typed(town)
        expect(await towns.get('k')).toBeUndefined()
        expect(await towns.get('bytes')).toBeUndefined()
        expect(events.misses).toEqual([
          ['k', 'undecodable'],
          ['bytes', 'unfit'],
        ])
        expect(events.errors).toHaveLength(2)
      },
    },
  ],
}
