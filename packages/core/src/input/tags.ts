import { InvalidArgumentError } from '../errors.js'
import { shown } from './shown.js'

/** What the tags of one entry may take: UTF-8, and 10 bytes each. Metadata holds 65 535 bytes, and is not for tags alone. */
const mostTagBytes = 60_000
const bytesPerTag = 10

/** The distinct tags for an entry, in order. Throws `InvalidArgumentError` for what {@link tagNames} does, and for more than an entry can hold. */
export function tagsOf(tags: unknown, op: string, key?: string): readonly string[] {
  const distinct = tagNames(tags, op, key)
  let bytes = 0
  for (const tag of distinct) bytes += bytesPerTag + Buffer.byteLength(tag)
  if (bytes <= mostTagBytes) return distinct
  const message = `the tags of one entry may take ${mostTagBytes} bytes, UTF-8 and ${bytesPerTag} for each, got ${bytes}; use shorter or fewer tags`
  throw new InvalidArgumentError(message, { op, key })
}

/** The distinct tags, in order. Throws `InvalidArgumentError` for what is not a tag: a non-empty, well-formed string, as a key is. */
export function tagNames(tags: unknown, op: string, key?: string): readonly string[] {
  if (typeof tags === 'string') return [checked(tags, op, key)]
  // No other iterable: what can be read once would be read by the check alone.
  if (!Array.isArray(tags)) {
    throw new InvalidArgumentError(`tags must be a string or an array of strings, got ${shown(tags)}`, { op, key })
  }
  const distinct = new Set<string>()
  for (const tag of tags) distinct.add(checked(tag, op, key))
  return [...distinct]
}

function checked(tag: unknown, op: string, key: string | undefined): string {
  if (typeof tag === 'string' && tag !== '' && tag.isWellFormed()) return tag
  throw new InvalidArgumentError(`a tag must be a non-empty, well-formed string, got ${shown(tag)}`, { op, key })
}
