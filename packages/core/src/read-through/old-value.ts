import { type Encoded, FLAG_METADATA } from '@anycache/serializer'
import type { StoredItem } from '../store.js'
import type { Namespace } from '../verbs/namespace.js'
import { metadataOf } from './windows.js'

/** A value that is being replaced: stale, or fresh and refreshed ahead of time. */
export interface OldValue<T> {
  readonly item: StoredItem
  /** As it was decoded: for one caller. Others need {@link copyOfOld copies}. */
  readonly value: T
  /** From when on it is stale, in ms since 1970; Infinity for never. */
  readonly softDeadline: number
  /** Until when it is kept, unless somebody takes it away. */
  readonly keptUntil: number
  readonly created: number | undefined
  readonly tags: ReadonlyMap<string, Uint8Array> | undefined
}

export function oldValue<T>(item: StoredItem, value: T): OldValue<T> {
  const { softDeadline, created, tags, lifetimes } = metadataOf(item) ?? {}
  // Without a stale window the store itself ends its life, and it says only how long that is.
  const end = created === undefined || lifetimes === undefined ? Number.POSITIVE_INFINITY : created + lifetimes.freshFor
  return {
    item,
    value,
    softDeadline: softDeadline ?? end,
    keptUntil: end + (lifetimes?.staleFor ?? 0),
    created,
    tags,
  }
}

/** The value once more, for one more caller. */
export function copyOfOld<T>(namespace: Namespace, { item, value }: OldValue<T>): T | Promise<T> {
  return namespace.entries.readAgain(value, encodedOf(item))
}

/** The payload without the metadata. */
export function encodedOf({ flags, data }: StoredItem): Encoded {
  return { flags: (flags & ~FLAG_METADATA) >>> 0, data }
}
