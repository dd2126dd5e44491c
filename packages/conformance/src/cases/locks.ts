import type { Cache } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf, rejection } from '../expectations.js'
import { cas } from '../limits.js'
import type { Bad } from './bad-calls.js'
import { elsewhere, hour, won } from './lock-trial.js'

export const locks: Capability = {
  name: 'locks',
  cases: [
    {
      title: 'one holder has it at a time, and its release lets another in',
      only: cas,
      async run(trial) {
        const other = await elsewhere(trial)
        const lock = await won(trial.cache)
        expect(lock.key).toBe('k')
        expect(await other.lock('k')).toBeUndefined()
        expect(await trial.cache.lock('k')).toBeUndefined()
        expect(await lock.release()).toBe(true)
        const next = await won(other)
        expect(await trial.cache.lock('k')).toBeUndefined()
        expect(await next.release()).toBe(true)
      },
    },
    {
      title: 'a released one is renewed and released no more, and leaves the next holder alone',
      only: cas,
      async run(trial) {
        const first = await won(trial.cache)
        expect(await Promise.all([first.release(), first.release()])).toEqual([true, false])
        expect(await first.renew()).toBe(false)
        const second = await won(await elsewhere(trial))
        expect(await first.release()).toBe(false)
        expect(await first.renew()).toBe(false)
        expect(await trial.cache.lock('k')).toBeUndefined()
        expect(await second.renew()).toBe(true)
        expect(await second.release()).toBe(true)
      },
    },
    {
      title: 'the end of its block releases it, however the block ends',
      only: cas,
      async run(trial) {
        const thrown = new Error('the work failed')
        const work = async (fails: boolean): Promise<string> => {
          await using lock = await trial.cache.lock('k', { ttl: hour })
          if (lock === undefined) throw new Error('it was not released')
          if (fails) throw thrown
          return 'done'
        }
        expect(await work(false)).toBe('done')
        expect(await outcomeOf(work(true))).toEqual({ error: thrown })
        expect(await work(false)).toBe('done')
        await using lock = await trial.cache.lock('k')
        expect(await lock?.release()).toBe(true)
      },
    },
    {
      title: 'a wait ends when the holder releases it, and without it when the time is over',
      only: cas,
      async run(trial) {
        const other = await elsewhere(trial)
        const lock = await won(trial.cache)
        const started = performance.now()
        expect(await other.lock('k', { wait: 60 })).toBeUndefined()
        expect(performance.now() - started).toBeGreaterThanOrEqual(59)
        const waiting = other.lock('k', { wait: '20s' })
        const unheld = other.lock('another', { wait: '20s' })
        expect(await unheld).toBeDefined()
        expect(await lock.release()).toBe(true)
        expect(await waiting).toBeDefined()
      },
    },
    {
      title: 'a signal ends the wait with its reason, and what was being taken is given back',
      only: cas,
      async run(trial) {
        const reason = new Error('no more')
        const lock = await won(trial.cache)
        const waiting = new AbortController()
        const stopped = outcomeOf(trial.cache.lock('k', { wait: '20s', signal: waiting.signal }))
        setTimeout(() => waiting.abort(reason), 30)
        expect(await stopped).toEqual({ error: reason })
        expect(await outcomeOf(trial.cache.lock('k', { signal: AbortSignal.abort(reason) }))).toEqual({ error: reason })
        await lock.release()
        // Under way: it may be won, or not.
        const taking = new AbortController()
        const given = outcomeOf(trial.cache.lock('k', { ttl: hour, signal: taking.signal }))
        taking.abort(reason)
        expect(await given).toEqual({ error: reason })
        expect(await trial.cache.lock('k', { wait: '20s' })).toBeDefined()
      },
    },
    {
      title: 'of many contenders in two processes one holds it at a time, and each gets its turn',
      only: cas,
      async run(trial) {
        const caches = [trial.cache, await elsewhere(trial)]
        let holders = 0
        let most = 0
        const fences: number[] = []
        const contend = async (cache: Cache): Promise<void> => {
          await using lock = await won(cache, 'k', { ttl: hour, wait: '20s' })
          most = Math.max(most, ++holders)
          fences.push(lock.fence)
          await new Promise(resolve => setTimeout(resolve, 1))
          holders--
        }
        await Promise.all(Array.from({ length: 20 }, (_, i) => contend(caches[i % 2] as Cache)))
        expect(most).toBe(1)
        expect(fences).toHaveLength(20)
        expect(fences).toEqual([...fences].sort((a, b) => a - b))
        expect(new Set(fences).size).toBe(20)
      },
    },
    {
      title: 'fencing numbers are whole, and grow from holder to holder, whichever process has it',
      only: cas,
      async run(trial) {
        const caches = [trial.cache, await elsewhere(trial)]
        let last = 0
        for (let i = 0; i < 6; i++) {
          await using lock = await won(caches[i % 2] as Cache)
          expect(Number.isSafeInteger(lock.fence)).toBe(true)
          expect(lock.fence).toBeGreaterThan(last)
          last = lock.fence
        }
      },
    },
    {
      title: 'fencing numbers grow on after the server lost its memory, and the lock is lost with it',
      only: cas,
      flushes: true,
      async run(trial) {
        const first = await won(trial.cache)
        for (let i = 0; i < 5; i++) await (await won(trial.cache, 'other')).release()
        const other = await won(trial.cache, 'other')
        await trial.store.flush({ deadline: performance.now() + 10_000 })
        const second = await won(await elsewhere(trial))
        expect(second.fence).toBeGreaterThan(first.fence)
        expect((await won(trial.cache, 'other')).fence).toBeGreaterThan(other.fence)
        expect(await first.renew()).toBe(false)
        expect(await first.release()).toBe(false)
        expect(await second.renew()).toBe(true)
      },
    },
    {
      title: 'ends with its ttl, and then its holder can neither renew it nor disturb the next one',
      only: cas,
      waits: true,
      async run(trial) {
        const other = await elsewhere(trial)
        const left = await won(trial.cache, 'left', { ttl: 1000 })
        const taken = await won(trial.cache, 'taken', { ttl: 1000 })
        await trial.expire(1000)
        expect(await left.renew()).toBe(false)
        expect(await left.release()).toBe(false)
        const next = await won(other, 'taken')
        expect(next.fence).toBeGreaterThan(taken.fence)
        expect(await taken.renew()).toBe(false)
        expect(await taken.release()).toBe(false)
        expect(await trial.cache.lock('taken')).toBeUndefined()
        expect(await next.renew()).toBe(true)
        expect(await next.release()).toBe(true)
      },
    },
    {
      title: 'lasts as long as it was renewed for, by default as long as it was taken for',
      only: cas,
      waits: true,
      async run(trial) {
        const longer = await won(trial.cache, 'longer', { ttl: 3000 })
        const shorter = await won(trial.cache, 'shorter', { ttl: '1h' })
        const same = await won(trial.cache, 'same', { ttl: '1h' })
        expect(await longer.renew('1h')).toBe(true)
        expect(await shorter.renew(1000)).toBe(true)
        expect(await same.renew(1000)).toBe(true)
        expect(await same.renew()).toBe(true)
        await trial.expire(3000)
        expect(await trial.cache.lock('longer')).toBeUndefined()
        expect(await trial.cache.lock('same')).toBeUndefined()
        expect(await trial.cache.lock('shorter')).toBeDefined()
        expect(await longer.release()).toBe(true)
      },
    },
    {
      title: 'refuses what it does not take, before anything is sent',
      only: cas,
      async run({ cache }) {
        const code = 'ERR_CACHE_INVALID_ARGUMENT'
        const bad: readonly object[] = [
          { ttl: 0 },
          { ttl: -1 },
          { ttl: Number.POSITIVE_INFINITY },
          { ttl: '1 hour' },
          { ttl: null },
          { wait: -1 },
          { wait: Number.NaN },
          { wait: 'long' },
          { signal: {} },
          { timeout: 0 },
          { onError: 'never' },
          { tll: 5 },
        ]
        for (const options of bad) await rejection(() => cache.lock('k', options as Bad), code)
        const { message } = await rejection(() => cache.lock('k', { wiat: 5 } as Bad), code)
        expect(message).toContain('did you mean "wait"?')
        const lock = await won(cache)
        for (const ttl of [0, -1, '5', null, {}]) await rejection(() => lock.renew(ttl as Bad), code)
        for (const options of [null, 5, { ttl: 5 }, { timeout: 'x' }]) {
          await rejection(() => lock.renew('5s', options as Bad), code)
          await rejection(() => lock.release(options as Bad), code)
        }
        expect(await lock.release({ timeout: '10s', onError: 'open' })).toBe(true)
      },
    },
    {
      title: 'nothing of it works after the cache was closed, and the end of its block does not throw',
      only: cas,
      async run(trial) {
        const cache = trial.open()
        const lock = await won(cache)
        const waiting = outcomeOf(cache.lock('k', { wait: '20s' }))
        await cache.close()
        await rejection(() => cache.lock('k'), 'ERR_CACHE_CLOSED')
        await rejection(() => lock.renew(), 'ERR_CACHE_CLOSED')
        await rejection(() => lock.release(), 'ERR_CACHE_CLOSED')
        expect(await waiting).toMatchObject({ error: { code: 'ERR_CACHE_CLOSED' } })
        await lock[Symbol.asyncDispose]()
      },
    },
    {
      title: 'is refused where versions are not kept',
      only: limits => !limits.cas,
      async run({ cache }) {
        await rejection(() => cache.lock('k'), 'ERR_CACHE_NOT_SUPPORTED')
      },
    },
  ],
}
