import type { TagVersions } from '../entries/tags.js'
import { NotSupportedError } from '../errors.js'
import { tagsOf } from '../input/tags.js'
import type { WriteOptions } from '../options.js'
import type { Call, Item } from '../store.js'
import type { Namespace } from './namespace.js'

/** The tags to write an entry with; `undefined` for none. Throws where the cache can have none. */
export function tagsFor(
  namespace: Namespace,
  op: string,
  key: string | undefined,
  options: WriteOptions | undefined,
): readonly string[] | undefined {
  if (options?.tags === undefined) return undefined
  const tags = tagsOf(options.tags, op, key)
  if (tags.length === 0) return undefined
  requireTags(namespace, op, key)
  return tags
}

/** Throws `NotSupportedError` where entries have no place for tags. */
export function requireTags(namespace: Namespace, op: string, key?: string): void {
  if (namespace.entries.format.metadata) return
  throw new NotSupportedError(
    "the serializer writes another client's format, which has no place for tags; use the native profile where you need them",
    { op, key },
  )
}

/** A write that waits for the versions of its tags, and the time that the server has for it. */
interface TaggedWrite {
  readonly item: Item | Promise<Item>
  readonly call: () => Call
}

/** The entry of a write with these tags: their versions are read now, before it is written. One deadline is for both. */
export function taggedWrite(
  namespace: Namespace,
  key: string,
  encoded: Item | Promise<Item>,
  tags: readonly string[] | undefined,
  call: () => Call,
): TaggedWrite {
  if (tags === undefined) return { item: encoded, call }
  const own = call()
  const versions = versionsFor(namespace, key, tags, own)
  const item = Promise.all([encoded, versions]).then(([value, found]) => namespace.entries.tagged(value, found))
  // However long a value takes to encode, the server has its time after that.
  return { item, call: encoded instanceof Promise ? call : () => own }
}

/** The versions to write an entry with, as they are after all that was called on whole namespaces. `key`: of the entry, for errors. */
export async function versionsFor(
  namespace: Namespace,
  key: string,
  tags: readonly string[],
  call: Call,
): Promise<TagVersions> {
  return namespace.afterBarrier(key, call, own => namespace.entries.tags.forWriting(tags, own))
}
