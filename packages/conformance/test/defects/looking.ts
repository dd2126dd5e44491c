import type { Item, Space, StoredItem, VersionedItem, Write, Written } from '@anycache/core'
import { countsAsAbsent, FLAG_LEASE, type Format } from '@anycache/serializer'

export const forever = Number.POSITIVE_INFINITY
export const later = (ms = 2): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
export const call = { deadline: forever }

/** What lies under a key: memory answers at once. */
export const look = (space: Space, key: string): VersionedItem | undefined =>
  space.get(key, call) as VersionedItem | undefined
export const isLease = (item: Item | undefined): boolean => item?.flags === FLAG_LEASE
export const isStale = (item: Item | undefined): boolean =>
  item !== undefined && !isLease(item) && countsAsAbsent(item, Date.now())
export const isAbsent = (item: Item | undefined): boolean => item !== undefined && countsAsAbsent(item, Date.now())
export const bare = ({ flags, data }: Item): Item => ({ flags, data })
export const always = (space: Space, write: Write): Written =>
  space.write({ ...write, when: 'always' }, call) as Written
export const tokenless = (written: Written): Written => (written.outcome === 'stored' ? { outcome: 'stored' } : written)
export const isCompared = (write: Write): boolean => typeof write.when === 'object'

export function withoutMetadata(item: StoredItem | undefined): StoredItem | undefined {
  if (item === undefined) return undefined
  return item.casToken === undefined ? bare(item) : { ...bare(item), casToken: item.casToken }
}

export function withoutToken(item: StoredItem | undefined): StoredItem | undefined {
  return item && { flags: item.flags, data: item.data, metadata: item.metadata }
}

export function refusing(format: Format): Format {
  if (!format.metadata) throw new Error('no such format')
  return format
}

export async function* listed(
  entries: Iterable<[string, Item]>,
  path: readonly string[],
  isListed: (item: Item) => boolean,
): AsyncIterable<string> {
  const prefix = `${path.join('/')}:`
  for (const [key, item] of entries) if (key.startsWith(prefix) && isListed(item)) yield key.slice(prefix.length)
}
