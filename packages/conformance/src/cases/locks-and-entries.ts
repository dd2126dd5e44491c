import type { Lock } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all } from '../expectations.js'
import { cas } from '../limits.js'
import { elsewhere, hour, won } from './lock-trial.js'

const keys = [
  'plain',
  'with spaces and\r\nlines',
  'über/ключ:鍵 🔑',
  '__proto__',
  '~locks:plain',
  'k'.repeat(300),
  `${'k'.repeat(299)}l`,
  '\u0000',
]

export const locksAndEntries: Capability = {
  name: 'locks next to entries',
  cases: [
    {
      title: 'every key is a lock of its own, in whatever form',
      only: cas,
      async run(trial) {
        const held = await Promise.all(keys.map(key => won(trial.cache, key)))
        expect(held.map(({ key }) => key)).toEqual(keys)
        for (const key of keys) expect(await trial.cache.lock(key), key).toBeUndefined()
        expect(await Promise.all(held.map(lock => lock.release()))).toEqual(keys.map(() => true))
      },
    },
    {
      title: 'each namespace has its own',
      only: cas,
      async run(trial) {
        await using nested = trial.cache.namespace('nested')
        await using deeper = nested.namespace('deeper')
        await using again = trial.cache.namespace('nested')
        const held = await Promise.all([trial.cache, nested, deeper].map(cache => won(cache)))
        expect(await again.lock('k')).toBeUndefined()
        expect(await held[1]?.release()).toBe(true)
        expect(await again.lock('k', { ttl: hour })).toBeDefined()
        expect(await held[0]?.renew()).toBe(true)
        expect(await held[2]?.renew()).toBe(true)
      },
    },
    {
      title: 'it and the entry under the same key know nothing of each other',
      only: cas,
      async run({ cache, limits }) {
        await cache.set('k', 'value')
        const lock = await won(cache)
        const gone = await won(cache, 'gone')
        expect(await cache.get('k')).toBe('value')
        expect(await cache.getMany(['k', 'gone'])).toEqual(new Map([['k', 'value']]))
        expect(await cache.has('gone')).toBe(false)
        expect(await cache.add('gone', 'new')).toBe(true)
        if (limits.keys) expect((await all(cache.keys())).sort()).toEqual(['gone', 'k'])
        expect(await cache.touch('k', '1h')).toBe(true)
        expect(await cache.delete('k')).toBe(true)
        expect(await cache.take('gone')).toBe('new')
        expect(await cache.delete('k')).toBe(false)
        expect(await cache.increment('k')).toBe(1)
        expect(await cache.lock('k')).toBeUndefined()
        expect(await lock.renew()).toBe(true)
        expect(await Promise.all([lock.release(), gone.release()])).toEqual([true, true])
        expect(await cache.get('k')).toBe(1)
      },
    },
    {
      title: 'a clear of the namespace leaves locks to their holders',
      only: cas,
      async run(trial) {
        await using nested = trial.cache.namespace('nested')
        const held = [await won(trial.cache), await won(nested)]
        await trial.cache.set('k', 'value')
        await trial.cache.clear()
        expect(await trial.cache.has('k')).toBe(false)
        const other = await elsewhere(trial)
        expect(await other.lock('k')).toBeUndefined()
        expect(await trial.cache.lock('k')).toBeUndefined()
        for (const lock of held) expect(await lock.renew()).toBe(true)
        for (const lock of held) expect(await lock.release()).toBe(true)
        expect((await won(trial.cache)).fence).toBeGreaterThan((held[0] as Lock).fence)
      },
    },
    {
      title: 'emits nothing and counts nothing of entries',
      only: cas,
      async run({ cache }) {
        const seen: string[] = []
        const events = ['hit', 'miss', 'write', 'delete', 'error', 'load', 'clear', 'stale', 'invalidate'] as const
        for (const event of events) cache.on(event, () => seen.push(event))
        const before = cache.stats()
        const lock = await won(cache)
        await cache.lock('k', { wait: 30 })
        await lock.renew()
        await lock.release()
        await lock.release()
        expect(seen).toEqual([])
        expect(cache.stats()).toEqual(before)
      },
    },
  ],
}
