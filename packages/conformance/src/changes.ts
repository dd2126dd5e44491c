import type { Cache, Limits } from '@anycache/core'

/** A call that changes what lies under `k`, where nothing or something stale does, so that no load which began before may be stored. */
export interface Change {
  readonly name: string
  readonly change: (cache: Cache) => Promise<unknown>
  /** What `get` gives afterwards. */
  readonly left?: unknown
  readonly only?: (limits: Limits) => boolean
}

/** `tag` is a tag of the load. */
export const changes: readonly Change[] = [
  { name: 'delete', change: cache => cache.delete('k') },
  { name: 'deleteMany', change: cache => cache.deleteMany(['x', 'k']) },
  { name: 'take', change: cache => cache.take('k') },
  { name: 'clear', change: cache => cache.clear() },
  { name: 'invalidateTags', change: cache => cache.invalidateTags('tag') },
  { name: 'set', change: cache => cache.set('k', 'set'), left: 'set' },
  { name: 'setMany', change: cache => cache.setMany([['k', 'set']]), left: 'set' },
  { name: 'add', change: cache => cache.add('k', 'set'), left: 'set' },
  { name: 'increment', change: cache => cache.increment('k', 5), left: 5 },
  {
    name: 'update',
    change: cache => cache.update('k', () => 'set'),
    left: 'set',
    only: limits => limits.cas,
  },
  {
    name: 'set and delete',
    change: async cache => [await cache.set('k', 'set'), await cache.delete('k')],
  },
]
