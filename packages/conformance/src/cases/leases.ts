import type { LoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { changes } from '../changes.js'
import { pause } from '../eventually.js'
import { outcomeOf } from '../expectations.js'
import { failure, never, observedLoader, whenCalled } from '../observed-loader.js'
import { nextEvent, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'
import { amongProcesses, endless, expectFree } from './lease-trial.js'

const leaveless: Record<string, (context: LoaderContext<string>) => string | Promise<string>> = {
  'fails at once': () => {
    throw failure
  },
  'fails later': async () => {
    await pause(10)
    throw failure
  },
  'gives undefined': () => undefined as unknown as string,
  'calls noStore': context => {
    context.noStore()
    return 'not stored'
  },
  'gives what cannot be stored': () => (() => 'a function') as unknown as string,
}

export const leases: Capability = {
  name: 'loads of several processes',
  cases: amongProcesses([
    {
      title: 'a call that comes after another process has invalidated the key is not given the older load',
      async run(trial: Trial) {
        const { cache } = trial
        const other = await trial.another()
        const invalidations: Record<string, () => Promise<unknown>> = {
          delete: () => other.delete('delete'),
          set: () => other.set('set', 'new'),
          clear: () => other.clear(),
          tags: () => other.invalidateTags('tag'),
        }
        for (const [key, invalidate] of Object.entries(invalidations)) {
          const options = { tags: key === 'tags' ? 'tag' : 'another' }
          const one = observedLoader(() => 'old')
          const first = cache.getOrSet(key, one.load, options)
          await whenCalled(one.called, first)
          await invalidate()
          const late = Array.from({ length: 3 }, () => cache.getOrSet(key, () => 'new', options))
          one.finish()
          expect(await first).toBe('old')
          expect(await Promise.all(late)).toEqual(['new', 'new', 'new'])
          expect(await cache.getOrSet(key, never, options)).toBe('new')
        }
      },
    },
    {
      title: 'two processes that want a cold key load it once, and the one that waited says so',
      async run(trial: Trial) {
        const other = await trial.another()
        const { load, called, finish } = observedLoader(() => ({ loaded: 1 }))
        const { seen, onOutcome } = outcomes()
        const first = trial.cache.getOrSet('k', load, { ...endless, onOutcome })
        await whenCalled(called, first)
        const missed = nextEvent(other, 'miss')
        const second = other.getOrSet('k', never, { ...endless, onOutcome })
        await whenCalled(missed, second)
        expect(await other.get('k')).toBeUndefined()
        finish()
        expect(await Promise.all([first, second])).toEqual([{ loaded: 1 }, { loaded: 1 }])
        expect(seen).toMatchObject([
          { source: 'load', stored: true, loadedBy: 'this-call' },
          { source: 'hit', stored: true, stale: false, loadedBy: 'another-process' },
        ])
        expect(other.stats()).toMatchObject({ loads: 0, misses: 2 })
        await expectFree(trial)
      },
    },
    {
      title: 'however many callers and processes ask for cold keys, each is loaded once',
      async run(trial: Trial) {
        const caches = [trial.cache, ...(await Promise.all([trial.another(), trial.another(), trial.another()]))]
        const loads = new Map<string, number>()
        const load = async ({ key }: LoaderContext): Promise<string> => {
          loads.set(key, (loads.get(key) ?? 0) + 1)
          await pause(30)
          return `of ${key}`
        }
        const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`)
        const asked = caches.flatMap(cache =>
          keys.flatMap(key => Array.from({ length: 5 }, () => cache.getOrSet(key, load, endless))),
        )
        expect(new Set(await Promise.all(asked))).toEqual(new Set(keys.map(key => `of ${key}`)))
        expect(loads).toEqual(new Map(keys.map(key => [key, 1])))
        for (const key of keys) await expectFree(trial, key)
      },
    },
    ...Object.entries(leaveless).map(([what, load]) => ({
      title: `a load that ${what} frees the key for other processes at once`,
      async run(trial: Trial) {
        const other = await trial.another()
        const first = outcomeOf(trial.cache.getOrSet('k', load, endless))
        await first
        expect(await other.getOrSet('k', () => 'of the other', endless)).toBe('of the other')
        expect(await trial.cache.get('k')).toBe('of the other')
        await expectFree(trial)
      },
    })),
    {
      title: 'a load whose last caller left frees the key for a process that waits',
      async run(trial: Trial) {
        const other = await trial.another()
        const leaving = new AbortController()
        const { load, called, finish } = observedLoader(() => 'of a load that they left')
        const left = outcomeOf(trial.cache.getOrSet('k', load, { ...endless, signal: leaving.signal }))
        await whenCalled(called, left)
        const missed = nextEvent(other, 'miss')
        const waiting = other.getOrSet('k', () => 'of the other', endless)
        await whenCalled(missed, waiting)
        leaving.abort(failure)
        expect(await left).toEqual({ error: failure })
        expect(await waiting).toBe('of the other')
        finish()
        await pause(20)
        expect(await trial.cache.get('k')).toBe('of the other')
        await expectFree(trial)
      },
    },
    {
      title: 'closing the cache frees the key of a load that runs',
      async run(trial: Trial) {
        const closing = await trial.another()
        const { load, called, finish } = observedLoader(() => 'of a closed cache')
        const loading = closing.getOrSet('k', load, endless)
        await whenCalled(called, loading)
        await closing.close()
        expect(await trial.cache.getOrSet('k', () => 'of the other', endless)).toBe('of the other')
        finish()
        expect(await loading).toBe('of a closed cache')
        expect(await trial.cache.get('k')).toBe('of the other')
        await expectFree(trial)
      },
    },
    ...changes.map(each => ({
      title: `${each.name} by another process during a load is not undone by it`,
      only: each.only,
      async run(trial: Trial) {
        const other = await trial.another()
        const { load, called, finish } = observedLoader(() => 'of an overtaken load')
        const { seen, onOutcome } = outcomes()
        const loading = trial.cache.getOrSet('k', load, { ...endless, tags: ['tag'], onOutcome })
        await whenCalled(called, loading)
        await each.change(other)
        finish()
        expect(await loading).toBe('of an overtaken load')
        expect(await other.get('k')).toBe(each.left)
        expect(await trial.cache.get('k')).toBe(each.left)
        if (each.name !== 'invalidateTags') expect(seen).toMatchObject([{ source: 'load', stored: false }])
        await expectFree(trial)
      },
    })),
    {
      title: 'with lease: false each process loads for itself, and stores',
      async run(trial: Trial) {
        const other = await trial.another()
        const { load, called, finish } = observedLoader(() => 'mine')
        const loading = trial.cache.getOrSet('k', load, { lease: false })
        await whenCalled(called, loading)
        expect(await trial.raw.get('k')).toBeUndefined()
        expect(await other.getOrSet('k', () => 'theirs', { lease: false })).toBe('theirs')
        finish()
        expect(await loading).toBe('mine')
        expect(await other.get('k')).toBe('mine')
        await expectFree(trial)
      },
    },
    {
      title: 'a load slower than its lease is stored: the lease is renewed',
      waits: true,
      async run(trial: Trial) {
        const other = await trial.another()
        const { load, called, finish } = observedLoader(() => 'slow')
        const loading = trial.cache.getOrSet('k', load, { lease: 1500 })
        await whenCalled(called, loading)
        const waiting = other.getOrSet('k', never, endless)
        await trial.expire(1500)
        finish()
        expect(await loading).toBe('slow')
        expect(await waiting).toBe('slow')
        expect(await trial.cache.get('k')).toBe('slow')
        await expectFree(trial)
      },
    },
    {
      title:
        'who has waited for its lease loads for itself, and the result of the living holder is the one that is stored',
      waits: true,
      async run(trial: Trial) {
        const other = await trial.another()
        const { load, called, finish } = observedLoader(() => 'of the holder')
        const { seen, onOutcome } = outcomes()
        const loading = trial.cache.getOrSet('k', load, endless)
        await whenCalled(called, loading)
        const began = performance.now()
        expect(await other.getOrSet('k', () => 'mine', { lease: 200, onOutcome })).toBe('mine')
        expect(performance.now() - began).toBeGreaterThanOrEqual(199)
        expect(seen).toMatchObject([{ source: 'load', stored: false }])
        expect(await other.get('k')).toBeUndefined()
        finish()
        expect(await loading).toBe('of the holder')
        expect(await other.get('k')).toBe('of the holder')
        await expectFree(trial)
      },
    },
    {
      title: 'a dead holder delays others by their lease at most, and what they load is stored',
      waits: true,
      async run(trial: Trial) {
        await trial.raw.won('forgotten')
        await trial.raw.won('expiring', 300)
        const began = performance.now()
        expect(await trial.cache.getOrSet('expiring', () => 'loaded', { lease: '20s' })).toBe('loaded')
        expect(await trial.cache.getOrSet('forgotten', () => 'loaded', { lease: 200 })).toBe('loaded')
        expect(performance.now() - began).toBeGreaterThanOrEqual(199)
        for (const key of ['forgotten', 'expiring']) {
          expect(await trial.cache.get(key)).toBe('loaded')
          await expectFree(trial, key)
        }
      },
    },
    {
      title: 'a loader that asks for its own key does not wait for its own lease, not through another cache either',
      async run(trial: Trial) {
        const other = await trial.another()
        for (const [key, inner] of Object.entries({ own: trial.cache, others: other })) {
          const ask = (): Promise<string> => inner.getOrSet(key, () => 'inner', endless)
          const outer = trial.cache.getOrSet(key, async () => `outer of ${await ask()}`, endless)
          expect(await outer).toBe('outer of inner')
          expect(await other.get(key)).toBe('outer of inner')
          await expectFree(trial, key)
        }
      },
    },
  ]),
}
