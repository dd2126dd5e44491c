import { type Cache, cacheOver, type Store } from '@anycache/core'
import { expect } from 'vitest'
import { type Depth, depths, keys, type Model } from './model.js'
import { type Place, readableOf } from './verbs.js'

/** A backend as the model test needs it. */
export interface Backend {
  /** Two stores, as two processes have them, or one for both. */
  readonly stores: readonly [Store, Store]
  /** Where a test moves the time. */
  readonly advance?: (ms: number) => void
}

/** What the steps act on: two processes' caches over one backend. */
export class World {
  readonly #caches: readonly (readonly Cache[])[]
  readonly #roots: readonly Cache[]
  readonly #advance: ((ms: number) => void) | undefined

  constructor({ stores, advance }: Backend, namespace: string) {
    this.#advance = advance
    this.#roots = stores.map(store => cacheOver(store, { namespace, timeout: '10s', onError: 'throw' }))
    this.#caches = this.#roots.map(root => [root, root.namespace('n'), root.namespace('n').namespace('o')])
  }

  cache({ process, depth }: Place): Cache {
    return this.#caches[process]?.[depth] as Cache
  }

  /** Whether time passes when a test says so. */
  get hasClock(): boolean {
    return this.#advance !== undefined
  }

  advance(ms: number): void {
    this.#advance?.(ms)
  }

  /** Both processes read what the model holds, and nothing else. */
  async agrees(model: Model): Promise<void> {
    const places = this.#roots.flatMap((_, process) => depths.map(depth => ({ process, depth })))
    const found = await Promise.all(places.map(place => this.cache(place).getMany(keys)))
    for (const [i, { depth }] of places.entries()) expect(found[i]).toEqual(readableOf(model, depth as Depth, keys))
  }

  async close(): Promise<void> {
    await Promise.all(this.#roots.map(root => root.close()))
  }
}
