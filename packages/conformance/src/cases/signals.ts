import { inspect } from 'node:util'
import type { CacheEvents } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import type { Trial } from '../trial.js'

const names = ['hit', 'miss', 'load', 'write', 'delete', 'clear', 'error'] as const

/** Every event of the cache, in order. */
function record(cache: Trial['cache']): [string, unknown][] {
  const seen: [string, unknown][] = []
  for (const name of names) cache.on(name, (detail: CacheEvents[typeof name]) => void seen.push([name, detail]))
  return seen
}

export const signals: Capability = {
  name: 'events and stats',
  cases: [
    {
      title: 'reads, writes, loads, deletes and clears are reported with verb, key and namespace',
      async run(trial) {
        const { cache, namespace } = trial
        const seen = record(cache)
        await cache.get('k')
        await cache.set('k', 'v')
        await cache.has('k')
        await cache.add('k', 'v')
        await cache.getMany(['x', 'k'])
        await cache.getOrSet('l', () => 'v')
        await cache.take('k')
        await cache.delete('l')
        await cache.clear()
        const where = { namespace }
        expect(seen).toEqual([
          ['miss', { op: 'get', key: 'k', ...where, outage: false, reason: 'absent' }],
          ['write', { op: 'set', key: 'k', ...where, stored: true }],
          ['hit', { op: 'has', key: 'k', ...where }],
          ['write', { op: 'add', key: 'k', ...where, stored: false }],
          ['miss', { op: 'getMany', key: 'x', ...where, outage: false, reason: 'absent' }],
          ['hit', { op: 'getMany', key: 'k', ...where }],
          ['miss', { op: 'getOrSet', key: 'l', ...where, outage: false, reason: 'absent' }],
          ['load', { op: 'getOrSet', key: 'l', ...where, ok: true, background: false, duration: expect.any(Number) }],
          ['write', { op: 'getOrSet', key: 'l', ...where, stored: true }],
          ['delete', { op: 'take', key: 'k', ...where }],
          ['hit', { op: 'take', key: 'k', ...where }],
          ['delete', { op: 'delete', key: 'l', ...where }],
          ['clear', where],
        ])
      },
    },
    {
      title: 'a loader that fails is reported as one',
      async run({ cache }) {
        const seen = record(cache)
        await cache.getOrSet('k', () => Promise.reject(new Error('no'))).catch(() => {})
        expect(seen.map(([name, detail]) => [name, (detail as { ok?: boolean }).ok])).toEqual([
          ['miss', undefined],
          ['load', false],
        ])
      },
    },
    {
      title: 'events of nested namespaces are reported by the cache they came from',
      async run({ cache, namespace }) {
        const seen = record(cache)
        await cache.namespace('a').namespace('b').get('k')
        expect(seen).toEqual([
          ['miss', { op: 'get', key: 'k', namespace: `${namespace}/a/b`, outage: false, reason: 'absent' }],
        ])
      },
    },
    {
      title: 'no event carries a value',
      async run({ cache }) {
        const secret = 'a value that nobody may report'
        const seen = record(cache)
        await cache.set('k', secret)
        await cache.get('k')
        await cache.setMany([['m', { secret }]])
        await cache.getMany(['m'])
        await cache.getOrSet('l', () => ({ secret }))
        await cache.increment('k').catch(() => {})
        await cache.set('k', { secret, broken: () => {} }).catch(() => {})
        await cache.take('k')
        expect(seen.length).toBeGreaterThan(7)
        expect(inspect(seen, { depth: 20, showHidden: true })).not.toContain(secret)
        expect(inspect(cache.info(), { depth: 20 })).not.toContain(secret)
      },
    },
    {
      title: 'a listener is called until it is stopped, and as often as it was added',
      async run({ cache }) {
        const heard: string[] = []
        const listener = ({ key }: { key: string }): void => void heard.push(key)
        const stops = [cache.on('miss', listener), cache.on('miss', listener)]
        await cache.get('a')
        expect(heard).toEqual(['a', 'a'])
        stops[0]?.()
        stops[0]?.()
        await cache.get('b')
        expect(heard).toEqual(['a', 'a', 'b'])
        stops[1]?.()
        await cache.get('c')
        expect(heard).toEqual(['a', 'a', 'b'])
      },
    },
    {
      title: 'a listener that throws or rejects disturbs no operation',
      async run({ cache }) {
        const quiet = process.listeners('warning')
        process.removeAllListeners('warning')
        try {
          cache.on('miss', () => {
            throw new Error('of the listener')
          })
          cache.on('hit', (() => Promise.reject(new Error('of the listener'))) as () => void)
          const heard: string[] = []
          cache.on('miss', ({ key }) => heard.push(key))
          expect(await cache.get('k')).toBeUndefined()
          expect(await cache.set('k', 'v')).toBe(true)
          expect(await cache.get('k')).toBe('v')
          expect(heard).toEqual(['k'])
          await new Promise(resolve => setTimeout(resolve, 10))
        } finally {
          for (const listener of quiet) process.on('warning', listener)
        }
      },
    },
    {
      title: 'stats count what this cache did, nested namespaces included',
      async run({ cache }) {
        const empty = cache.stats()
        expect(Object.values(empty).every(count => count === 0)).toBe(true)
        await cache.set('a', 'text')
        await cache.setMany([
          ['b', 1],
          ['c', 2],
        ])
        await cache.add('a', 'other')
        await cache.get('a')
        await cache.get('x')
        await cache.getMany(['a', 'b', 'x'])
        await cache.has('c')
        const slow = async (): Promise<string> => {
          await new Promise(resolve => setTimeout(resolve, 10))
          return 'v'
        }
        await Promise.all([cache.getOrSet('l', slow), cache.getOrSet('l', slow), cache.getOrSet('l', slow)])
        await cache.getOrSet('f', () => Promise.reject(new Error('no'))).catch(() => {})
        await cache.delete('a')
        await cache.delete('a')
        await cache.deleteMany(['b', 'x'])
        await cache.take('c')
        await cache.namespace('nested').get('x')
        const stats = cache.stats()
        expect(stats).toMatchObject({
          hits: 5,
          outageMisses: 0,
          loads: 2,
          loadErrors: 1,
          joins: 2,
          writes: 4,
          deletes: 3,
          errors: 0,
        })
        // x twice, f, nested x, and the first of those who asked for l.
        expect(stats.misses).toBe(5)
        expect(stats.bytesRead).toBeGreaterThan(0)
        expect(stats.bytesWritten).toBeGreaterThan(0)
        expect(cache.namespace('nested').stats()).toEqual(stats)
        expect(empty.hits).toBe(0)
      },
    },
    {
      title: 'counts go up and never down, and a copy is handed out',
      async run({ cache }) {
        const stats = cache.stats() as { hits: number }
        stats.hits = 1000
        expect(cache.stats().hits).toBe(0)
      },
    },
  ],
}
