import type { LoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { eventually, pause, untilHit } from '../eventually.js'
import { all, outcomeOf } from '../expectations.js'
import { observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, loadStale, nextEvent, outcomes } from '../read-through-trial.js'

/** Of the calls that find something stale: what they load is fresh for long. */
const refreshing = { ttl: '1h', staleWhileRevalidate: '1h' } as const

export const staleWindows: Capability = {
  name: 'stale while revalidate',
  cases: [
    {
      title: 'a stale value is served while one refresh runs, and then the new one',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', { load: 1 })
        const served = eventsOf(cache, 'stale')
        const loaded = eventsOf(cache, 'load')
        const { seen, onOutcome } = outcomes()
        const { load, called, finish } = observedLoader(() => ({ load: 2 }))
        expect(await cache.getOrSet('k', load, { ...refreshing, onOutcome })).toEqual({ load: 1 })
        expect((await called).stale).toEqual({ load: 1 })
        const never = (): never => {
          throw new Error('a second loader was called')
        }
        expect(await cache.getOrSet('k', never, { ...refreshing, onOutcome })).toEqual({ load: 1 })
        expect(seen).toMatchObject(
          Array.from({ length: 2 }, () => ({
            source: 'stale',
            key: 'k',
            stored: true,
            stale: true,
            loadedBy: undefined,
          })),
        )
        expect(seen[0]?.age).toBeGreaterThanOrEqual(15)
        expect(served).toMatchObject([
          { op: 'getOrSet', key: 'k' },
          { op: 'getOrSet', key: 'k' },
        ])
        expect(served[0]?.staleFor).toBeGreaterThanOrEqual(15)
        expect(cache.stats()).toMatchObject({ stale: 2, refreshes: 1, loads: 2 })
        finish()
        expect(await untilHit(cache, 'k')).toEqual({ load: 2 })
        expect(await cache.getOrSet('k', never, { ...refreshing, onOutcome })).toEqual({ load: 2 })
        expect(seen[2]).toMatchObject({ source: 'hit', stale: false })
        expect(loaded).toMatchObject([{ op: 'getOrSet', key: 'k', ok: true, background: true }])
      },
    },
    {
      title: 'a stale value is absent to every other verb',
      async run(trial) {
        const { cache, limits } = trial
        const keys = ['read', 'take', 'add', 'replace', 'touch', 'delete', 'many', 'update', 'append', 'count', 'set']
        for (const key of keys) await loadStale(trial, key, key === 'count' ? 41 : 'stale')
        const misses = eventsOf(cache, 'miss')
        expect(await cache.get('read')).toBeUndefined()
        expect(await cache.has('read')).toBe(false)
        expect(await cache.getMany(['read'])).toEqual(new Map())
        if (limits.cas) expect(await cache.getEntry('read')).toBeUndefined()
        expect(misses.map(({ reason }) => reason)).toEqual(Array.from({ length: limits.cas ? 4 : 3 }, () => 'stale'))
        expect(cache.stats()).toMatchObject({ staleMisses: misses.length, stale: 0 })
        if (limits.keys) expect(await all(cache.keys())).toEqual([])
        expect(await cache.take('take')).toBeUndefined()
        expect(await cache.add('add', 'added')).toBe(true)
        expect(await cache.replace('replace', 'replaced')).toBe(false)
        expect(await cache.touch('touch', '1h')).toBe(false)
        expect(await cache.delete('delete')).toBe(false)
        expect(await cache.deleteMany(['many'])).toBe(0)
        expect(await cache.increment('count')).toBe(1)
        expect(await cache.set('set', 'set')).toBe(true)
        if (limits.cas) {
          expect(await cache.update('update', current => current)).toBeUndefined()
          expect(await cache.append('append', '!')).toBe(false)
        }
        // None of the reads took it away.
        expect(await cache.getOrSet('read', () => 'new', refreshing)).toBe('stale')
        // Taken and deleted for good; the ones that were written are as they were written.
        for (const key of ['take', 'delete', 'many']) {
          expect(await cache.getOrSet(key, () => 'new', refreshing)).toBe('new')
        }
        for (const [key, value] of Object.entries({ add: 'added', count: 1, set: 'set' })) {
          expect(await cache.getOrSet(key, () => 'never', refreshing)).toBe(value)
        }
      },
    },
    {
      title: 'however many ask past the ttl, all are served at once and it is loaded once',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old')
        let loads = 0
        const { load, called, finish } = observedLoader(() => 'new')
        const counted = (context: LoaderContext): Promise<string> => {
          loads++
          return load(context)
        }
        const ask = (): Promise<string> => cache.getOrSet('k', counted, refreshing)
        expect(new Set(await Promise.all(Array.from({ length: 50 }, ask)))).toEqual(new Set(['old']))
        await called
        expect(new Set(await Promise.all(Array.from({ length: 50 }, ask)))).toEqual(new Set(['old']))
        finish()
        await eventually(
          () => cache.get('k'),
          found => found === 'new',
        )
        expect(await ask()).toBe('new')
        expect(loads).toBe(1)
      },
    },
    {
      title: 'a caller who was served and then leaves does not stop the refresh',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old')
        const leaving = new AbortController()
        const { load, called, finish } = observedLoader(() => 'new')
        expect(await cache.getOrSet('k', load, { ...refreshing, signal: leaving.signal })).toBe('old')
        const { signal } = await called
        leaving.abort()
        expect(signal.aborted).toBe(false)
        finish()
        expect(await untilHit(cache, 'k')).toBe('new')
      },
    },
    {
      title: 'a refresh that fails rejects nobody, is reported in an event, and is not tried again at once',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old')
        const failure = new Error('no database')
        const settled = nextEvent(cache, 'load')
        let loads = 0
        const load = async (): Promise<string> => {
          loads++
          throw failure
        }
        const began = performance.now()
        expect(await cache.getOrSet('k', load, refreshing)).toBe('old')
        expect(await settled).toMatchObject({ key: 'k', ok: false, background: true, error: failure })
        expect(cache.stats()).toMatchObject({ loadErrors: 1, refreshes: 1 })
        while (loads === 1) {
          expect(await cache.getOrSet('k', load, refreshing)).toBe('old')
          await pause(20)
        }
        expect(performance.now() - began).toBeGreaterThanOrEqual(1000)
      },
    },
    {
      title: 'closing the cache ends a refresh, and nothing is stored',
      async run(trial) {
        await loadStale(trial, 'k', 'old')
        const closing = trial.open()
        const { load, called, finish } = observedLoader(() => 'of a closed cache')
        expect(await closing.getOrSet('k', load, refreshing)).toBe('old')
        const { signal } = await called
        await closing.close()
        expect(signal.aborted).toBe(true)
        expect(signal.reason).toMatchObject({ code: 'ERR_CACHE_CLOSED' })
        finish()
        await pause(50)
        expect(await trial.cache.get('k')).toBeUndefined()
        // It can be refreshed at once.
        expect(await trial.cache.getOrSet('k', () => 'new', refreshing)).toBe('old')
        expect(await untilHit(trial.cache, 'k')).toBe('new')
      },
    },
    {
      title: 'a value without expiry is never stale',
      async run(trial) {
        const { cache } = trial
        const options = { ttl: Number.POSITIVE_INFINITY, staleWhileRevalidate: '1h' } as const
        await cache.getOrSet('k', () => 'v', options)
        await trial.pass(100)
        expect(await cache.getOrSet('k', () => 'never', options)).toBe('v')
        expect(await cache.get('k')).toBe('v')
        expect(cache.stats()).toMatchObject({ loads: 1, stale: 0 })
      },
    },
    {
      title: 'the caller who reads decides what is served, the one who stored how long it is kept',
      waits: true,
      async run(trial) {
        const { cache } = trial
        // Kept for an hour, and yet not served where the caller does not want it, or not as old as that.
        await loadStale(trial, 'none', 'old')
        await loadStale(trial, 'short', 'old')
        expect(await cache.getOrSet('none', () => 'new', { ttl: '1h' })).toBe('new')
        expect(await cache.getOrSet('short', () => 'new', { ttl: '1h', staleWhileRevalidate: 10 })).toBe('new')
        // Not kept, however long the caller would take it.
        await cache.getOrSet('unkept', () => 'old', { ttl: 20 })
        await cache.getOrSet('kept for staleIfError', () => 'old', { ttl: 20, staleIfError: '1h' })
        await trial.expire(20)
        expect(await cache.getOrSet('unkept', () => 'new', refreshing)).toBe('new')
        expect(await cache.getOrSet('kept for staleIfError', () => 'new', refreshing)).toBe('old')
        // And not longer than was said.
        await cache.getOrSet('gone', () => 'old', { ttl: 20, staleWhileRevalidate: 30 })
        await trial.expire(50)
        expect(await trial.raw.get('gone')).toBeUndefined()
        expect(await cache.getOrSet('gone', () => 'new', refreshing)).toBe('new')
      },
    },
    {
      title:
        "the windows of the cache's readThrough option hold for every call, and a call may have its own, 0 for none",
      waits: true,
      async run(trial) {
        const cache = trial.open({ ttl: '1h', readThrough: { staleWhileRevalidate: '1h' } })
        for (const key of ['own', 'off', 'wrapped']) await cache.getOrSet(key, () => 'old', { ttl: 1 })
        await cache.getOrSet('unkept', () => 'old', { ttl: 1, staleWhileRevalidate: 0 })
        await trial.expire(20)
        expect(await cache.getOrSet('own', () => 'new')).toBe('old')
        expect(await cache.wrap(() => 'new', { key: () => 'wrapped' })()).toBe('old')
        expect(await cache.getOrSet('off', () => 'new', { staleWhileRevalidate: 0 })).toBe('new')
        expect(await cache.getOrSet('unkept', () => 'new')).toBe('new')
        // Of the namespaces within it, too.
        const nested = cache.namespace('nested')
        await nested.getOrSet('k', () => 'old', { ttl: 1 })
        await trial.pass(20)
        expect(await nested.getOrSet('k', () => 'new')).toBe('old')
        await cache.close()
      },
    },
    {
      title: 'nobody shares a stale value with another caller, the loader or the cache',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', { list: [1] })
        const { load, called, finish } = observedLoader(() => ({ list: [2] }))
        const values = await Promise.all(Array.from({ length: 3 }, () => cache.getOrSet('k', load, refreshing)))
        for (const value of values) value.list.push(99)
        const context = (await called) as LoaderContext<{ list: number[] }>
        expect(context.stale).toEqual({ list: [1] })
        context.stale?.list.push(98)
        expect(await cache.getOrSet('k', load, refreshing)).toEqual({ list: [1] })
        finish()
        expect(await untilHit(cache, 'k')).toEqual({ list: [2] })
      },
    },
    {
      title: 'force loads over a stale value, and its error is the caller’s',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old')
        const failure = new Error('of the loader')
        const failed = outcomeOf(cache.getOrSet('k', () => Promise.reject(failure), { ...refreshing, force: true }))
        expect(await failed).toEqual({ error: failure })
        expect(await cache.getOrSet('k', () => 'new', { ...refreshing, force: true })).toBe('new')
        expect(await cache.get('k')).toBe('new')
      },
    },
    {
      title: 'a caller without a window who comes during a refresh waits for it, and it counts as joined',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old')
        const { load, called, finish } = observedLoader(() => 'new')
        await cache.getOrSet('k', load, refreshing)
        await called
        const { seen, onOutcome } = outcomes()
        const waiting = cache.getOrSet('k', () => 'never', { ttl: '1h', onOutcome })
        await whenCalled(pause(20), waiting)
        finish()
        expect(await waiting).toBe('new')
        expect(seen).toMatchObject([{ source: 'joined', loadedBy: 'this-process', stored: true }])
      },
    },
  ],
}
