import { randomBytes } from 'node:crypto'
import { type Encoded, FLAG_METADATA, type Metadata, readMetadata, writeMetadata } from '@anycache/serializer'
import type { Item } from '../store.js'
import type { TagVersions } from './tags.js'

const nonceBytes = 8

/** The entry with what is noted of it. */
export function marked({ flags, data }: Encoded, metadata: Metadata): Item {
  return { flags: (flags | FLAG_METADATA) >>> 0, data, metadata: writeMetadata(metadata) }
}

/** The entry as a write with these tags stores it, at `created` in ms since 1970. Bare without any: then there is nothing to note. */
export function tagged(encoded: Encoded, tags: TagVersions | undefined, created: number): Item {
  if (tags === undefined || tags.size === 0) return encoded
  // The nonce: a token of an entry must not fit the next one of the same value, whatever the clock says.
  return marked(encoded, { created, nonce: randomBytes(nonceBytes), tags })
}

/** The versions of its tags that an entry was written with. Throws where its metadata cannot be read. */
export function tagsOfItem({ metadata }: Item): TagVersions | undefined {
  return metadata === undefined ? undefined : readMetadata(metadata).tags
}
