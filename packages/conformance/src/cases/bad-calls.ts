import type { Cache, CasToken } from '@anycache/core'

/** An argument that no type would let through. */
export type Bad = never

/** A casToken that no store has made. */
const token = 'token' as CasToken

/** Every verb that takes a key and options, called with both. */
export function keyVerbs(cache: Cache): Record<string, (key: Bad, options?: Bad) => Promise<unknown>> {
  return {
    get: (key, options) => cache.get(key, options),
    getMany: (key, options) => cache.getMany(['k', key], options),
    getEntry: (key, options) => cache.getEntry(key, options),
    has: (key, options) => cache.has(key, options),
    set: (key, options) => cache.set(key, 'new', options),
    setMany: (key, options) => cache.setMany([['k', 'new'] as const, [key, 'new'] as const], options),
    add: (key, options) => cache.add(key, 'new', options),
    replace: (key, options) => cache.replace(key, 'new', options),
    compareAndSet: (key, options) => cache.compareAndSet(key, 'new', token, options),
    update: (key, options) => cache.update(key, () => 'new', options),
    append: (key, options) => cache.append(key, 'new', options),
    prepend: (key, options) => cache.prepend(key, 'new', options),
    touch: (key, options) => cache.touch(key, '1h', options),
    increment: (key, options) => cache.increment(key, 1, options),
    decrement: (key, options) => cache.decrement(key, 1, options),
    take: (key, options) => cache.take(key, options),
    delete: (key, options) => cache.delete(key, options),
    deleteMany: (key, options) => cache.deleteMany(['k', key], options),
    getOrSet: (key, options) => cache.getOrSet(key, () => 'new', options),
    lock: (key, options) => cache.lock(key, options),
    keyFor: (key, options) => cache.keyFor(key, options),
  }
}

/** The verbs that take a ttl, called with one. */
export function ttlVerbs(cache: Cache): Record<string, (ttl: Bad) => Promise<unknown>> {
  return {
    set: ttl => cache.set('k', 'new', { ttl }),
    setMany: ttl => cache.setMany([['k', 'new']], { ttl }),
    add: ttl => cache.add('absent', 'new', { ttl }),
    replace: ttl => cache.replace('k', 'new', { ttl }),
    compareAndSet: ttl => cache.compareAndSet('k', 'new', token, { ttl }),
    update: ttl => cache.update('k', () => 'new', { ttl }),
    append: ttl => cache.append('k', 'new', { ttl }),
    prepend: ttl => cache.prepend('k', 'new', { ttl }),
    touch: ttl => cache.touch('k', ttl),
    increment: ttl => cache.increment('absent', 1, { ttl }),
    decrement: ttl => cache.decrement('absent', 1, { ttl }),
    getOrSet: ttl => cache.getOrSet('absent', () => 'new', { ttl }),
  }
}
