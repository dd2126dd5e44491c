import type { Answer, Call, Limits, ServerStats, Space, Store, StoreEvent } from '@anycache/core'
import type { Serializer } from '@anycache/serializer'

/** One hold on a store that several caches use: the last one to be closed closes it. */
class Hold implements Store {
  declare readonly serializer?: Serializer
  readonly #store: Store
  readonly #release: (call: Call) => Answer<void>
  #closed = false

  constructor(store: Store, release: (call: Call) => Answer<void>) {
    this.#store = store
    this.#release = release
    if (store.serializer !== undefined) this.serializer = store.serializer
  }

  get driver(): string {
    return this.#store.driver
  }

  get servers(): readonly string[] {
    return this.#store.servers
  }

  get limits(): Limits {
    return this.#store.limits
  }

  get client(): unknown {
    return this.#store.client
  }

  space(path: readonly string[]): Space {
    return this.#store.space(path)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.#store.listen(listener)
  }

  ping(call: Call): Answer<void> {
    return this.#store.ping(call)
  }

  flush(call: Call): Answer<void> {
    return this.#store.flush(call)
  }

  serverStats(section: string | undefined, call: Call): Answer<readonly ServerStats[]> {
    return this.#store.serverStats(section, call)
  }

  close(call: Call): Answer<void> {
    if (this.#closed) return
    this.#closed = true
    return this.#release(call)
  }
}

/** As many stores as there are holders, all of them the one given. */
export function sharedStore(store: Store, holders: number): Store[] {
  if (holders === 1) return [store]
  let held = holders
  const release = (call: Call): Answer<void> => {
    if (--held === 0) return store.close(call)
  }
  return Array.from({ length: holders }, () => new Hold(store, release))
}
