import type { Cache, LoaderContext, LoadOptions } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { changes } from '../changes.js'
import { eventually, pause } from '../eventually.js'
import { outcomeOf } from '../expectations.js'
import { failure, never, observedLoader, whenCalled } from '../observed-loader.js'
import { loadStale, nextEvent, outcomes } from '../read-through-trial.js'
import type { Trial } from '../trial.js'

/** So long that a case which waits for its end does not end in time. */
const endless = { lease: '1h' } as const

/** That nothing of a lease is left, neither under the key nor under the one that refreshes have. */
async function expectFree({ raw }: Trial, key = 'k'): Promise<void> {
  const own = raw.nested('~lease')
  const isFree = async (): Promise<boolean> => {
    if ((await raw.get(key, own)) !== undefined) return false
    const item = await raw.get(key)
    return item === undefined || item.flags !== FLAG_LEASE
  }
  await eventually(isFree, Boolean)
}

const only = (limits: Trial['limits']): boolean => limits.shared && limits.cas

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
  cases: [
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
    {
      title: 'bytes that cannot be read are replaced, by one process',
      async run(trial: Trial) {
        const other = await trial.another()
        await trial.raw.put('k', { flags: 12, data: 'not what the flags say' })
        const { load, called, finish } = observedLoader(() => 'loaded')
        const loading = trial.cache.getOrSet('k', load, endless)
        await whenCalled(called, loading)
        const missed = nextEvent(other, 'miss')
        const waiting = other.getOrSet('k', never, endless)
        await whenCalled(missed, waiting)
        finish()
        expect(await Promise.all([loading, waiting])).toEqual(['loaded', 'loaded'])
        expect(await other.get('k')).toBe('loaded')
        await expectFree(trial)
      },
    },
    {
      title: 'what a tag has invalidated is replaced, by one process',
      async run(trial: Trial) {
        const other = await trial.another()
        const options = { ...endless, tags: ['tag'] }
        await trial.cache.getOrSet('k', () => 'invalidated', options)
        await other.invalidateTags('tag')
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
    },
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
  ]
    .map((each): Case => each)
    .map(each => ({ ...each, only: limits => only(limits) && (each.only?.(limits) ?? true) })),
}
