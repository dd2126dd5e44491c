import type { CacheError, LoadedMany, ManyLoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { pause } from '../eventually.js'
import { outcomeOf, rejection } from '../expectations.js'
import { failure, never, observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, outcomes } from '../read-through-trial.js'

export const loadingMany: Capability = {
  name: 'getOrSetMany',
  cases: [
    {
      title: 'the loader is called once for all keys that are missing, and the results come in request order',
      async run({ cache }) {
        await cache.setMany([
          ['a', 1],
          ['d', null],
        ])
        const calls: unknown[] = []
        const load = (missing: readonly string[]): LoadedMany<unknown> => {
          calls.push(missing)
          return new Map(missing.map(key => [key, { key }]).reverse() as [string, unknown][])
        }
        const keys = ['c', 'a', 'b', 'd', 'c', 'a']
        const expected = [
          ['c', { key: 'c' }],
          ['a', 1],
          ['b', { key: 'b' }],
          ['d', null],
        ]
        for (let i = 0; i < 2; i++) {
          expect([...(await cache.getOrSetMany<unknown>(new Set(keys), load))]).toEqual(expected)
          expect([...(await cache.getOrSetMany<unknown>(Object.freeze(keys), load))]).toEqual(expected)
        }
        expect(calls).toEqual([['c', 'b']])
        expect(await cache.get('b')).toEqual({ key: 'b' })
        expect(cache.stats()).toMatchObject({ writes: 4 })
      },
    },
    {
      title: 'without keys, or with hits alone, nothing is loaded',
      async run({ cache }) {
        expect(await cache.getOrSetMany([], never)).toEqual(new Map())
        await cache.set('k', 'v')
        expect(await cache.getOrSetMany(['k'], never)).toEqual(new Map([['k', 'v']]))
      },
    },
    {
      title: 'keys that the loader does not give, or gives as undefined, stay misses',
      async run({ cache }) {
        const given = await cache.getOrSetMany<unknown>(['a', 'b', 'c'], () => ({ b: 2, c: undefined, x: 3 }))
        expect(given).toEqual(new Map([['b', 2]]))
        expect(await cache.getMany(['a', 'b', 'c', 'x'])).toEqual(new Map([['b', 2]]))
        const calls: unknown[] = []
        await cache.getOrSetMany(['a', 'b', 'c'], missing => {
          calls.push(missing)
          return {}
        })
        expect(calls).toEqual([['a', 'c']])
      },
    },
    {
      title: 'an object is as good as a Map, and nothing that it inherits is taken for a value',
      async run({ cache }) {
        const keys = ['__proto__', 'constructor', 'toString', 'k']
        const given = await cache.getOrSetMany<unknown>(keys, () => ({ ['__proto__']: 'p', k: 'v' }))
        expect([...given]).toEqual([
          ['__proto__', 'p'],
          ['k', 'v'],
        ])
        expect([...(await cache.getMany(keys)).keys()]).toEqual(['__proto__', 'k'])
        const bare = Object.assign(Object.create(null), { constructor: 1 }) as Record<string, unknown>
        expect(await cache.getOrSetMany<unknown>(['constructor'], async () => bare)).toEqual(
          new Map([['constructor', 1]]),
        )
      },
    },
    {
      title: 'a loader that gives anything else is an InvalidArgumentError, and nothing is stored',
      async run({ cache }) {
        for (const wrong of [undefined, null, 'text', 5, ['a'], true]) {
          const load = (): LoadedMany<unknown> => wrong as unknown as LoadedMany<unknown>
          const error = await rejection(() => cache.getOrSetMany(['a', 'b'], load), 'ERR_CACHE_INVALID_ARGUMENT')
          expect(error.op).toBe('getOrSetMany')
        }
        expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
      },
    },
    {
      title: 'an object whose values cannot be read rejects the call as the loader itself would',
      async run({ cache }) {
        const given = {
          a: 1,
          get b(): never {
            throw failure
          },
        }
        expect(await outcomeOf(cache.getOrSetMany(['a', 'b'], () => given))).toEqual({ error: failure })
        expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
      },
    },
    {
      title: "the loader's error rejects the call as it is, and is not remembered",
      async run({ cache }) {
        await cache.set('hit', 1)
        for (const load of [() => Promise.reject(failure), never]) {
          const { error } = (await outcomeOf(cache.getOrSetMany(['hit', 'a', 'b'], load))) as { error: Error }
          expect(error.message).toMatch(load === never ? 'the loader was called' : failure.message)
        }
        const failed = await outcomeOf(cache.getOrSetMany(['a', 'b'], () => Promise.reject(failure)))
        expect((failed as { error: unknown }).error).toBe(failure)
        expect(await cache.getOrSetMany(['a'], () => ({ a: 1 }))).toEqual(new Map([['a', 1]]))
      },
    },
    {
      title:
        'a load that it shares and that fails, or that it leaves, while others are read is an error of the call alone',
      async run({ cache }) {
        const unhandled: unknown[] = []
        const note = (reason: unknown): void => void unhandled.push(reason)
        process.on('unhandledRejection', note)
        try {
          let fail: (error: unknown) => void = () => {}
          const source = new Promise<never>((_, reject) => {
            fail = reject
          })
          const one = observedLoader(() => source)
          const single = outcomeOf(cache.getOrSet('a', one.load))
          await whenCalled(one.called, single)
          const leaving = new AbortController()
          const load = (): LoadedMany<unknown> => ({ b: 1 })
          const left = outcomeOf(cache.getOrSetMany<unknown>(['a', 'b'], load, { signal: leaving.signal }))
          leaving.abort(failure)
          expect(await left).toEqual({ error: failure })
          // A turn of the event loop: rejections that nobody waits for are told at its end.
          await pause(20)
          const failed = outcomeOf(cache.getOrSetMany<unknown>(['a', 'b'], load))
          one.finish()
          fail(failure)
          expect(await failed).toEqual({ error: failure })
          expect(await single).toEqual({ error: failure })
          await pause(20)
          expect(unhandled).toEqual([])
        } finally {
          process.off('unhandledRejection', note)
        }
      },
    },
    {
      title: 'skipNull, shouldCache and force mean the same for each key',
      async run({ cache }) {
        await cache.set('old', 'old')
        const given = { null: null, kept: 1, dropped: 2 }
        const options = { skipNull: true, shouldCache: (value: unknown) => value !== 2 }
        const keys = Object.keys(given)
        expect(await cache.getOrSetMany<unknown>(keys, () => given, options)).toEqual(new Map(Object.entries(given)))
        expect(await cache.getMany(keys)).toEqual(new Map([['kept', 1]]))
        const calls: unknown[] = []
        const load = (missing: readonly string[]): LoadedMany<unknown> => {
          calls.push(missing)
          return { old: 'new', other: 'new' }
        }
        await cache.getOrSetMany(['old', 'other'], load, { force: true })
        expect(calls).toEqual([['old', 'other']])
        expect(await cache.get('old')).toBe('new')
      },
    },
    {
      title: 'the setters of the context mean one key, or all; a key that is not being loaded is refused',
      async run(trial) {
        const { cache } = trial
        const keys = ['short', 'long', 'unstored', 'tagged']
        await cache.getOrSetMany(keys, (missing, context) => {
          expect(context.stale).toEqual(new Map())
          expect(() => context.noStore('another')).toThrow(/another/)
          context.setTtl('1h')
          context.setTtl(50, 'short')
          context.setTags(['tag'], 'tagged')
          context.noStore('unstored')
          return new Map(missing.map(key => [key, key]))
        })
        expect([...(await cache.getMany(['long', 'unstored', 'tagged'])).keys()]).toEqual(['long', 'tagged'])
        await trial.expire(50)
        expect(await cache.get('short')).toBeUndefined()
        await cache.invalidateTags('tag')
        expect([...(await cache.getMany(keys)).keys()]).toEqual(['long'])
        const tagAll = (missing: readonly string[], context: ManyLoaderContext): LoadedMany<string> => {
          context.setTags('all')
          return new Map(missing.map(key => [key, 'v']))
        }
        expect((await cache.getOrSetMany(keys, tagAll)).size).toBe(4)
        await cache.invalidateTags('all')
        expect([...(await cache.getMany(keys)).keys()]).toEqual(['long'])
        const unstored = (_: unknown, context: ManyLoaderContext): LoadedMany<string> => {
          context.noStore()
          return { a: 'v' }
        }
        await cache.getOrSetMany(['a', 'b'], unstored)
        expect(await cache.has('a')).toBe(false)
      },
    },
    {
      title: 'tags of the call are those of every key, and an invalidation makes each a miss',
      async run({ cache }) {
        const options = { tags: ['x', 'y'] }
        const load = (missing: readonly string[]): LoadedMany<string> => new Map(missing.map(key => [key, key]))
        await cache.getOrSetMany(['a', 'b'], load, options)
        expect((await cache.getOrSetMany(['a', 'b'], never, options)).size).toBe(2)
        await cache.invalidateTags('y')
        expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
        const calls: unknown[] = []
        const again = (missing: readonly string[]): LoadedMany<string> => {
          calls.push(missing)
          return load(missing)
        }
        await cache.getOrSetMany(['a', 'b'], again, options)
        expect(calls).toEqual([['a', 'b']])
      },
    },
    {
      title: 'onOutcome is called once for each key, and the values are nobody else’s',
      async run({ cache }) {
        await cache.set('hit', { list: [1] })
        const { seen, onOutcome } = outcomes()
        const value = { list: [1] }
        const load = (): LoadedMany<{ list: number[] }> => ({ a: value, b: value })
        const given = await cache.getOrSetMany(['hit', 'a', 'b'], load, { onOutcome })
        for (const { list } of given.values()) list.push(99)
        value.list.push(98)
        expect([...(await cache.getMany(['hit', 'a', 'b'])).values()]).toEqual([1, 2, 3].map(() => ({ list: [1] })))
        expect(seen.map(({ key, source, stored }) => [key, source, stored]).sort()).toEqual([
          ['a', 'load', true],
          ['b', 'load', true],
          ['hit', 'hit', true],
        ])
      },
    },
    {
      title: 'events name the call, and each key has its own',
      async run({ cache }) {
        await cache.set('hit', 1)
        const [hits, misses, loads, writes] = (['hit', 'miss', 'load', 'write'] as const).map(name =>
          eventsOf(cache, name),
        )
        await cache.getOrSetMany(['hit', 'a', 'b'], () => ({ a: 1, b: 2 }))
        for (const [events, keys] of [
          [hits, ['hit']],
          [misses, ['a', 'b']],
          [loads, ['a', 'b']],
          [writes, ['a', 'b']],
        ] as const) {
          expect(events?.map(event => (event as { key: string }).key).sort()).toEqual(keys)
          for (const event of events ?? []) expect(event).toMatchObject({ op: 'getOrSetMany' })
        }
      },
    },
    {
      title: 'what are no keys, no loader or no options is refused, and nothing is loaded',
      async run({ cache }) {
        const code = 'ERR_CACHE_INVALID_ARGUMENT'
        await rejection(() => cache.getOrSetMany('text' as never, never), code)
        await rejection(() => cache.getOrSetMany(['a', ''], never), code)
        await rejection(() => cache.getOrSetMany(['a'], 'no loader' as never), code)
        const error: CacheError = await rejection(() => cache.getOrSetMany(['a'], never, { tag: 'x' } as never), code)
        expect(error.message).toMatch(/tags/)
      },
    },
  ],
}
