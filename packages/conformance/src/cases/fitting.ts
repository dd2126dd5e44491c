import type { StandardSchema, TypedCache } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { rejection } from '../expectations.js'
import { eventsOf, kirkwall, ruin, slowTown, type Town, town } from './sample-schemas.js'

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
        // It is there to those who do not ask for a town; what was taken is gone.
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

export const fitting: Capability = {
  name: 'values that fit a schema',
  cases: [...casesOf('a schema', town), ...casesOf('a schema that answers by a promise', slowTown)],
}
