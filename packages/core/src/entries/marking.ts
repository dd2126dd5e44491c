import { type Encoded, FLAG_METADATA, type Metadata, writeMetadata } from '@anycache/serializer'
import type { Item } from '../store.js'

/** The value as an item that carries metadata: only where the {@link Format} has metadata. Throws ERR_CACHE_SERIALIZATION where it is too long. */
export function marked({ flags, data }: Encoded, metadata: Metadata): Item {
  return { flags: (flags | FLAG_METADATA) >>> 0, data, metadata: writeMetadata(metadata) }
}
