import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf, rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const withVersions = (limits: Trial['limits']): boolean => limits.cas

export const updating: Capability = {
  name: 'update',
  cases: [
    {
      title: 'it changes what is there and resolves the new value',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', { n: 1 })
        expect(await cache.update<{ n: number }>('k', current => ({ n: (current?.n ?? 0) + 1 }))).toEqual({ n: 2 })
        expect(await cache.get('k')).toEqual({ n: 2 })
        expect(await cache.update('k', async () => null)).toBeNull()
        expect(await cache.get('k')).toBeNull()
      },
    },
    {
      title: 'it is handed undefined for an absent key and may create it',
      only: withVersions,
      async run({ cache }) {
        const seen: unknown[] = []
        const change = (current: unknown): string => {
          seen.push(current)
          return 'created'
        }
        expect(await cache.update('k', change)).toBe('created')
        expect(seen).toEqual([undefined])
        expect(await cache.get('k')).toBe('created')
      },
    },
    {
      title: 'undefined leaves the entry as it is and resolves what stands',
      only: withVersions,
      async run({ cache }) {
        expect(await cache.update('k', () => undefined)).toBeUndefined()
        expect(await cache.has('k')).toBe(false)
        await cache.set('k', 'v')
        expect(await cache.update('k', () => undefined)).toBe('v')
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: 'it resolves plain data of its own, as the next get gives it',
      only: withVersions,
      async run({ cache, store }) {
        class Cart {
          readonly items = ['tea']
          toJSON(): unknown {
            return { items: this.items }
          }
        }
        const cart = new Cart()
        const updated = await cache.update<unknown>('k', () => cart)
        expect(updated).toEqual(await cache.get('k'))
        // A store that brings its own serializer may hold the very object.
        if (store.serializer !== undefined) return
        expect(updated).not.toBeInstanceOf(Cart)
        cart.items.push('coffee')
        expect(updated).toEqual({ items: ['tea'] })
      },
    },
    {
      title: 'an error of the change reaches the caller as it is, and nothing is written',
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 'v')
        const error = new Error('changed my mind')
        const failing = (): never => {
          throw error
        }
        expect(await outcomeOf(cache.update('k', failing))).toEqual({ error })
        expect(await outcomeOf(cache.update('k', () => Promise.reject(error)))).toEqual({ error })
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: '64 at once lose none, on an absent key and through several caches too',
      only: withVersions,
      async run(trial) {
        const caches = [trial.cache, trial.open()]
        await Promise.all(
          Array.from({ length: 64 }, (_, i) =>
            (caches[i % 2] as Trial['cache']).update<number[]>('k', current => [...(current ?? []), i]),
          ),
        )
        const list = await trial.cache.get<number[]>('k')
        expect([...(list ?? [])].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i))
      },
    },
    {
      title: 'one that keeps losing rejects with a conflict',
      waits: true,
      only: withVersions,
      async run({ cache }) {
        await cache.set('k', 0)
        let rounds = 0
        await rejection(
          () =>
            cache.update('k', async () => {
              await cache.set('k', ++rounds)
              return 'mine'
            }),
          'ERR_CACHE_CONFLICT',
        )
        expect(await cache.get('k')).toBe(rounds)
      },
    },
  ],
}
