import type { LoaderContext, LoadOutcome } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf, rejection } from '../expectations.js'

export const readThrough: Capability = {
  name: 'getOrSet and wrap',
  cases: [
    {
      title: 'a miss loads and stores, a hit does not load',
      async run({ cache }) {
        let loads = 0
        const load = ({ key }: LoaderContext): unknown => ({ key, load: ++loads })
        expect(await cache.getOrSet('k', load)).toEqual({ key: 'k', load: 1 })
        expect(await cache.getOrSet('k', load)).toEqual({ key: 'k', load: 1 })
        expect(await cache.get('k')).toEqual({ key: 'k', load: 1 })
        await cache.delete('k')
        expect(await cache.getOrSet('k', async context => load(context))).toEqual({ key: 'k', load: 2 })
      },
    },
    {
      title: 'onOutcome says where the value came from and whether it is in the cache',
      async run({ cache }) {
        const outcomes: LoadOutcome[] = []
        const onOutcome = (outcome: LoadOutcome): void => void outcomes.push(outcome)
        await Promise.all([
          cache.getOrSet('k', () => 'v', { onOutcome }),
          cache.getOrSet('k', () => 'v', { onOutcome }),
        ])
        await cache.getOrSet('k', () => 'v', { onOutcome })
        await cache.getOrSet('other', () => 'v', { onOutcome, shouldCache: () => false })
        expect(outcomes.map(({ source, key, stored }) => [source, key, stored])).toEqual([
          ['load', 'k', true],
          ['joined', 'k', true],
          ['hit', 'k', true],
          ['load', 'other', false],
        ])
      },
    },
    {
      title: 'every loaded value but undefined is stored, null and other falsy ones too',
      async run({ cache }) {
        for (const value of [null, 0, '', false, Number.NaN]) {
          let loads = 0
          const load = (): unknown => {
            loads++
            return value
          }
          const key = `of ${String(value)}`
          expect(await cache.getOrSet(key, load)).toBe(value)
          expect(await cache.getOrSet(key, load)).toBe(value)
          expect(loads).toBe(1)
        }
        let loads = 0
        const load = (): undefined => void loads++
        expect(await cache.getOrSet('k', load)).toBeUndefined()
        expect(await cache.getOrSet('k', async () => load())).toBeUndefined()
        expect(loads).toBe(2)
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'skipNull, shouldCache and noStore return the value without storing it',
      async run({ cache }) {
        expect(await cache.getOrSet('null', () => null, { skipNull: true })).toBeNull()
        expect(await cache.getOrSet('zero', () => 0, { skipNull: true })).toBe(0)
        const judged: unknown[] = []
        const shouldCache = (value: { keep: boolean }): boolean => {
          judged.push(value)
          return value.keep
        }
        expect(await cache.getOrSet('dropped', () => ({ keep: false }), { shouldCache })).toEqual({ keep: false })
        expect(await cache.getOrSet('kept', () => ({ keep: true }), { shouldCache })).toEqual({ keep: true })
        expect(judged).toEqual([{ keep: false }, { keep: true }])
        const noStore = (context: LoaderContext): string => {
          context.noStore()
          return 'v'
        }
        expect(await cache.getOrSet('noStore', noStore)).toBe('v')
        const keys = ['null', 'zero', 'dropped', 'kept', 'noStore']
        expect([...(await cache.getMany(keys)).keys()]).toEqual(['zero', 'kept'])
      },
    },
    {
      title: 'force loads on a hit and stores what it loaded',
      async run({ cache }) {
        await cache.set('k', 'old')
        expect(await cache.getOrSet('k', () => 'new', { force: true })).toBe('new')
        expect(await cache.get('k')).toBe('new')
        expect(await cache.getOrSet('k', () => 'newer', { force: false })).toBe('new')
      },
    },
    {
      title: "a loader's error reaches every waiter as it is, and is not remembered",
      async run({ cache }) {
        for (const fail of [
          (error: unknown) => () => Promise.reject(error),
          (error: unknown) => () => {
            throw error
          },
        ]) {
          const error = new TypeError('of the loader')
          const failed = await Promise.all(
            Array.from({ length: 10 }, () => outcomeOf(cache.getOrSet('k', fail(error)))),
          )
          for (const outcome of failed) expect((outcome as { error: unknown }).error).toBe(error)
          expect(await cache.has('k')).toBe(false)
          expect(await cache.getOrSet('k', () => 'recovered')).toBe('recovered')
          await cache.delete('k')
        }
        expect(await outcomeOf(cache.getOrSet('k', () => Promise.reject('no error')))).toEqual({ error: 'no error' })
        expect(await outcomeOf(cache.getOrSet('k', () => Promise.reject(undefined)))).toEqual({ error: undefined })
      },
    },
    {
      title: 'however many ask for a cold key, it is loaded once a round',
      async run({ cache }) {
        for (let round = 1; round <= 3; round++) {
          let loads = 0
          const load = async (): Promise<unknown> => {
            loads++
            await new Promise(resolve => setTimeout(resolve, 20))
            return { round }
          }
          const values = await Promise.all(Array.from({ length: 200 }, () => cache.getOrSet('k', load)))
          expect(loads).toBe(1)
          expect(values.every(value => (value as { round: number }).round === round)).toBe(true)
          await cache.delete('k')
        }
      },
    },
    {
      title: 'callers who share a load share no mutable value, and none with the cache',
      async run({ cache }) {
        const source = { list: [1] }
        const values = await Promise.all(Array.from({ length: 5 }, () => cache.getOrSet('k', async () => source)))
        for (const [i, value] of values.entries()) value.list.push(i + 10)
        source.list.push(99)
        expect(values.map(value => value.list)).toEqual([0, 1, 2, 3, 4].map(i => [1, i + 10]))
        expect(await cache.get('k')).toEqual({ list: [1] })
      },
    },
    {
      title: 'one key in two namespaces is two loads, and one namespace reached twice is one',
      async run({ cache }) {
        let loads = 0
        const load = async (): Promise<number> => {
          loads++
          await new Promise(resolve => setTimeout(resolve, 10))
          return loads
        }
        await Promise.all([
          cache.getOrSet('k', load),
          cache.namespace('a').getOrSet('k', load),
          cache.namespace('a').getOrSet('k', load),
          cache.namespace('b').getOrSet('k', load),
        ])
        expect(loads).toBe(3)
      },
    },
    {
      title: 'loaders may load other keys',
      async run({ cache }) {
        let inner = 0
        const load = async (): Promise<string> => {
          const twice = [cache.getOrSet('inner', () => ++inner), cache.getOrSet('inner', () => ++inner)]
          return `outer ${(await Promise.all(twice)).join()}`
        }
        expect(await cache.getOrSet('outer', load)).toBe('outer 1,1')
        expect(await cache.get('inner')).toBe(1)
      },
    },
    {
      title: 'a loader that asks for its own key, or two that need each other, come to an end',
      async run({ cache }) {
        const own = cache.getOrSet('k', async () => `outer ${await cache.getOrSet('k', () => 'inner')}`)
        expect(await own).toBe('outer inner')
        const a = (): Promise<string> =>
          cache.getOrSet('a', async () => `a of ${await cache.getOrSet('b', () => 'b alone')}`)
        const b = (): Promise<string> =>
          cache.getOrSet('b', async () => `b of ${await cache.getOrSet('a', () => 'a alone')}`)
        const values = await Promise.all([a(), b()])
        expect(values[0]).toMatch(/^a /)
        expect(values[1]).toMatch(/^b /)
      },
    },
    {
      title: 'wrap caches a function under the key made of its arguments',
      async run({ cache }) {
        const calls: unknown[] = []
        const sum = cache.wrap(
          async (a: number, b: number) => {
            calls.push([a, b])
            return a + b
          },
          { key: (a, b) => `sum ${a} ${b}` },
        )
        expect(await Promise.all([sum(1, 2), sum(1, 2), sum(3, 4)])).toEqual([3, 3, 7])
        expect(await sum(1, 2)).toBe(3)
        // Two keys may lie on two servers: which loads first is nobody's promise.
        expect(calls.map(String).sort()).toEqual(['1,2', '3,4'])
        expect(await cache.get('sum 3 4')).toBe(7)
        const error = new Error('of the function')
        const failing = cache.wrap(() => Promise.reject(error), { key: () => 'failing' })
        expect(await outcomeOf(failing())).toEqual({ error })
      },
    },
    {
      title: 'wrap refuses what is no key, when it is called',
      async run({ cache }) {
        let calls = 0
        const wrapped = cache.wrap(() => ++calls, { key: () => '' })
        await rejection(() => wrapped(), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(calls).toBe(0)
      },
    },
    {
      title: 'a ttl that the loader sets must be one',
      async run({ cache }) {
        const load = (context: LoaderContext): string => {
          context.setTtl(0)
          return 'v'
        }
        await rejection(() => cache.getOrSet('k', load), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'a large value that is loaded by many is loaded once and comes to each whole',
      async run({ cache }) {
        const large = 'a large text, '.repeat(20_000)
        let loads = 0
        const load = async (): Promise<string> => {
          loads++
          return large
        }
        const values = await Promise.all(Array.from({ length: 10 }, () => cache.getOrSet('k', load)))
        expect(values.every(value => value === large)).toBe(true)
        expect(loads).toBe(1)
        expect((await cache.get('k')) === large).toBe(true)
      },
    },
  ],
}
