import type { Cache, CacheEvents, LoadOptions, LoadOutcome } from '@anycache/core'
import type { Trial } from './trial.js'

/** Loads a value that is past its ttl when this resolves, and kept for an hour after it. */
export async function loadStale<T>(
  trial: Trial,
  key: string,
  value: T,
  options: LoadOptions<T> = { staleWhileRevalidate: '1h' },
): Promise<void> {
  await trial.cache.getOrSet(key, () => value, { ttl: 1, force: true, ...options })
  await trial.pass(20)
}

/** Collects the details of an event. */
export function eventsOf<E extends keyof CacheEvents>(cache: Cache, event: E): CacheEvents[E][] {
  const details: CacheEvents[E][] = []
  cache.on(event, detail => void details.push(detail))
  return details
}

/** The next event of the kind. */
export function nextEvent<E extends keyof CacheEvents>(cache: Cache, event: E): Promise<CacheEvents[E]> {
  return new Promise(resolve => {
    const stop = cache.on(event, detail => {
      stop()
      resolve(detail)
    })
  })
}

/** A list of outcomes, and the `onOutcome` that fills it. */
export function outcomes(): { seen: LoadOutcome[]; onOutcome: (outcome: LoadOutcome) => void } {
  const seen: LoadOutcome[] = []
  return { seen, onOutcome: outcome => void seen.push(outcome) }
}
