import type { Cache, LoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { changes } from '../changes.js'
import { eventually, pause, untilHit } from '../eventually.js'
import { rejection } from '../expectations.js'
import { never, observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, loadStale, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'

/** A share of the hour that has passed soon. */
const soon = { ttl: '1h', refreshAhead: 0.000_01 } as const

/** A refresh of a stale value that is overtaken by a change. */
function overtaken(by: string, other: (trial: Trial) => Cache | Promise<Cache>, only: Case['only']): Case[] {
  return changes.map(each => ({
    title: `${each.name} by ${by} during a refresh is not undone by it`,
    only: limits => (only?.(limits) ?? true) && (each.only?.(limits) ?? true),
    async run(trial) {
      const { cache } = trial
      const options = { staleWhileRevalidate: '1h', tags: ['tag'] } as const
      await loadStale(trial, 'k', 'old', options)
      const changing = await other(trial)
      const loaded = eventsOf(cache, 'load')
      const { load, called, finish } = observedLoader(() => 'of an overtaken refresh')
      expect(await cache.getOrSet('k', load, { ttl: '1h', ...options })).toBe('old')
      await called
      await each.change(changing)
      finish()
      await eventually(() => loaded.length, Boolean)
      await pause(50)
      expect(await cache.get('k')).toBe(each.left)
      expect(await cache.getOrSet('k', () => 'new', { ttl: '1h', ...options })).not.toBe('of an overtaken refresh')
    },
  }))
}

export const refreshing: Capability = {
  name: 'refreshing',
  cases: [
    {
      title:
        'refreshAhead: below the share a hit loads nothing; past it one hit starts one load, and all are served at once',
      async run(trial) {
        const { cache } = trial
        await cache.getOrSet('k', () => ({ load: 1 }), { ttl: '1h', refreshAhead: 0.9 })
        await trial.pass(100)
        expect(await cache.getOrSet('k', never, { ttl: '1h', refreshAhead: 0.9 })).toEqual({ load: 1 })
        const { load, called, finish } = observedLoader(() => ({ load: 2 }))
        const { seen, onOutcome } = outcomes()
        let loads = 0
        const counted = (context: LoaderContext): Promise<unknown> => {
          loads++
          return load(context)
        }
        const ask = (): Promise<unknown> => cache.getOrSet('k', counted, { ...soon, onOutcome })
        const values = await Promise.all(Array.from({ length: 2000 }, ask))
        expect((await called).stale).toEqual({ load: 1 })
        values.push(await ask())
        for (const value of values) expect(value).toEqual({ load: 1 })
        for (const { source, stale } of seen) expect([source, stale]).toEqual(['hit', false])
        expect(seen[0]?.age).toBeGreaterThanOrEqual(90)
        finish()
        const isNew = (found: unknown): boolean => (found as { load: number }).load === 2
        expect(await eventually(() => cache.get('k'), isNew)).toEqual({ load: 2 })
        expect(loads).toBe(1)
        expect(cache.stats()).toMatchObject({ refreshes: 1, stale: 0 })
      },
    },
    {
      title: 'refreshAhead and earlyRefresh: 0 and 1, or 0, mean never, and what is no share or chance is refused',
      async run(trial) {
        const { cache } = trial
        await cache.getOrSet('k', () => 'v', soon)
        await trial.pass(100)
        for (const options of [{}, { refreshAhead: 0 }, { refreshAhead: 1 }, { earlyRefresh: 0 }] as const) {
          expect(await cache.getOrSet('k', never, { ttl: '1h', ...options })).toBe('v')
        }
        await pause(20)
        expect(cache.stats()).toMatchObject({ loads: 1 })
        for (const bad of [
          { refreshAhead: -0.5 },
          { refreshAhead: 1.5 },
          { refreshAhead: Number.NaN },
          { earlyRefresh: -1 },
          { earlyRefresh: Number.NaN },
        ]) {
          await rejection(() => cache.getOrSet('k', never, bad), 'ERR_CACHE_INVALID_ARGUMENT')
        }
      },
    },
    {
      title: 'earlyRefresh Infinity refreshes at hits, which are served at once',
      async run({ cache }) {
        const { seen, onOutcome } = outcomes()
        const options = { ttl: '1h', earlyRefresh: Number.POSITIVE_INFINITY, onOutcome } as const
        let loads = 0
        const load = (): number => ++loads
        expect(await cache.getOrSet('k', load, options)).toBe(1)
        expect(await cache.getOrSet('k', load, options)).toBe(1)
        await eventually(
          () => cache.getOrSet('k', load, options),
          found => found === 4,
        )
        expect(new Set(seen.slice(1).map(({ source }) => source))).toEqual(new Set(['hit']))
      },
    },
    {
      title: 'a value that no call is to refresh ahead of time is not refreshed',
      async run(trial) {
        const { cache } = trial
        // Nothing was noted of it, and nothing is known of the age of what was set.
        await cache.getOrSet('loaded', () => 'v', { ttl: '1h' })
        await cache.set('set', 'v', { ttl: '1h' })
        await cache.getOrSet('without expiry', () => 'v', { ...soon, ttl: Number.POSITIVE_INFINITY })
        await trial.pass(100)
        for (const key of ['loaded', 'set', 'without expiry']) expect(await cache.getOrSet(key, never, soon)).toBe('v')
        await pause(20)
        expect(cache.stats()).toMatchObject({ refreshes: 0 })
      },
    },
    {
      title: 'a caller who leaves does not stop the refresh that it started',
      async run(trial) {
        const { cache } = trial
        await cache.getOrSet('k', () => 'old', soon)
        await trial.pass(100)
        const leaving = new AbortController()
        const { load, called, finish } = observedLoader(() => 'new')
        expect(await cache.getOrSet('k', load, { ...soon, signal: leaving.signal })).toBe('old')
        const { signal } = await called
        leaving.abort()
        expect(signal.aborted).toBe(false)
        finish()
        await eventually(
          () => cache.get('k'),
          found => found === 'new',
        )
      },
    },
    {
      title: 'a caller who comes when the entry has expired waits for the refresh that runs',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.getOrSet('k', () => 'old', { ttl: 2000, refreshAhead: 0.01 })
        await trial.pass(100)
        const { load, called, finish } = observedLoader(() => 'new')
        expect(await cache.getOrSet('k', load, { ttl: 2000, refreshAhead: 0.01 })).toBe('old')
        await called
        await trial.expire(2000)
        const waiting = cache.getOrSet('k', never, soon)
        await whenCalled(pause(20), waiting)
        finish()
        expect(await waiting).toBe('new')
        expect(cache.stats().loads).toBe(2)
      },
    },
    {
      title: 'notModified keeps the stale value, fresh for another ttl and with its tags',
      async run(trial) {
        const { cache } = trial
        const keep = (context: LoaderContext<{ list: number[] }>): { list: number[] } => {
          const kept = context.notModified()
          expect(kept).toEqual(context.stale)
          return kept
        }
        for (const key of ['foreground', 'background', 'tagged']) {
          await loadStale(
            trial,
            key,
            { list: [1] },
            { staleWhileRevalidate: '1h', tags: key === 'tagged' ? ['tag'] : [] },
          )
        }
        const { seen, onOutcome } = outcomes()
        for (const key of ['foreground', 'tagged']) {
          expect(await cache.getOrSet(key, keep, { ttl: '1h', onOutcome })).toEqual({ list: [1] })
        }
        expect(seen).toMatchObject([
          { source: 'load', stored: true, stale: false },
          { source: 'load', stored: true, stale: false },
        ])
        const window = { ttl: '1h', staleWhileRevalidate: '1h' } as const
        expect(await cache.getOrSet('background', keep, window)).toEqual({ list: [1] })
        await untilHit(cache, 'background')
        for (const key of ['foreground', 'background', 'tagged']) expect(await cache.get(key)).toEqual({ list: [1] })
        await cache.invalidateTags('tag')
        expect(await cache.get('tagged')).toBeUndefined()
        expect(await cache.get('foreground')).toEqual({ list: [1] })
      },
    },
    {
      title: 'notModified without a stale value is an InvalidArgumentError, and nothing is stored',
      async run({ cache }) {
        let stale: unknown = 'not looked at'
        const keep = (context: LoaderContext<string>): string => {
          stale = context.stale
          return context.notModified()
        }
        await rejection(() => cache.getOrSet('k', keep), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(stale).toBeUndefined()
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'a refresh that gives undefined, or what is not to be stored, leaves the stale value',
      async run(trial) {
        const { cache } = trial
        const options = { ttl: '1h', staleWhileRevalidate: '1h' } as const
        for (const load of [
          () => undefined as unknown as string,
          (context: LoaderContext<string>) => {
            context.noStore()
            return 'never stored'
          },
        ]) {
          await loadStale(trial, 'k', 'old')
          const loaded = eventsOf(cache, 'load')
          expect(await cache.getOrSet('k', load, options)).toBe('old')
          await eventually(() => loaded.length, Boolean)
          await pause(20)
          expect(await cache.get('k')).toBeUndefined()
        }
      },
    },
    ...overtaken('this process', trial => trial.cache, undefined),
    ...overtaken('another cache over the store', trial => trial.open(), undefined),
    ...overtaken(
      'another process',
      trial => trial.another(),
      limits => limits.shared && limits.cas,
    ),
  ],
}
