import type { LoadedMany, ManyLoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { eventually, pause, untilHit } from '../eventually.js'
import { outcomeOf } from '../expectations.js'
import { failure, never, observedLoader, observedMany, whenCalled } from '../observed-loader.js'
import { loadStale, nextEvent, outcomes } from '../read-through-trial.js'

export const loadsOfMany: Capability = {
  name: 'shared loads of many keys',
  cases: [
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
          expect(() => context.notModified(undefined as unknown as string)).toThrow(/among the keys/)
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
        expect(await untilHit(trial.cache, 'd')).toBe('loaded d')
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
  ],
}
