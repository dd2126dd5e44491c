import type { Cache, Lock, LockOptions } from '@anycache/core'
import type { Trial } from '../trial.js'

export const hour = 3_600_000

/** A lock that nobody else may hold. */
export async function won(cache: Cache, key = 'k', options: LockOptions = { ttl: hour }): Promise<Lock> {
  const lock = await cache.lock(key, options)
  if (lock === undefined) throw new Error(`the lock ${key} is held by another`)
  return lock
}

/** The cache of another process where processes share entries, else another one over the same store. */
export function elsewhere(trial: Trial): Cache | Promise<Cache> {
  return trial.limits.shared ? trial.another() : trial.open()
}
