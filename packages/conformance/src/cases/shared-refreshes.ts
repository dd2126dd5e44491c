import type { Cache, LoadOptions } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { eventually, pause } from '../eventually.js'
import { outcomeOf } from '../expectations.js'
import { failure, never, observedLoader, whenCalled } from '../observed-loader.js'
import { loadStale, nextEvent, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'
import { amongProcesses, endless, expectFree } from './lease-trial.js'

/** What no process can read under `k`, and the options of the loads that replace it. */
const unreadable: Record<string, (trial: Trial, other: Cache) => Promise<LoadOptions<string>>> = {
  'an item whose bytes are not what its flags say': async ({ raw }) => {
    await raw.put('k', { flags: 12, data: 'not what the flags say' })
    return endless
  },
  'what a tag has invalidated': async ({ cache }, other) => {
    const options = { ...endless, tags: ['tag'] }
    await cache.getOrSet('k', () => 'invalidated', options)
    await other.invalidateTags('tag')
    return options
  },
}

export const sharedRefreshes: Capability = {
  name: 'entries that one of several processes replaces',
  cases: amongProcesses([
    {
      title: 'a stale value is refreshed by one process, while the others serve it',
      async run(trial: Trial) {
        const other = await trial.another()
        const options: LoadOptions<string> = { ...endless, ttl: '1h', staleWhileRevalidate: '1h' }
        await loadStale(trial, 'k', 'old')
        const { load, called, finish } = observedLoader(() => 'new')
        expect(await trial.cache.getOrSet('k', load, options)).toBe('old')
        await called
        for (let i = 0; i < 3; i++) {
          expect(await other.getOrSet('k', never, options)).toBe('old')
          await pause(20)
        }
        finish()
        await eventually(
          () => other.get('k'),
          found => found === 'new',
        )
        expect(other.stats()).toMatchObject({ loads: 0, stale: 3 })
        await expectFree(trial)
      },
    },
    {
      title: 'who may not have the stale value waits for the process that loads it',
      async run(trial: Trial) {
        const other = await trial.another()
        await loadStale(trial, 'k', 'old')
        const { load, called, finish } = observedLoader(() => 'new')
        const loading = trial.cache.getOrSet('k', load, { ...endless, ttl: '1h' })
        await whenCalled(called, loading)
        const { seen, onOutcome } = outcomes()
        const missed = nextEvent(other, 'miss')
        const waiting = other.getOrSet('k', never, { ...endless, ttl: '1h', onOutcome })
        await whenCalled(missed, waiting)
        finish()
        expect(await Promise.all([loading, waiting])).toEqual(['new', 'new'])
        expect(seen).toMatchObject([{ source: 'hit', loadedBy: 'another-process' }])
        await expectFree(trial)
      },
    },
    {
      title: 'what another process deleted during a refresh is not served any more, if the refresh fails neither',
      async run(trial: Trial) {
        const other = await trial.another()
        const options = { ...endless, ttl: '1h', staleWhileRevalidate: '1h', staleIfError: '1h' } as const
        for (const fails of [false, true]) {
          const key = fails ? 'fails' : 'succeeds'
          await loadStale(trial, key, 'old')
          const { load, called, finish } = observedLoader(() => {
            if (fails) throw failure
            return 'new'
          })
          expect(await trial.cache.getOrSet(key, load, options)).toBe('old')
          await called
          await other.delete(key)
          const asked = outcomeOf(trial.cache.getOrSet(key, load, options))
          await whenCalled(pause(20), asked)
          finish()
          expect(await asked).toEqual(fails ? { error: failure } : { value: 'new' })
          expect(await other.get(key)).not.toBe('old')
          await expectFree(trial, key)
        }
      },
    },
    ...Object.entries(unreadable).map(([what, put]) => ({
      title: `${what} is replaced, by one process`,
      async run(trial: Trial) {
        const other = await trial.another()
        const options = await put(trial, other)
        const { load, called, finish } = observedLoader(() => 'loaded')
        const loading = trial.cache.getOrSet('k', load, options)
        await whenCalled(called, loading)
        const missed = nextEvent(other, 'miss')
        const waiting = other.getOrSet('k', never, options)
        await whenCalled(missed, waiting)
        finish()
        expect(await Promise.all([loading, waiting])).toEqual(['loaded', 'loaded'])
        expect(await other.get('k')).toBe('loaded')
        await expectFree(trial)
      },
    })),
    {
      title: 'force loads over the lease of another process, whose result is then not stored',
      async run(trial: Trial) {
        const other: Cache = await trial.another()
        const { load, called, finish } = observedLoader(() => 'of an overtaken load')
        const loading = trial.cache.getOrSet('k', load, endless)
        await whenCalled(called, loading)
        expect(await other.getOrSet('k', () => 'forced', { ...endless, force: true })).toBe('forced')
        finish()
        expect(await loading).toBe('of an overtaken load')
        expect(await trial.cache.get('k')).toBe('forced')
        await expectFree(trial)
      },
    },
  ]),
}
