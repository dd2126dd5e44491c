import type { StoreEvent } from '../store.js'

/** Those who listen to a store's events. */
export class Listeners {
  readonly #listeners = new Set<(event: StoreEvent) => void>()

  /** Bound, so that it can be handed on as a function. */
  readonly report = (event: StoreEvent): void => {
    for (const listener of this.#listeners) listener(event)
  }

  /** What `Store.listen` does. Returns a function that ends it. */
  add(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
