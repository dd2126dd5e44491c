import type { Cache } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { observedLoader, whenCalled } from '../observed-loader.js'

export const invalidation: Capability = {
  name: 'invalidation during a load',
  cases: [
    ...invalidations().map(({ verb, invalidate, left }) => ({
      title: `${verb} during a load is not undone by it, and a caller who asks after it gets a new load`,
      async run({ cache }: { cache: Cache }) {
        const nested = cache.namespace('nested')
        const { load, called, finish } = observedLoader(() => 'old')
        const before = nested.getOrSet('k', load)
        await whenCalled(called, before)
        await invalidate(nested, cache)
        const after = nested.getOrSet('k', () => 'loaded again')
        expect(await after).toBe(left ?? 'loaded again')
        finish()
        expect(await before).toBe('old')
        expect(await nested.get('k')).toBe(left ?? 'loaded again')
      },
    })),
    {
      title: 'an invalidation that was called and not yet awaited counts as well',
      async run({ cache }) {
        for (const value of ['small', 'large '.repeat(30_000)]) {
          const { load, called, finish } = observedLoader(() => value)
          const before = cache.getOrSet('k', load)
          await whenCalled(called, before)
          const deleted = cache.delete('k')
          finish()
          expect((await before) === value).toBe(true)
          await deleted
          expect(await cache.has('k')).toBe(false)
        }
      },
    },
    {
      title: 'reads and writes of other keys leave a load alone',
      async run({ cache }) {
        const { load, called, finish } = observedLoader(() => 'v')
        const loading = cache.getOrSet('k', load)
        await whenCalled(called, loading)
        await cache.set('other', 1)
        await cache.delete('other')
        await cache.namespace('nested').clear()
        await cache.get('k')
        await cache.has('k')
        finish()
        expect(await loading).toBe('v')
        expect(await cache.get('k')).toBe('v')
      },
    },
  ],
}

function invalidations(): {
  verb: string
  invalidate: (nested: Cache, parent: Cache) => Promise<unknown>
  /** What the invalidation itself stored. */
  left?: string
}[] {
  return [
    { verb: 'delete', invalidate: cache => cache.delete('k') },
    { verb: 'deleteMany', invalidate: cache => cache.deleteMany(['x', 'k']) },
    { verb: 'take', invalidate: cache => cache.take('k') },
    { verb: 'clear', invalidate: cache => cache.clear() },
    { verb: 'clear of the parent', invalidate: (_, parent) => parent.clear() },
    { verb: 'set', invalidate: cache => cache.set('k', 'set'), left: 'set' },
    { verb: 'setMany', invalidate: cache => cache.setMany([['k', 'set']]), left: 'set' },
    { verb: 'add', invalidate: cache => cache.add('k', 'set'), left: 'set' },
    {
      verb: 'set and delete',
      invalidate: async cache => [await cache.set('k', 'set'), await cache.delete('k')],
    },
  ]
}
