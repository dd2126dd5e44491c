import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf, rejection } from '../expectations.js'
import { observedLoader, whenCalled } from '../observed-loader.js'
import { capitals, length, schemaOf, short } from './sample-schemas.js'

export const schemaOutputs: Capability = {
  name: 'what a schema makes of values',
  cases: [
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
  ],
}
