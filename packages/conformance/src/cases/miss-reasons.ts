import { type Cache, type CacheStats, cacheOver, type MissReason } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability, Case } from '../case.js'
import { marked } from '../sample-items.js'
import { lease } from '../store-trial.js'
import { chaosStore } from '../testing.js'
import type { Trial } from '../trial.js'

const unknownFlags = 1 << 14

/** Why a read is a miss, and what has to be put under the keys for that. */
const ways: Record<string, { reason: MissReason; put: (trial: Trial, key: string) => Promise<unknown> }> = {
  'nothing there': { reason: 'absent', put: async () => {} },
  'a lease': { reason: 'absent', put: (trial, key) => trial.raw.put(key, lease()) },
  'an entry past its ttl': {
    reason: 'stale',
    put: (trial, key) => trial.raw.put(key, marked('v', { softDeadline: trial.raw.epochNow() - 1 })),
  },
  'an entry whose tag has another version': {
    reason: 'invalidated',
    put: (trial, key) => trial.raw.put(key, marked('v', { tags: new Map([['a tag', Buffer.from('version1')]]) })),
  },
  'bytes that cannot be read': {
    reason: 'undecodable',
    put: (trial, key) => trial.raw.put(key, { flags: unknownFlags, data: Buffer.from('what is this') }),
  },
  'a value that does not fit': { reason: 'unfit', put: (trial, key) => trial.cache.set(key, 5) },
}

/** A cache whose values are text. */
function textsOf(cache: Cache): Cache {
  return cache.typed<unknown, unknown>({
    '~standard': {
      version: 1,
      vendor: 'conformance',
      validate: value => (typeof value === 'string' ? { value } : { issues: [{ message: 'not text' }] }),
    },
  }) as Cache
}

type Reason = { op: string; key: string; reason: MissReason; outage: boolean }

function missesOf(cache: Cache): Reason[] {
  const misses: Reason[] = []
  cache.on('miss', ({ op, key, reason, outage }) => misses.push({ op, key, reason, outage }))
  return misses
}

function countsOf({ misses, ...stats }: CacheStats): Record<string, number> {
  const counts = Object.entries(stats).filter(([name, count]) => name.endsWith('Misses') && count > 0)
  expect(misses).toBe(counts.reduce((sum, [, count]) => sum + count, 0))
  return Object.fromEntries(counts)
}

export const missReasons: Capability = {
  name: 'why a read was a miss',
  cases: [
    ...Object.entries(ways).map(
      ([name, { reason, put }]): Case => ({
        title: `${name}: a miss because it is ${reason}, to every read, in events and counts`,
        async run(trial) {
          const { limits } = trial
          const ops = [
            'get',
            'has',
            'getMany',
            'take',
            'getOrSet',
            ...(limits.cas ? ['getEntry', 'update', 'append'] : []),
          ]
          for (const op of ops) await put(trial, op)
          const texts = textsOf(trial.cache)
          const misses = missesOf(texts)
          expect(await texts.get('get')).toBeUndefined()
          expect(await texts.has('has')).toBe(false)
          expect(await texts.getMany(['getMany'])).toEqual(new Map())
          expect(await texts.take('take')).toBeUndefined()
          expect(await texts.getOrSet('getOrSet', () => 'loaded')).toBe('loaded')
          if (limits.cas) {
            expect(await texts.getEntry('getEntry')).toBeUndefined()
            expect(await texts.update('update', () => undefined)).toBeUndefined()
            expect(await texts.append('append', 'v')).toBe(false)
          }
          expect(misses).toEqual(ops.map(op => ({ op, key: op, reason, outage: false })))
          expect(countsOf(texts.stats())).toEqual({ [`${reason}Misses`]: ops.length })
        },
      }),
    ),
    {
      title: 'a server that does not answer: a miss because of an outage, once for each key',
      async run(trial) {
        const store = chaosStore(trial.store)
        const cache = cacheOver(store, { namespace: trial.namespace, timeout: '10s' })
        const misses = missesOf(cache)
        await cache.set('get', 'v')
        store.down()
        expect(await cache.get('get')).toBeUndefined()
        expect(await cache.has('has')).toBe(false)
        expect(await cache.getMany(['a', 'b'])).toEqual(new Map())
        expect(await cache.getOrSet('getOrSet', () => 'loaded')).toBe('loaded')
        if (trial.limits.cas) expect(await cache.getEntry('entry')).toBeUndefined()
        store.up()
        const keys = ['get', 'has', 'a', 'b', 'getOrSet', ...(trial.limits.cas ? ['entry'] : [])]
        expect(misses.map(({ key }) => key)).toEqual(keys)
        for (const miss of misses) expect(miss).toMatchObject({ reason: 'outage', outage: true })
        expect(countsOf(cache.stats())).toEqual({ outageMisses: keys.length })
      },
    },
    {
      title: 'among many keys, each has its own',
      async run(trial) {
        const keys = Object.keys(ways)
        for (const key of keys) await ways[key]!.put(trial, key)
        await trial.cache.set('text', 'text')
        const texts = textsOf(trial.cache)
        const misses = missesOf(texts)
        expect(await texts.getMany(['text', ...keys])).toEqual(new Map([['text', 'text']]))
        expect(misses.map(({ key, reason }) => [key, reason])).toEqual(keys.map(key => [key, ways[key]!.reason]))
        expect(countsOf(texts.stats())).toEqual({
          absentMisses: 2,
          staleMisses: 1,
          invalidatedMisses: 1,
          undecodableMisses: 1,
          unfitMisses: 1,
        })
        expect(texts.stats().hits).toBe(1)
      },
    },
  ],
}
