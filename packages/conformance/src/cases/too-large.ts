import { randomBytes } from 'node:crypto'
import type { CacheError } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { expectSame, outcomeOf, rejection } from '../expectations.js'
import { loadStale } from '../read-through-trial.js'
import type { Trial } from '../trial.js'

const code = 'ERR_CACHE_VALUE_TOO_LARGE'
const limit = 1000
const tooLarge = randomBytes(2000)

/** A cache that takes `limit` bytes a value, and the errors it reports. */
function limited(trial: Trial): { cache: Trial['cache']; errors: CacheError[] } {
  const cache = trial.open({ maxValueBytes: limit })
  const errors: CacheError[] = []
  cache.on('error', ({ error }) => errors.push(error))
  return { cache, errors }
}

// Beyond this the case would need more memory than it is worth.
const reachable = (limits: Trial['limits']): boolean => limits.maxItemBytes <= 8 * 2 ** 20

export const tooLargeValues: Capability = {
  name: 'values over the limit',
  cases: [
    {
      title: 'set is false, the key is then absent, and the failure is reported',
      async run(trial) {
        const { cache, errors } = limited(trial)
        await cache.set('k', 'old')
        expect(await cache.set('k', tooLarge)).toBe(false)
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.add('k', 'new')).toBe(true)
        expect(errors.map(error => [error.code, error.op, error.key])).toEqual([[code, 'set', 'k']])
      },
    },
    {
      title: 'setMany names them, stores the others, and leaves no old value',
      async run(trial) {
        const { cache, errors } = limited(trial)
        await cache.setMany([
          ['a', 'old'],
          ['b', 'old'],
          ['c', 'old'],
        ])
        const notStored = await cache.setMany([
          ['a', 'new'],
          ['b', tooLarge],
          ['c', 'new'],
          ['d', tooLarge],
        ])
        expect([...notStored].sort()).toEqual(['b', 'd'])
        expect([...(await cache.getMany(['a', 'b', 'c', 'd']))]).toEqual([
          ['a', 'new'],
          ['c', 'new'],
        ])
        expect(errors.map(error => error.code)).toEqual([code, code])
      },
    },
    {
      title: 'add, replace and compareAndSet reject and leave the key alone',
      async run(trial) {
        const { cache } = limited(trial)
        await cache.set('k', 'old')
        await rejection(() => cache.add('absent', tooLarge), code)
        const error = await rejection(() => cache.replace('k', tooLarge), code)
        expect([error.op, error.key]).toEqual(['replace', 'k'])
        if (trial.limits.cas) {
          const entry = await cache.getEntry('k')
          await rejection(() => cache.compareAndSet('k', tooLarge, entry!.casToken), code)
        }
        expect(await cache.get('k')).toBe('old')
        expect(await cache.has('absent')).toBe(false)
      },
    },
    {
      title: 'update, append and prepend reject and leave the key alone',
      only: limits => limits.cas,
      async run(trial) {
        const { cache } = limited(trial)
        await cache.set('k', Buffer.from('old'))
        await rejection(() => cache.update('k', () => tooLarge), code)
        await rejection(() => cache.append('k', tooLarge), code)
        await rejection(() => cache.prepend('k', tooLarge), code)
        expect(await cache.get('k')).toEqual(Buffer.from('old'))
        await rejection(() => cache.update('absent', () => tooLarge), code)
        expect(await cache.has('absent')).toBe(false)
      },
    },
    {
      title: 'getOrSet returns the value without storing it',
      async run(trial) {
        const { cache, errors } = limited(trial)
        const stored: boolean[] = []
        const value = await cache.getOrSet('k', () => tooLarge, { onOutcome: outcome => stored.push(outcome.stored) })
        expect(Buffer.compare(value, tooLarge)).toBe(0)
        expect(stored).toEqual([false])
        expect(await cache.has('k')).toBe(false)
        expect(errors.map(error => error.code)).toEqual([code])
      },
    },
    {
      title: 'a load that replaces an old value by one over the limit leaves no old value',
      async run(trial) {
        const { cache, errors } = limited(trial)
        const window = { staleIfError: '1h' } as const
        const nothing = (): never => {
          throw new Error('no database')
        }
        await cache.set('forced', 'old')
        await loadStale(trial, 'stale', 'old', window)
        expectSame(await cache.getOrSet('forced', () => tooLarge, { force: true }), tooLarge)
        expectSame(await cache.getOrSet('stale', () => tooLarge, window), tooLarge)
        expect(errors.map(error => [error.code, error.key])).toEqual([
          [code, 'forced'],
          [code, 'stale'],
        ])
        expect(await cache.get('forced')).toBeUndefined()
        expect(await outcomeOf(cache.getOrSet('stale', nothing, window))).toMatchObject({ error: expect.any(Error) })
        expect(await cache.getOrSet('stale', () => 'new')).toBe('new')
      },
    },
    {
      title: 'the limit counts bytes as stored, after compression',
      async run(trial) {
        const { cache } = limited(trial)
        expect(await cache.set('at the limit', Buffer.alloc(limit, 7))).toBe(true)
        expect(await cache.set('over it', Buffer.alloc(limit + 1, 7))).toBe(false)
        expect(await cache.set('in bytes', '€'.repeat(limit / 2))).toBe(false)
        expect(await cache.set('compressed', 'a'.repeat(100_000))).toBe(true)
        expect(await cache.get('compressed')).toBe('a'.repeat(100_000))
      },
    },
    {
      title: 'what would inflate to more than maxDecodedBytes is stored so that every read finds it',
      async run(trial) {
        const limit = 16 * 1024
        const cache = trial.open({ serializer: { maxDecodedBytes: limit } })
        const errors: CacheError[] = []
        cache.on('error', ({ error }) => errors.push(error))
        const values: Record<string, unknown> = {
          text: 'a'.repeat(limit + 1),
          'text of fewer letters than bytes': '漢'.repeat(limit / 2),
          'text of digits': '7'.repeat(100_000),
          'text with a lone surrogate': `${'a'.repeat(limit)}\ud800`,
          bytes: new Uint8Array(limit + 1),
          data: { list: new Array(limit).fill('a') },
          'structured data': new Map([['a', 'a'.repeat(100_000)]]),
        }
        for (const [key, value] of Object.entries(values)) {
          expect(await cache.set(key, value)).toBe(true)
          expectSame(await cache.get(key), value)
          const stored: boolean[] = []
          const onOutcome = (outcome: { stored: boolean }) => stored.push(outcome.stored)
          expectSame(await cache.getOrSet(`loaded ${key}`, () => value, { onOutcome }), value)
          expectSame(await cache.getOrSet(`loaded ${key}`, () => 'another', { onOutcome }), value)
          expect(stored).toEqual([true, true])
        }
        const many = new Map(Object.entries(values))
        expect(await cache.setMany(many)).toEqual([])
        expectSame(await cache.getMany(many.keys()), many)
        expect(errors).toEqual([])
        // What a reader does inflate is still compressed.
        await cache.set('at the limit', 'a'.repeat(limit))
        expect((await trial.raw.get('at the limit'))?.data.length).toBeLessThan(limit / 10)
        expect(await cache.get('at the limit')).toBe('a'.repeat(limit))
      },
    },
    {
      title: "a large value takes the order of its call, its key's old value is never seen again",
      async run(trial) {
        const { cache } = limited(trial)
        const answers = await Promise.all([
          cache.set('k', 'old'),
          cache.set('k', tooLarge),
          cache.get('k'),
          cache.set('k', 'new'),
          cache.get('k'),
        ])
        expect(answers).toEqual([true, false, undefined, true, 'new'])
      },
    },
    {
      title: "the backend's own limit is kept in the same way",
      only: reachable,
      async run(trial) {
        const { cache } = trial
        const errors: CacheError[] = []
        cache.on('error', ({ error }) => errors.push(error))
        await cache.setMany([
          ['set', 'old'],
          ['many', 'old'],
          ['replace', 'old'],
          ['after', 'safe'],
        ])
        const value = randomBytes(trial.limits.maxItemBytes + 1)
        expect(await cache.set('set', value)).toBe(false)
        expect(await cache.setMany([['many', value]])).toEqual(['many'])
        await rejection(() => cache.replace('replace', value), code)
        await rejection(() => cache.add('absent', value), code)
        expect(errors.slice(0, 2).map(error => error.code)).toEqual([code, code])
        expect([...(await cache.getMany(['set', 'many', 'replace', 'absent', 'after']))]).toEqual([
          ['replace', 'old'],
          ['after', 'safe'],
        ])
      },
    },
  ],
}
