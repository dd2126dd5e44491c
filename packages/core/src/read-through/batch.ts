import { InvalidArgumentError } from '../errors.js'
import { isRecord } from '../input/options.js'
import { shown } from '../input/shown.js'
import type { Ttl } from '../input/ttl.js'
import type { LoadedMany, LoaderContext, ManyLoader, ManyLoaderContext } from '../loader.js'
import { setImmediate } from '../timers.js'
import { type Purpose, Run } from './run.js'

/** A key whose load waits for the loader of the batch. */
interface Place<T> {
  readonly context: LoaderContext<T>
  /** The run of the key's own load. */
  readonly from: Run
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/**
 * Makes one call of a loader of many keys out of the loads of single ones. It waits until every key of the call has got there, or has found what it
 * wants elsewhere; keys that come later, as after another process' failed load, share later calls.
 */
export class Batch<T> {
  readonly #loader: ManyLoader<T>
  readonly #keys: readonly string[]
  readonly #undecided: Set<string>
  readonly #refreshing = new Set<string>()
  #places = new Map<string, Place<T>>()
  #isScheduled = false

  constructor(keys: readonly string[], loader: ManyLoader<T>) {
    this.#loader = loader
    this.#keys = keys
    this.#undecided = new Set(keys)
  }

  /** The key's value, as its load gets it. */
  load(context: LoaderContext<T>): Promise<T> {
    const isLate = !this.#undecided.has(context.key)
    return new Promise((resolve, reject) => {
      this.#places.set(context.key, { context, from: Run.current as Run, resolve, reject })
      if (!isLate) this.decided(context.key)
      else if (!this.#isScheduled) {
        this.#isScheduled = true
        setImmediate(() => this.#begin())
      }
    })
  }

  /** The key is loaded in the background. */
  refreshes(key: string): void {
    this.#refreshing.add(key)
  }

  /** The call has what it wants for this key; the loader may still be called for it in the background. */
  answered(key: string): void {
    if (!this.#refreshing.has(key)) this.decided(key)
  }

  /** The loader is not called for this key now. */
  decided(key: string): void {
    if (this.#undecided.delete(key) && this.#undecided.size === 0 && this.#places.size > 0) this.#begin()
  }

  #begin(): void {
    this.#isScheduled = false
    const places = new Map<string, Place<T>>()
    // In request order, whichever got there first.
    for (const key of this.#keys) {
      const place = this.#places.get(key)
      if (place !== undefined) places.set(key, place)
    }
    this.#places = new Map()
    for (const [key, { from, resolve }] of places) {
      if (from.isWaitedFor) continue
      // Everyone left while other keys were still asked for.
      places.delete(key)
      resolve(undefined as T)
    }
    if (places.size === 0) return
    new BatchRun(places, this.#loader).begin()
  }
}

/** One call of the loader. Its run is waited for by the runs of its keys, and stops when the last of them does. */
class BatchRun<T> implements Purpose<LoadedMany<T>> {
  readonly #places: ReadonlyMap<string, Place<T>>
  readonly #loader: ManyLoader<T>
  readonly #run: Run<LoadedMany<T>>

  constructor(places: ReadonlyMap<string, Place<T>>, loader: ManyLoader<T>) {
    this.#places = places
    this.#loader = loader
    this.#run = new Run(this)
  }

  begin(): void {
    for (const { from } of this.#places.values()) {
      this.#run.joined(from)
      from.onStopped(reason => this.#run.left(from, reason))
    }
    this.#run.begin()
  }

  load(): LoadedMany<T> | PromiseLike<LoadedMany<T>> {
    return this.#loader([...this.#places.keys()], this.#context())
  }

  loaded(values: LoadedMany<T>): void {
    if (!(values instanceof Map) && !isRecord(values)) {
      this.failed(
        new InvalidArgumentError(`the loader must give a Map or an object of values by key, got ${shown(values)}`, {
          op: 'getOrSetMany',
        }),
      )
      return
    }
    const found = new Map<string, T | undefined>()
    try {
      for (const key of this.#places.keys()) found.set(key, valueIn(values, key))
    } catch (error) {
      this.failed(error)
      return
    }
    this.#run.over()
    for (const [key, { resolve }] of this.#places) resolve(found.get(key) as T)
  }

  failed(error: unknown): void {
    this.#run.over()
    for (const { reject } of this.#places.values()) reject(error)
  }

  deserted(): void {}

  #context(): ManyLoaderContext<T> {
    const places = this.#places
    const run = this.#run
    const contextOf = (key: string): LoaderContext<T> => {
      const context = places.get(key)?.context
      if (context !== undefined) return context
      throw new InvalidArgumentError(`${shown(key)} is not among the keys being loaded`, { op: 'getOrSetMany', key })
    }
    const contexts = (key: string | undefined): LoaderContext<T>[] =>
      key === undefined ? Array.from(places.values(), place => place.context) : [contextOf(key)]
    const stale = new Map<string, T>()
    for (const [key, { context }] of places) if (context.stale !== undefined) stale.set(key, context.stale)
    return {
      get signal() {
        return run.signal
      },
      stale,
      setTtl: (ttl: Ttl, key?: string) => {
        for (const context of contexts(key)) context.setTtl(ttl)
      },
      setTags: (tags: string | readonly string[], key?: string) => {
        for (const context of contexts(key)) context.setTags(tags)
      },
      noStore: (key?: string) => {
        for (const context of contexts(key)) context.noStore()
      },
      notModified: (key: string) => contextOf(key).notModified(),
    }
  }
}

function valueIn<T>(values: LoadedMany<T>, key: string): T | undefined {
  if (values instanceof Map) return values.get(key)
  return Object.hasOwn(values, key) ? (values as Readonly<Record<string, T>>)[key] : undefined
}
