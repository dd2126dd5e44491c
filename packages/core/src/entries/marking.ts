import { type Encoded, FLAG_METADATA, type Metadata, readMetadata, writeMetadata } from '@anycache/serializer'
import type { Item } from '../store.js'
import type { TagVersions } from './tags.js'

/** The value as an item that carries metadata, or its bytes: only where the {@link Format} has metadata. Throws ERR_CACHE_SERIALIZATION where it is too long. */
export function marked({ flags, data }: Encoded, metadata: Metadata | Uint8Array): Item {
  const bytes = metadata instanceof Uint8Array ? metadata : writeMetadata(metadata)
  return { flags: (flags | FLAG_METADATA) >>> 0, data, metadata: bytes }
}

/** The versions of its tags that an entry was written with. Throws where its metadata cannot be read. */
export function tagsOfItem({ metadata }: Item): TagVersions | undefined {
  return metadata === undefined ? undefined : readMetadata(metadata).tags
}
