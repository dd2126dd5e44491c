import { type Cache, InvalidArgumentError } from '@anycache/core'
import type { CachesConfig } from './config.js'
import { configError, hint } from './problems.js'

/** Several caches, opened and closed together. */
export interface Caches {
  /** The cache named by `default` in the config. */
  readonly default: Cache
  /** The cache of that name. Throws `InvalidArgumentError`, with the nearest name, for a name that is not in the config. */
  use(name: string): Cache
  /** Closes them all. Rejects with the first failure once every one is closed. Twice is fine. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens every store of the config. Options next to `stores` apply to each store that does not set the same option itself.
 * Stores that connect to the same server in the same way (user, db, TLS, breaker and all but the options of the cache above it) share one
 * connection; closing the last of them closes it. Rejects with one `ConfigError` that lists every problem of every store.
 */
export async function createCaches(config: CachesConfig): Promise<Caches> {
  const { resolveCaches } = await import('./resolve-caches.js')
  const resolved = resolveCaches(config)
  if ('problems' in resolved) throw configError('argument', resolved.problems)
  const { openCaches } = await import('./open-cache.js')
  const names = [...resolved.stores.keys()]
  const configs = Array.from(resolved.stores, ([name, config]) => ({ ...config, name: config.name ?? name }))
  const caches = await openCaches(configs, 'argument')
  return new OpenCaches(new Map(names.map((name, i) => [name, caches[i] as Cache])), resolved.default)
}

class OpenCaches implements Caches {
  readonly default: Cache
  readonly #caches: ReadonlyMap<string, Cache>

  constructor(caches: ReadonlyMap<string, Cache>, defaultName: string) {
    this.#caches = caches
    this.default = caches.get(defaultName) as Cache
  }

  use(name: string): Cache {
    const cache = this.#caches.get(name)
    if (cache !== undefined) return cache
    throw new InvalidArgumentError(
      `no store is named ${JSON.stringify(name)}${hint(String(name), [...this.#caches.keys()])}`,
    )
  }

  async close(): Promise<void> {
    const closings = await Promise.allSettled([...this.#caches.values()].map(cache => cache.close()))
    for (const closing of closings) {
      if (closing.status === 'rejected') throw closing.reason
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
