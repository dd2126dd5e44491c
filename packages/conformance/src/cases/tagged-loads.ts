import type { Cache, LoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { eventually, pause } from '../eventually.js'
import { rejection } from '../expectations.js'
import { never, observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, loadStale, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'

/** A loader that gives its value these tags, at its end. */
function tagging(tags: readonly string[], load: (context: LoaderContext) => Promise<string>) {
  return async (context: LoaderContext): Promise<string> => {
    const value = await load(context)
    context.setTags(tags)
    return value
  }
}

/** Invalidations while a load runs. */
function during(by: string, other: (trial: Trial) => Cache | Promise<Cache>, only?: Case['only']): Case[] {
  const limited = only === undefined ? {} : { only }
  return [
    ...(['named in the call', 'set by the loader', 'both'] as const).map(
      (how): Case => ({
        title: `invalidateTags by ${by} during a load is not undone by it; tags ${how}`,
        ...limited,
        async run(trial) {
          const { cache } = trial
          const invalidating = await other(trial)
          const options = how === 'set by the loader' ? {} : { tags: how === 'both' ? ['y', 'tag'] : ['tag'] }
          for (const isKnown of [false, true]) {
            if (isKnown) await cache.getOrSet('known', () => 'v', { tags: ['tag'] })
            const { load, called, finish } = observedLoader(() => 'old')
            const loading = cache.getOrSet(
              'k',
              how === 'named in the call' ? load : tagging(['tag', 'x'], load),
              options,
            )
            await whenCalled(called, loading)
            await invalidating.invalidateTags(['tag', 'other'])
            finish()
            expect(await loading).toBe('old')
            for (const each of [cache, invalidating]) expect(await each.get('k')).toBeUndefined()
            expect(await cache.getOrSet('k', () => 'new', options)).toBe('new')
            expect(await invalidating.get('k')).toBe('new')
            await cache.delete('k')
          }
        },
      }),
    ),
    {
      title: `invalidateTags by ${by} during a refresh is not undone by it`,
      ...limited,
      async run(trial) {
        const { cache } = trial
        const invalidating = await other(trial)
        for (const tags of [['tag'], []]) {
          await loadStale(trial, 'k', 'old', { staleWhileRevalidate: '1h', tags: ['tag'] })
          const loaded = eventsOf(cache, 'load')
          const options = { ttl: '1h', staleWhileRevalidate: '1h' } as const
          const { load, called, finish } = observedLoader(() => 'of an overtaken refresh')
          const refresh = tags.length > 0 ? load : tagging(['tag'], load)
          expect(await cache.getOrSet('k', refresh, tags.length > 0 ? { ...options, tags } : options)).toBe('old')
          await called
          await invalidating.invalidateTags('tag')
          finish()
          await eventually(() => loaded.length, Boolean)
          await pause(50)
          expect(await cache.get('k')).toBeUndefined()
          // Neither the value that was invalidated nor the one that was overtaken.
          expect(await cache.getOrSet('k', () => 'new', options)).toBe('new')
        }
      },
    },
  ]
}

export const taggedLoads: Capability = {
  name: 'loads with tags',
  cases: [
    {
      title: 'what a load stored is a miss once one of its tags was invalidated, and then loaded again',
      async run(trial) {
        const { cache } = trial
        const misses = eventsOf(cache, 'miss')
        for (const tags of ['x', ['x'], ['x', 'y', 'x']]) {
          expect(await cache.getOrSet('k', () => 'old', { tags })).toBe('old')
          expect(await cache.getOrSet('k', never, { tags })).toBe('old')
          expect(await cache.getOrSet('k', never)).toBe('old')
          expect(await cache.get('k')).toBe('old')
          await cache.invalidateTags('unrelated')
          expect(await cache.get('k')).toBe('old')
          await cache.invalidateTags(['x', 'unknown'])
          expect(await cache.get('k')).toBeUndefined()
          expect(misses.at(-1)?.reason).toBe('invalidated')
          expect(await cache.getOrSet('k', () => 'new', { tags })).toBe('new')
          await cache.delete('k')
        }
        expect(cache.stats().invalidatedMisses).toBe(6)
      },
    },
    {
      title: 'what a loader sets counts instead of the tags of the call, and the last load decides',
      async run({ cache }) {
        const load = (tags: string | readonly string[]) => (context: LoaderContext) => {
          context.setTags(tags)
          return 'v'
        }
        await cache.getOrSet('k', load('set'), { tags: ['named'] })
        await cache.invalidateTags('named')
        expect(await cache.get('k')).toBe('v')
        await cache.invalidateTags('set')
        expect(await cache.get('k')).toBeUndefined()
        await cache.getOrSet('k', load(['a', 'b']))
        await cache.getOrSet('k', load('c'), { force: true })
        await cache.invalidateTags(['a', 'b'])
        expect(await cache.get('k')).toBe('v')
        await cache.invalidateTags('c')
        expect(await cache.get('k')).toBeUndefined()
        await cache.getOrSet('k', load('c'), { force: true })
        await cache.getOrSet('k', load([]), { force: true, tags: ['c'] })
        await cache.invalidateTags('c')
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'the tags of a call are those that it was made with, whatever becomes of the list',
      async run({ cache }) {
        const calls = {
          one: (tags: string[]) => cache.getOrSet('one', () => 'v', { tags }),
          many: (tags: string[]) => cache.getOrSetMany(['many'], () => ({ many: 'v' }), { tags }),
        }
        for (const [key, call] of Object.entries(calls)) {
          const tags = ['meant']
          const loading = call(tags)
          tags[0] = 'another'
          await loading
          expect(await cache.get(key)).toBe('v')
          await cache.invalidateTags('another')
          expect(await cache.get(key)).toBe('v')
          await cache.invalidateTags('meant')
          expect(await cache.get(key), key).toBeUndefined()
        }
      },
    },
    {
      title: 'tags that are none are refused, and nothing is loaded or stored',
      async run({ cache }) {
        const code = 'ERR_CACHE_INVALID_ARGUMENT'
        for (const tags of ['', ['x', ''], 5, [5], null, '\ud800']) {
          await rejection(() => cache.getOrSet('k', never, { tags: tags as never }), code)
          await rejection(() => cache.invalidateTags(tags as never), code)
          const load = (context: LoaderContext): string => {
            context.setTags(tags as never)
            return 'v'
          }
          await rejection(() => cache.getOrSet('k', load), code)
        }
        await rejection(() => cache.getOrSet('k', ({ setTags }) => setTags(undefined as never)), code)
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'a value of any kind may have tags, and a tagged number is no counter',
      async run({ cache }) {
        for (const value of ['text', '5', { a: 1 }, Buffer.from([0, 255]), null, 'long text, '.repeat(2000), 1.5]) {
          await cache.getOrSet<unknown>('k', () => value, { tags: ['x'] })
          expect(await cache.get('k')).toStrictEqual(value)
          await cache.invalidateTags('x')
          expect(await cache.get('k')).toBeUndefined()
        }
        await cache.getOrSet('n', () => 5, { tags: ['x'] })
        await rejection(() => cache.increment('n'), 'ERR_CACHE_NOT_A_COUNTER')
        expect(await cache.get('n')).toBe(5)
      },
    },
    {
      title: 'a caller who comes after the invalidation gets a new load, also where the running one sets its tags last',
      async run({ cache }) {
        for (const isNamed of [true, false]) {
          const { load, called, finish } = observedLoader(() => 'old')
          const first = isNamed
            ? cache.getOrSet('k', load, { tags: ['tag'] })
            : cache.getOrSet('k', tagging(['tag'], load))
          await whenCalled(called, first)
          const early = cache.getOrSet('k', never)
          await cache.invalidateTags('tag')
          const { seen, onOutcome } = outcomes()
          const late = cache.getOrSet('k', () => 'new', { tags: ['tag'], onOutcome })
          if (isNamed) expect(await late).toBe('new')
          finish()
          expect(await first).toBe('old')
          expect(await early).toBe('old')
          expect(await late).toBe('new')
          expect(seen).toMatchObject([{ source: 'load', loadedBy: 'this-call' }])
          expect(await cache.get('k')).toBe('new')
          await cache.delete('k')
        }
      },
    },
    {
      title: 'a caller who comes between two invalidations gets a new load, where the running one sets its tags last',
      async run({ cache }) {
        const { load, called, finish } = observedLoader(() => 'old')
        const first = cache.getOrSet('k', tagging(['x', 'y'], load))
        await whenCalled(called, first)
        await cache.invalidateTags('x')
        const between = cache.getOrSet(
          'k',
          tagging(['x', 'y'], async () => 'new'),
        )
        await whenCalled(pause(20), first)
        await cache.invalidateTags(['x', 'y'])
        finish()
        expect(await first).toBe('old')
        expect(await between).toBe('new')
      },
    },
    {
      title: 'a caller who comes after an invalidation of other tags shares the load, and it is stored',
      async run({ cache }) {
        for (const isNamed of [true, false]) {
          const { load, called, finish } = observedLoader(() => 'v')
          const first = isNamed ? cache.getOrSet('k', load, { tags: ['tag'] }) : cache.getOrSet('k', load)
          await whenCalled(called, first)
          await cache.invalidateTags('other')
          const second = cache.getOrSet('k', never)
          finish()
          expect(await Promise.all([first, second])).toEqual(['v', 'v'])
          expect(await cache.get('k')).toBe('v')
          await cache.delete('k')
        }
      },
    },
    {
      title: 'tags are shared with nested namespaces, and with no others',
      async run(trial) {
        const { cache } = trial
        const nested = cache.namespace('nested')
        const foreign = trial.open({ namespace: `${trial.namespace}-other` })
        for (const each of [cache, nested, foreign]) await each.getOrSet('k', () => 'v', { tags: ['tag'] })
        await nested.invalidateTags('tag')
        expect(await cache.get('k')).toBeUndefined()
        expect(await nested.get('k')).toBeUndefined()
        expect(await foreign.get('k')).toBe('v')
        await foreign.clear()
      },
    },
    {
      title: 'invalidations between writes at one time count each for what was before them',
      async run({ cache }) {
        for (let round = 0; round < 5; round++) {
          await cache.getOrSet('a', () => 'a', { tags: ['tag'] })
          await cache.invalidateTags('tag')
          await cache.getOrSet('b', () => 'b', { tags: ['tag'] })
          expect([...(await cache.getMany(['a', 'b'])).keys()]).toEqual(['b'])
          await cache.invalidateTags('tag')
        }
      },
    },
    {
      title: 'a hit whose tags are named in the call is a load after another process invalidated one of them',
      only: limits => limits.shared,
      async run(trial) {
        const other = await trial.another()
        const tags = ['a', 'b']
        await trial.cache.getOrSet('k', () => 'old', { tags })
        expect(await other.getOrSet('k', never, { tags })).toBe('old')
        await other.invalidateTags('b')
        expect(await trial.cache.getOrSet('k', () => 'new', { tags })).toBe('new')
        expect(await other.get('k')).toBe('new')
      },
    },
    {
      title: 'a process that starts after the invalidation sees it',
      only: limits => limits.shared,
      async run(trial) {
        await trial.cache.getOrSet('k', () => 'old', { tags: ['tag'] })
        await trial.cache.invalidateTags('tag')
        const other = await trial.another()
        expect(await other.get('k')).toBeUndefined()
        expect(await other.getOrSet('k', () => 'new')).toBe('new')
      },
    },
    {
      title: 'where the version of a tag is lost, what has the tag is a miss',
      async run(trial) {
        const { cache, raw } = trial
        await cache.getOrSet('k', () => 'old', { tags: ['tag'] })
        const tags = raw.nested('~tags')
        expect(await raw.get('tag', tags)).toBeDefined()
        await tags.remove('tag', undefined, raw.call())
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.getOrSet('k', () => 'new', { tags: ['tag'] })).toBe('new')
        expect(await cache.get('k')).toBe('new')
      },
    },
    ...during('this process', trial => trial.cache),
    ...during('another cache over the store', trial => trial.open()),
    ...during(
      'another process',
      trial => trial.another(),
      limits => limits.shared && limits.cas,
    ),
  ],
}
