import type { Ttl } from './input/ttl.js'

/** What the loaders of one key and of many have in common. */
interface SharedContext {
  /**
   * Fires when the last caller has left, by a signal or its `hardTimeout`; for a load in the background, when its `hardTimeout` has passed or the
   * cache is closed. Pass it on to `fetch` or the database.
   */
  readonly signal: AbortSignal
}

/** What a loader is handed. `Given`: what it gives, where a schema makes a `T` of that. */
export interface LoaderContext<T = unknown, Given = T> extends SharedContext {
  /** The key that is loaded, as the caller passed it. */
  readonly key: string
  /** The value that is being replaced, where there still is one: stale, or about to be. `undefined` otherwise. */
  readonly stale: T | undefined
  /** The ttl of the value being loaded, where it depends on the value; instead of the call's. */
  setTtl(ttl: Ttl): void
  /**
   * The tags of the value being loaded, where they depend on the value; instead of those named in the call. On a server the value is not stored if
   * any tag of the cache was invalidated during the load, unless the call names these tags, too.
   */
  setTags(tags: string | readonly string[]): void
  /** The value is returned but not stored. */
  noStore(): void
  /**
   * The source has nothing newer than {@link LoaderContext.stale}: that value is kept, and is fresh for another ttl. Returns it, so that a loader
   * ends with `return notModified()`. Throws `InvalidArgumentError` where there is no such value.
   */
  notModified(): Given
}

/** What a loader of many keys is handed. Without a key, a setter means every key of the load. */
export interface ManyLoaderContext<T = unknown, Given = T> extends SharedContext {
  /** The values that are being replaced, by key: {@link LoaderContext.stale}. */
  readonly stale: ReadonlyMap<string, T>
  /** {@link LoaderContext.setTtl}. */
  setTtl(ttl: Ttl, key?: string): void
  /** {@link LoaderContext.setTags}. */
  setTags(tags: string | readonly string[], key?: string): void
  /** {@link LoaderContext.noStore}. */
  noStore(key?: string): void
  /** {@link LoaderContext.notModified}, for one key: the value to give for it. */
  notModified(key: string): Given
}

export type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>

/** What a loader of many keys gives: values by key. Keys that are missing, or `undefined`, stay misses. */
export type LoadedMany<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>
export type ManyLoader<T> = (
  missing: readonly string[],
  context: ManyLoaderContext<T>,
) => LoadedMany<T> | Promise<LoadedMany<T>>

/** Where a value of `getOrSet` came from. */
export interface LoadOutcome {
  /**
   * `hit`: the cache, perhaps after another process loaded it. `load`: this caller's load. `joined`: a load of this process that it joined.
   * `stale`: the cache, past its ttl and within a stale window.
   */
  readonly source: 'hit' | 'load' | 'joined' | 'stale'
  /** As it was passed. */
  readonly key: string
  /** Whether the value is in the cache: always on a hit; after a load, if it was stored. */
  readonly stored: boolean
  /** Whether the value is past its ttl. */
  readonly stale: boolean
  /** How long ago the value was loaded, in ms; 0 after a load, `undefined` where the entry does not say. */
  readonly age: number | undefined
  /**
   * Who loaded it: this call, another call of this process, or another process, for whose load this call waited. `undefined`: it was
   * there when the call was made.
   */
  readonly loadedBy: 'this-call' | 'this-process' | 'another-process' | undefined
}
