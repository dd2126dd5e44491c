import type { Contender, Opening } from '../contender.js'

/** Where entries are stored. `memory` gives every reader a copy; `reference` returns the object that was written. */
export type BackendName = 'memory' | 'reference' | 'redis' | 'memcached'

export const backendNames: readonly BackendName[] = ['memory', 'reference', 'redis', 'memcached']

/** A backend's name in a heading. */
export const backendTitles: Readonly<Record<BackendName, string>> = {
  memory: 'Memory, a copy for every reader',
  reference: 'Memory, by reference',
  redis: 'Redis',
  memcached: 'memcached',
}

type Open = (opening: Opening) => Promise<Contender>

/** The contenders on each backend, the raw client first. A package is loaded only in the process that runs it. */
export const lineup: Readonly<Record<BackendName, Readonly<Record<string, Open>>>> = {
  memory: {
    'lru-cache': async opening => (await import('./lru-cache.js')).open(opening),
    anycache: async opening => (await import('./anycache.js')).open('memory', opening),
    keyv: async opening => (await import('./keyv.js')).open('memory', opening),
    'cache-manager': async opening => (await import('./cache-manager.js')).open('memory', opening),
    bentocache: async opening => (await import('./bentocache.js')).open('memory', opening),
  },
  reference: {
    'lru-cache': async () => (await import('./lru-cache.js')).openByReference(),
    anycache: async () => (await import('./anycache.js')).openByReference(),
    keyv: async opening => (await import('./keyv.js')).open('reference', opening),
    'cache-manager': async opening => (await import('./cache-manager.js')).open('reference', opening),
    bentocache: async opening => (await import('./bentocache.js')).open('reference', opening),
  },
  redis: {
    ioredis: async opening => (await import('./ioredis.js')).open(opening),
    anycache: async opening => (await import('./anycache.js')).open('redis', opening),
    keyv: async opening => (await import('./keyv.js')).open('redis', opening),
    'cache-manager': async opening => (await import('./cache-manager.js')).open('redis', opening),
    bentocache: async opening => (await import('./bentocache.js')).open('redis', opening),
  },
  memcached: {
    memjs: async opening => (await import('./memjs.js')).open(opening),
    anycache: async opening => (await import('./anycache.js')).open('memcached', opening),
    keyv: async opening => (await import('./keyv.js')).open('memcached', opening),
    'cache-manager': async opening => (await import('./cache-manager.js')).open('memcached', opening),
  },
}
