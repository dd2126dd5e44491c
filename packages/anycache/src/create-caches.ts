import { type Cache, InvalidArgumentError, milliseconds } from '@anycache/core'
import type { CachesConfig } from './config.js'
import { configError, hint } from './problems.js'
import type { CheckedConfig } from './schema.js'

/** Several caches, opened and closed together. */
export interface Caches {
  /** The cache that the config's `default` names. */
  readonly default: Cache
  /** The cache of that name. Throws `InvalidArgumentError`, with the nearest name, for one that the config does not hold. */
  use(name: string): Cache
  /** Closes them all. Rejects with the first failure once every one is closed. Twice is fine. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens every store of the config. Options beside `stores` hold for each store that does not give the same option itself.
 * Stores that name the same server in the same way (user, db, TLS, breaker and all but the options of the cache above it) share one
 * connection, which the last of them to be closed closes. Rejects with one `ConfigError` that lists every problem of every store.
 */
export async function createCaches(config: CachesConfig): Promise<Caches> {
  const { resolveCaches } = await import('./resolve-caches.js')
  const resolved = resolveCaches(config)
  if ('problems' in resolved) throw configError('argument', resolved.problems)
  const caches = await openAll(resolved.stores)
  return new OpenCaches(caches, resolved.default)
}

async function openAll(configs: ReadonlyMap<string, CheckedConfig>): Promise<Map<string, Cache>> {
  const { identityOf, openStore } = await import('./open-store.js')
  const { openCache } = await import('./open-cache.js')
  const groups = new Map<string, string[]>()
  for (const [name, config] of configs) {
    const identity = identityOf(config) ?? `own ${name}`
    groups.set(identity, [...(groups.get(identity) ?? []), name])
  }
  const opened = new Map<string, Cache>()
  for (const names of groups.values()) {
    const members = names.map(name => [name, configs.get(name) as CheckedConfig] as const)
    const store = await openStore(patientOf(members.map(([, config]) => config)))
    for (const [name, config] of members) {
      opened.set(name, openCache(store, { ...config, name: config.name ?? name }, 'argument'))
    }
  }
  // In the order of the config, which is the order they are closed in.
  return new Map([...configs.keys()].map(name => [name, opened.get(name) as Cache]))
}

/** The config with the longest timeout: connecting may take as long as the most patient of the caches would wait. */
function patientOf(configs: readonly CheckedConfig[]): CheckedConfig {
  return configs.reduce((patient, config) => (timeoutOf(config) > timeoutOf(patient) ? config : patient))
}

function timeoutOf(config: CheckedConfig): number {
  return milliseconds(config.timeout ?? 500, 'timeout')
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
