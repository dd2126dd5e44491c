import { CODEC_BYTES } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import { broken, brokenLater, eventsOf, schemaOf, town } from './sample-schemas.js'

export const schemaFailures: Capability = {
  name: 'schemas that fail',
  cases: [
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
