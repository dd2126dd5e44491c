import { defaultTimeout, hold, milliseconds, now, type Store } from '@anycache/core'
import { identityOf, openStore } from './open-store.js'
import type { CheckedConfig } from './schema.js'

/** Makes the store of a config; `acquire` is for the stores that it stands over. */
export type OpenStore = (config: CheckedConfig, acquire: (config: CheckedConfig) => Promise<Store>) => Promise<Store>

/**
 * The stores of configs that are opened together: those that connect to the same servers in the same way are one. Each is held until
 * {@link release}, and lives on with the caches and stores that hold it by then.
 */
export class StorePool {
  readonly #open: OpenStore
  readonly #patient = new Map<string, CheckedConfig>()
  readonly #stores = new Map<string, Promise<Store>>()
  readonly #making = new Set<Promise<Store>>()
  readonly #releases: ReturnType<typeof hold>[] = []

  /** `configs`: all that will be acquired. Of those that share a store the most patient one makes it: connecting may take as long as that one would wait. */
  constructor(configs: Iterable<CheckedConfig>, open: OpenStore = openStore) {
    this.#open = open
    for (const config of configs) {
      const identity = identityOf(config)
      if (identity === undefined) continue
      const known = this.#patient.get(identity)
      if (known === undefined || timeoutOf(config) > timeoutOf(known)) this.#patient.set(identity, config)
    }
  }

  /** The store of a config, made now or before. */
  acquire(config: CheckedConfig): Promise<Store> {
    const identity = identityOf(config)
    if (identity === undefined) return this.#make(config)
    const store = this.#stores.get(identity) ?? this.#make(this.#patient.get(identity) ?? config)
    this.#stores.set(identity, store)
    return store
  }

  /** Closes what nothing else holds by now. A store that cannot be closed hides neither the caches nor why they failed to open. */
  async release(): Promise<void> {
    // The store that failed may have left others half made.
    while (this.#making.size > 0) await Promise.allSettled(this.#making)
    const call = { deadline: now() + defaultTimeout }
    await Promise.allSettled(this.#releases.splice(0).map(release => release(call)))
  }

  #make(config: CheckedConfig): Promise<Store> {
    const making = this.#open(config, inner => this.acquire(inner)).then(store => {
      this.#releases.push(hold(store))
      return store
    })
    this.#making.add(making)
    const made = (): boolean => this.#making.delete(making)
    making.then(made, made)
    return making
  }
}

function timeoutOf({ timeout = defaultTimeout }: CheckedConfig): number {
  return milliseconds(timeout, 'timeout')
}
