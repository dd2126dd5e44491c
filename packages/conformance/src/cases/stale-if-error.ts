import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { eventually, pause, untilHit } from '../eventually.js'
import { outcomeOf, rejection } from '../expectations.js'
import { failure, never, observedLoader, whenCalled } from '../observed-loader.js'
import { eventsOf, loadStale, nextEvent, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'

/** Of the calls that find something stale. */
const forgiving = { ttl: '1h', staleIfError: '1h' } as const

/** Of what is stale. */
const kept = { staleIfError: '1h' } as const

const fail = (): Promise<never> => Promise.reject(failure)

/** Long enough for the loader to be called before it is over, on a busy machine with a server to ask first. */
function patienceOf({ realTime }: Trial): number {
  return realTime ? 1500 : 50
}

export const staleIfError: Capability = {
  name: 'stale if error, and impatient callers',
  cases: [
    {
      title: 'where the loader fails the stale value is served; where it does not, the new one',
      async run(trial) {
        const { cache } = trial
        for (const key of ['rejects', 'throws', 'succeeds']) await loadStale(trial, key, { old: 1 }, kept)
        const served = eventsOf(cache, 'stale')
        const loaded = eventsOf(cache, 'load')
        const { seen, onOutcome } = outcomes()
        expect(await cache.getOrSet('rejects', fail, { ...forgiving, onOutcome })).toEqual({ old: 1 })
        const thrower = (): never => {
          throw failure
        }
        expect(await cache.getOrSet('throws', thrower, { ...forgiving, onOutcome })).toEqual({ old: 1 })
        expect(await cache.getOrSet('succeeds', () => ({ old: 0 }), { ...forgiving, onOutcome })).toEqual({ old: 0 })
        expect(seen).toMatchObject([
          { source: 'stale', key: 'rejects', stored: true, stale: true, loadedBy: undefined },
          { source: 'stale', key: 'throws', stored: true, stale: true, loadedBy: undefined },
          { source: 'load', key: 'succeeds', stored: true, stale: false, age: 0, loadedBy: 'this-call' },
        ])
        expect(served.map(({ key }) => key)).toEqual(['rejects', 'throws'])
        expect(loaded).toMatchObject([
          { ok: false, background: false, error: failure },
          { ok: false, background: false, error: failure },
          { ok: true, background: false },
        ])
        expect(cache.stats()).toMatchObject({ stale: 2, loadErrors: 2, refreshes: 0 })
        expect(await cache.get('rejects')).toBeUndefined()
        expect(await cache.get('succeeds')).toEqual({ old: 0 })
      },
    },
    {
      title: 'whatever a loader fails with, even undefined, the stale value is served',
      async run(trial) {
        for (const thrown of [undefined, null, 'text', 0]) {
          await loadStale(trial, String(thrown), 'old', kept)
          const served = await outcomeOf(trial.cache.getOrSet(String(thrown), () => Promise.reject(thrown), forgiving))
          expect(served, String(thrown)).toEqual({ value: 'old' })
        }
      },
    },
    {
      title: "outside the window the error is the loader's own",
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old', kept)
        for (const options of [{}, { staleIfError: 0 }, { staleIfError: 10 }, { staleWhileRevalidate: 10 }] as const) {
          expect(await outcomeOf(cache.getOrSet('k', fail, options))).toEqual({ error: failure })
        }
        expect(await outcomeOf(cache.getOrSet('nothing there', fail, forgiving))).toEqual({ error: failure })
        // Nor does it help where the loader is to run whatever is there.
        expect(await outcomeOf(cache.getOrSet('k', fail, { ...forgiving, force: true }))).toEqual({ error: failure })
      },
    },
    {
      title: 'after a failure the loader is not called again for a second, where the stale value can be served',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old', kept)
        let loads = 0
        const load = (): Promise<never> => {
          loads++
          return fail()
        }
        const began = performance.now()
        while (loads < 2) {
          expect(await cache.getOrSet('k', load, forgiving)).toBe('old')
          await pause(20)
        }
        expect(performance.now() - began).toBeGreaterThanOrEqual(1000)
        // A caller who may not have it has no use for the rest.
        expect(await cache.getOrSet('k', () => 'new', { ttl: '1h' })).toBe('new')
        expect(await cache.getOrSet('k', never, forgiving)).toBe('new')
      },
    },
    {
      title: 'callers who share a load that fails are served, or rejected, each by its own window',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', { list: [1] }, kept)
        const { load, called, finish } = observedLoader<{ list: number[] }>(() => {
          throw failure
        })
        const strict = outcomeOf(cache.getOrSet('k', load, { ttl: '1h' }))
        await whenCalled(called, strict)
        const served = [
          cache.getOrSet('k', load, forgiving),
          cache.getOrSet('k', load, forgiving),
          cache.getOrSet('k', load, { staleWhileRevalidate: '1h' }),
        ]
        const late = outcomeOf(cache.getOrSet('k', load, { staleIfError: 10 }))
        await whenCalled(pause(20), strict)
        finish()
        const values = await Promise.all(served)
        for (const value of values) {
          expect(value).toEqual({ list: [1] })
          value.list.push(99)
        }
        expect(await strict).toEqual({ error: failure })
        expect(await late).toEqual({ error: failure })
      },
    },
    {
      title: 'softTimeout serves the stale value while the loader takes longer, and the load ends in the background',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old', kept)
        const leaving = new AbortController()
        const { load, called, finish } = observedLoader(() => 'new')
        const { seen, onOutcome } = outcomes()
        const options = { ...forgiving, softTimeout: 30, signal: leaving.signal, onOutcome }
        const began = performance.now()
        expect(await cache.getOrSet('k', load, options)).toBe('old')
        expect(performance.now() - began).toBeGreaterThanOrEqual(29)
        expect(seen).toMatchObject([{ source: 'stale', stale: true, loadedBy: undefined }])
        const { signal } = await called
        leaving.abort()
        await pause(20)
        expect(signal.aborted).toBe(false)
        finish()
        expect(await untilHit(cache, 'k')).toBe('new')
        expect(seen).toHaveLength(1)
        expect(cache.stats().loads).toBe(2)
      },
    },
    {
      title: 'a load that fails after softTimeout rejects nobody, and the stale value is served on',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'k', 'old', kept)
        const { load, called, finish } = observedLoader(() => {
          throw failure
        })
        const settled = nextEvent(cache, 'load')
        expect(await cache.getOrSet('k', load, { ...forgiving, softTimeout: 10 })).toBe('old')
        await called
        finish()
        expect(await settled).toMatchObject({ ok: false, error: failure })
        expect(await cache.getOrSet('k', fail, { ...forgiving, softTimeout: 10 })).toBe('old')
      },
    },
    {
      title: 'softTimeout changes nothing where no stale value may be served',
      async run(trial) {
        const { cache } = trial
        await loadStale(trial, 'unwanted', 'old', kept)
        await loadStale(trial, 'too old', 'old', kept)
        for (const [key, options] of Object.entries({
          nothing: { ...forgiving },
          unwanted: { ttl: '1h' },
          'too old': { ttl: '1h', staleIfError: 10 },
        } as const)) {
          const { load, called, finish } = observedLoader(() => 'new')
          const waiting = cache.getOrSet(key, load, { ...options, softTimeout: 10 })
          await whenCalled(called, waiting)
          await whenCalled(pause(50), waiting)
          finish()
          expect(await waiting).toBe('new')
        }
      },
    },
    {
      title: 'hardTimeout rejects, fires the signal of the loader, and nothing is stored',
      waits: true,
      async run(trial) {
        const { cache } = trial
        const patience = patienceOf(trial)
        const { load, called, finish } = observedLoader(() => 'of a loader that was too slow')
        const began = performance.now()
        const waiting = rejection(() => cache.getOrSet('k', load, { hardTimeout: patience }), 'ERR_CACHE_TIMEOUT')
        const { signal } = await called
        expect(await waiting).toMatchObject({ op: 'getOrSet', key: 'k' })
        expect(performance.now() - began).toBeGreaterThanOrEqual(patience - 1)
        expect(signal.aborted).toBe(true)
        expect(signal.reason).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
        expect(await cache.getOrSet('k', () => 'loaded again', { ttl: '1h' })).toBe('loaded again')
        finish()
        await pause(50)
        expect(await cache.get('k')).toBe('loaded again')
      },
    },
    {
      title: 'hardTimeout serves the stale value that staleIfError permits',
      waits: true,
      async run(trial) {
        const { cache } = trial
        const patience = patienceOf(trial)
        await loadStale(trial, 'k', 'old', kept)
        const { load, called, finish } = observedLoader(() => 'of a loader that was too slow')
        expect(await cache.getOrSet('k', load, { ...forgiving, hardTimeout: patience })).toBe('old')
        expect((await called).signal.aborted).toBe(true)
        finish()
        await pause(50)
        expect(await cache.get('k')).toBeUndefined()
      },
    },
    {
      title: 'the hardTimeout of one caller ends no load that another waits for',
      waits: true,
      async run(trial) {
        const { cache } = trial
        const patience = patienceOf(trial)
        const { load, called, finish } = observedLoader(() => 'v')
        const impatient = rejection(() => cache.getOrSet('k', load, { hardTimeout: patience }), 'ERR_CACHE_TIMEOUT')
        const { signal } = await called
        const patient = cache.getOrSet('k', load)
        await whenCalled(impatient, patient)
        expect(signal.aborted).toBe(false)
        finish()
        expect(await patient).toBe('v')
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'the hardTimeout of a refresh ends it, and nothing is stored',
      waits: true,
      async run(trial) {
        const { cache } = trial
        const patience = patienceOf(trial)
        await loadStale(trial, 'k', 'old')
        const { load, called, finish } = observedLoader(() => 'of a loader that was too slow')
        const options = { ttl: '1h', staleWhileRevalidate: '1h', hardTimeout: patience } as const
        expect(await cache.getOrSet('k', load, options)).toBe('old')
        const { signal } = await called
        await eventually(() => signal.aborted, Boolean)
        finish()
        await pause(50)
        expect(await cache.get('k')).toBeUndefined()
      },
    },
    {
      title: "windows that the cache's readThrough option names hold for every call, and a call may have its own",
      waits: true,
      async run(trial) {
        const patience = patienceOf(trial)
        await loadStale(trial, 'k', 'old', kept)
        const cache = trial.open({ readThrough: { staleIfError: '1h', hardTimeout: patience } })
        expect(await cache.getOrSet('k', fail)).toBe('old')
        expect(await outcomeOf(cache.getOrSet('k', fail, { staleIfError: 0 }))).toEqual({ error: failure })
        await rejection(() => cache.getOrSet('nothing', () => new Promise(() => {})), 'ERR_CACHE_TIMEOUT')
        const slow = async (): Promise<string> => {
          await pause(patience + 100)
          return 'v'
        }
        expect(await cache.getOrSet('nothing', slow, { hardTimeout: Number.POSITIVE_INFINITY })).toBe('v')
        await cache.close()
      },
    },
  ],
}
