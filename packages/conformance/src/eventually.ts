import type { Cache } from '@anycache/core'

/** Waits until `read` gives what `isExpected`. Fails with what it gave last, after longer than any machine takes. */
export async function eventually<T>(read: () => T | Promise<T>, isExpected: (found: T) => boolean): Promise<T> {
  const patience = 10_000
  const began = performance.now()
  for (;;) {
    const found = await read()
    if (isExpected(found)) return found
    if (performance.now() - began > patience) throw new Error(`waited ${patience} ms in vain; the last was ${found}`)
    await pause(5)
  }
}

/** Waits until the key is a hit. Gives its value. */
export function untilHit(cache: Cache, key: string): Promise<unknown> {
  return eventually(
    () => cache.get(key),
    found => found !== undefined,
  )
}

/** Real time, whatever clock the store has. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
