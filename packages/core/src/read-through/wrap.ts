import type { Cache } from '../cache.js'
import { checkFunction } from '../input/option-checks.js'
import type { LoadOptions } from '../options.js'

/** `wrap` after its options were checked. */
export function wrapped<A extends unknown[], T>(
  cache: Cache,
  fn: (...args: A) => T | Promise<T>,
  options: LoadOptions<T> & { readonly key: (...args: A) => string },
): (...args: A) => Promise<T> {
  const { key, ...forLoad } = options ?? {}
  checkFunction(key, 'key', 'wrap')
  return async function (this: unknown, ...args: A): Promise<T> {
    return cache.getOrSet<T>(key(...args), () => fn.apply(this, args), forLoad)
  }
}
