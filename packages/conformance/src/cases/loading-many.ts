import type { CacheError, LoadedMany, ManyLoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { eventually, pause } from '../eventually.js'
import { outcomeOf, rejection } from '../expectations.js'
import { gate } from '../gate.js'
import { observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, loadStale, nextEvent, outcomes } from '../read-through-trial.js'

type Load = (missing: readonly string[], context: ManyLoaderContext) => Promise<ReadonlyMap<string, unknown>>

/** A loader of many keys that waits until it is let go, and tells what it was called with. */
function observedMany(): {
  load: Load
  calls: (readonly string[])[]
  called: Promise<ManyLoaderContext>
  finish: () => void
} {
  const calls: (readonly string[])[] = []
  const finish = gate()
  let announce: (context: ManyLoaderContext) => void = () => {}
  const called = new Promise<ManyLoaderContext>(resolve => {
    announce = resolve
  })
  const load: Load = async (missing, context) => {
    calls.push(missing)
    announce(context)
    await finish.opened
    return new Map(missing.map(key => [key, `loaded ${key}`]))
  }
  return { load, calls, called, finish: finish.open }
}

const failure = new Error('no database')
const never = (): never => {
  throw new Error('the loader was called')
}

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
      title: 'loads are shared with getOrSet and other calls, whoever began them',
      async run({ cache }) {
        const many = observedMany()
        const first = cache.getOrSetMany(['a', 'b'], many.load)
        await whenCalled(many.called, first)
        const joined = [cache.getOrSet<unknown>('a', never), cache.getOrSetMany<unknown>(['b', 'a'], never)] as const
        const one = observedLoader(() => 'loaded c')
        const single = cache.getOrSet('c', one.load)
        await whenCalled(one.called, single)
        const { seen, onOutcome } = outcomes()
        const other = observedMany()
        const mixed = cache.getOrSetMany(['c', 'd', 'a'], other.load, { onOutcome })
        await whenCalled(other.called, mixed)
        expect(other.calls).toEqual([['d']])
        for (const { finish } of [many, one, other]) finish()
        expect(await joined[0]).toBe('loaded a')
        expect([...(await joined[1])]).toEqual([
          ['b', 'loaded b'],
          ['a', 'loaded a'],
        ])
        expect([...(await mixed)]).toEqual(['c', 'd', 'a'].map(key => [key, `loaded ${key}`]))
        expect(many.calls).toEqual([['a', 'b']])
        const sources = Object.fromEntries(seen.map(({ key, source, loadedBy }) => [key, [source, loadedBy]]))
        expect(sources).toEqual({
          a: ['joined', 'this-process'],
          c: ['joined', 'this-process'],
          d: ['load', 'this-call'],
        })
        expect((await first).size).toBe(2)
        expect(await single).toBe('loaded c')
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
      title: 'a call that leaves is rejected at once; the signal of the loader fires when the last one left',
      async run({ cache }) {
        const many = observedMany()
        const [first, second] = [new AbortController(), new AbortController()]
        const left = outcomeOf(cache.getOrSetMany(['a', 'b'], many.load, { signal: first.signal }))
        const { signal } = await whenCalled(many.called, left)
        const other = outcomeOf(cache.getOrSet('b', never, { signal: second.signal }))
        await whenCalled(pause(20), other)
        first.abort(failure)
        expect(await left).toEqual({ error: failure })
        expect(signal.aborted).toBe(false)
        second.abort(failure)
        expect(await other).toEqual({ error: failure })
        expect(signal.aborted).toBe(true)
        many.finish()
        await pause(20)
        expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
        const late = outcomeOf(cache.getOrSetMany(['a'], never, { signal: AbortSignal.abort(failure) }))
        expect(await late).toEqual({ error: failure })
      },
    },
    {
      title: 'a key that is invalidated during the load is not stored, the others are',
      async run({ cache }) {
        const many = observedMany()
        const loading = cache.getOrSetMany(['a', 'b', 'c'], many.load)
        await whenCalled(many.called, loading)
        await cache.delete('a')
        await cache.set('b', 'set')
        const again = cache.getOrSetMany(['a', 'b'], () => ({ a: 'loaded again' }))
        expect([...(await again)]).toEqual([
          ['a', 'loaded again'],
          ['b', 'set'],
        ])
        many.finish()
        expect([...(await loading).values()]).toEqual(['loaded a', 'loaded b', 'loaded c'])
        expect([...(await cache.getMany(['a', 'b', 'c'])).values()]).toEqual(['loaded again', 'set', 'loaded c'])
      },
    },
    {
      title: 'stale values are served, and refreshed by one call of the loader',
      async run(trial) {
        const { cache } = trial
        const window = { ttl: '1h', staleWhileRevalidate: '1h' } as const
        for (const key of ['a', 'b']) await loadStale<unknown>(trial, key, `stale ${key}`)
        await cache.set('hit', 'hit')
        const many = observedMany()
        const { seen, onOutcome } = outcomes()
        const given = await cache.getOrSetMany(['a', 'hit', 'b'], many.load, { ...window, onOutcome })
        expect([...given.values()]).toEqual(['stale a', 'hit', 'stale b'])
        expect(seen.map(({ source }) => source).sort()).toEqual(['hit', 'stale', 'stale'])
        expect((await many.called).stale).toEqual(
          new Map([
            ['a', 'stale a'],
            ['b', 'stale b'],
          ]),
        )
        many.finish()
        const bothNew = await eventually(
          () => cache.getMany(['a', 'b']),
          ({ size }) => size === 2,
        )
        expect([...bothNew.values()]).toEqual(['loaded a', 'loaded b'])
        expect(many.calls).toHaveLength(1)
        expect([...many.calls[0]!].sort()).toEqual(['a', 'b'])
      },
    },
    {
      title: 'where the loader fails, stale values are served; notModified keeps them',
      async run(trial) {
        const { cache } = trial
        const options = { ttl: '1h', staleIfError: '1h' } as const
        for (const key of ['a', 'b']) await loadStale<unknown>(trial, key, `stale ${key}`, { staleIfError: '1h' })
        const keep = (missing: readonly string[], context: ManyLoaderContext): LoadedMany<unknown> => {
          expect(() => context.notModified('nothing')).toThrow(/stale/)
          return new Map(missing.map(key => [key, key === 'a' ? context.notModified('a') : 'new']))
        }
        const kept = await cache.getOrSetMany<unknown>(['a', 'nothing'], keep, options)
        expect([...kept.values()]).toEqual(['stale a', 'new'])
        expect(await cache.get('a')).toBe('stale a')
        const served = await cache.getOrSetMany<unknown>(['a', 'b'], () => Promise.reject(failure), options)
        expect([...served.values()]).toEqual(['stale a', 'stale b'])
      },
    },
    {
      title: 'keys that another process loads are waited for, and the others loaded meanwhile',
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const other = await trial.another()
        const options = { lease: '1h' } as const
        const theirs = observedMany()
        const first = other.getOrSetMany(['a', 'b'], theirs.load, options)
        await whenCalled(theirs.called, first)
        const { seen, onOutcome } = outcomes()
        const mine = observedMany()
        const second = trial.cache.getOrSetMany(['b', 'c', 'a', 'd'], mine.load, { ...options, onOutcome })
        await whenCalled(mine.called, second)
        expect(mine.calls).toEqual([['c', 'd']])
        mine.finish()
        expect(
          await eventually(
            () => trial.cache.get('d'),
            found => found !== undefined,
          ),
        ).toBe('loaded d')
        theirs.finish()
        expect([...(await second)]).toEqual(['b', 'c', 'a', 'd'].map(key => [key, `loaded ${key}`]))
        expect((await first).size).toBe(2)
        const loaders = Object.fromEntries(seen.map(({ key, loadedBy }) => [key, loadedBy]))
        expect(loaders).toEqual({ a: 'another-process', b: 'another-process', c: 'this-call', d: 'this-call' })
        expect(mine.calls).toHaveLength(1)
      },
    },
    {
      title: 'where the load of another process fails, its keys are loaded here',
      only: limits => limits.shared && limits.cas,
      async run(trial) {
        const other = await trial.another()
        const options = { lease: '1h' } as const
        const theirs = observedLoader(() => {
          throw failure
        })
        const first = outcomeOf(other.getOrSet('a', theirs.load, options))
        await whenCalled(theirs.called, first)
        const missed = nextEvent(trial.cache, 'miss')
        const mine = observedMany()
        mine.finish()
        const second = trial.cache.getOrSetMany(['a', 'b'], mine.load, options)
        await whenCalled(missed, second)
        theirs.finish()
        expect(await first).toEqual({ error: failure })
        expect([...(await second).values()]).toEqual(['loaded a', 'loaded b'])
        expect(mine.calls.flat().sort()).toEqual(['a', 'b'])
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
      title: 'loads by one call may ask for each other’s keys, and come to an end',
      async run({ cache }) {
        const load = async (missing: readonly string[]): Promise<LoadedMany<unknown>> => {
          const inner = await cache.getOrSetMany<unknown>(['b', 'c'], () => ({ b: 'inner b', c: 'inner c' }))
          return new Map(missing.map(key => [key, [...inner.values()].join()]))
        }
        const given = await cache.getOrSetMany<unknown>(['a', 'b'], load)
        expect([...given.values()]).toEqual(['inner b,inner c', 'inner b,inner c'])
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
