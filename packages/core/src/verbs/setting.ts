import type { TagVersions } from '../entries/tags.js'
import { type CacheError, isOutage } from '../errors.js'
import type { CallOptions, WriteOptions } from '../options.js'
import { type Call, type Failed, type Item, isFailed, type Space, type Write, type Written } from '../store.js'
import { BatchFailures } from './batch-failures.js'
import { picked, sendMany } from './many.js'
import type { Namespace } from './namespace.js'
import { isOverLimit } from './size-limit.js'
import { taggedWrite, tagsFor, versionsFor } from './tagging.js'
import { isStored, report, sendWrite, tooLarge } from './writing.js'

/** `set` after its options and the key were checked. Throws what it does not reject with. */
export function setValue(
  namespace: Namespace,
  key: string,
  value: unknown,
  options: WriteOptions | undefined,
): Promise<boolean> {
  const ttl = namespace.ttl(options?.ttl, 'set', key)
  const tags = tagsFor(namespace, 'set', key, options)
  const encoded = namespace.entries.encode('set', key, value)
  const space = namespace.changing(key)
  if (tags === undefined) return send(namespace, space, key, encoded, ttl, options)
  const { item, call } = taggedWrite(namespace, key, encoded, tags, () => namespace.call(options))
  return send(namespace, space, key, item, ttl, options, call)
}

/** `ownCall`: the time that the server has, where that began with a read of the tags' versions. */
function send(
  namespace: Namespace,
  space: Space,
  key: string,
  item: Item | Promise<Item>,
  ttl: number,
  options: CallOptions | undefined,
  ownCall?: () => Call,
): Promise<boolean> {
  const failed = (error: unknown): boolean => notSet(namespace, key, options, error)
  try {
    if (item instanceof Promise || !namespace.order.idle || isOverLimit(namespace, item)) {
      const call = ownCall ?? ((): Call => namespace.call(options))
      const written = sendWrite(namespace, { op: 'set', key, space, item, ttl, when: 'always', call })
      return Promise.resolve(written).then(isStored, failed)
    }
    // Nearly every set: nothing to wait for, and one promise less.
    const answer = space.write({ key, item, ttl, when: 'always' }, namespace.call(options))
    if (!(answer instanceof Promise)) return Promise.resolve(report(namespace, 'set', key, item, answer))
    return answer.then(written => report(namespace, 'set', key, item, written), failed)
  } catch (error) {
    return Promise.reject(error).catch(failed)
  }
}

/** An outage: not stored where the call fails open, else thrown. */
function notSet(namespace: Namespace, key: string, options: CallOptions | undefined, error: unknown): false {
  namespace.endure(error, 'set', key, options)
  return false
}

/** `setMany` after its arguments were checked. Resolves the keys that were not stored, in their order. */
export function setValues(
  namespace: Namespace,
  entries: Iterable<readonly [string, unknown]>,
  options: WriteOptions | undefined,
): Promise<string[]> {
  const tags = tagsFor(namespace, 'setMany', undefined, options)
  const encodings = new Map<string, Item | Promise<Item>>()
  for (const [key, value] of entries) {
    const encoded = namespace.entries.encode('setMany', key, value)
    // One that fails rejects the call, and nobody waits for the others that are under way.
    if (encoded instanceof Promise) encoded.catch(() => {})
    encodings.set(key, encoded)
  }
  const ttls = Array.from(encodings.keys(), key => namespace.ttl(options?.ttl, 'setMany', key))
  return setEncoded(namespace, namespace.changingMany(encodings.keys()), encodings, { ttls, tags, options })
}

/** What all entries of a `setMany` share, and the ttl of each. */
interface Shares {
  readonly ttls: readonly number[]
  readonly tags: readonly string[] | undefined
  readonly options: CallOptions | undefined
}

async function setEncoded(
  namespace: Namespace,
  space: Space,
  entries: ReadonlyMap<string, Item | Promise<Item>>,
  { ttls, tags, options }: Shares,
): Promise<string[]> {
  const keys = [...entries.keys()]
  const encodings = [...entries.values()]
  const isEncoded = !encodings.some(encoded => encoded instanceof Promise)
  let items = encodings as readonly Item[]
  let ready: Promise<void> | undefined
  let first: Call | undefined
  let failure: CacheError | undefined
  if (tags !== undefined) {
    const call = namespace.call(options)
    if (isEncoded) first = call
    const versions = versionsFor(namespace, keys[0] as string, tags, call)
    ready = withTags(namespace, encodings, versions, all => {
      items = all
    }).catch(error => {
      if (!isOutage(error)) throw error
      failure = error
    })
  } else if (!isEncoded) {
    ready = Promise.all(encodings).then(all => {
      items = all
    })
  }
  const answers = await sendMany<Written>(namespace, {
    keys,
    options,
    ready,
    first,
    bytesOf: index => (items[index] as Item).data.length,
    send: (indices, call) => {
      const own = picked(keys, indices)
      if (failure !== undefined) return forgone(space, own, failure)
      return writeItems(namespace, space, own, picked(items, indices), picked(ttls, indices), call)
    },
    forgo: key => space.owe?.(key),
  })
  return reportAll(namespace, keys, items, answers, options)
}

/** Gives `take` the encoded values, and then the entries with their tags. */
async function withTags(
  namespace: Namespace,
  encodings: readonly (Item | Promise<Item>)[],
  versions: Promise<TagVersions>,
  take: (items: readonly Item[]) => void,
): Promise<void> {
  // It may fail while a value is still being encoded.
  versions.catch(() => {})
  const encoded = await Promise.all(encodings)
  take(encoded)
  const tags = await versions
  take(encoded.map(item => namespace.entries.tagged(item, tags)))
}

/** The versions of their tags could not be read: none is written, and the old values must not be the answer. */
function forgone(space: Space, keys: readonly string[], failure: CacheError): readonly Failed[] {
  for (const key of keys) space.owe?.(key)
  return keys.map(() => ({ failure }))
}

/** One answer per key, in their order. What is over `maxValueBytes` is deleted, as in {@link refuse}. */
async function writeItems(
  namespace: Namespace,
  space: Space,
  keys: readonly string[],
  items: readonly Item[],
  ttls: readonly number[],
  call: Call,
): Promise<readonly (Written | Failed)[]> {
  const writes: Write[] = []
  const oversize = new Map<string, boolean | Failed | undefined>()
  for (const [i, key] of keys.entries()) {
    const item = items[i] as Item
    if (isOverLimit(namespace, item)) oversize.set(key, undefined)
    else writes.push({ key, item, ttl: ttls[i] as number, when: 'always' })
  }
  if (oversize.size === 0) return space.writeMany(writes, call)
  const refused = [...oversize.keys()]
  const [written, removed] = await Promise.all([space.writeMany(writes, call), space.removeMany(refused, call)])
  for (const [i, key] of refused.entries()) oversize.set(key, removed[i])
  let next = 0
  return keys.map(key => {
    if (!oversize.has(key)) return written[next++] as Written | Failed
    const answer = oversize.get(key)
    return typeof answer === 'object' ? answer : tooLarge
  })
}

function reportAll(
  namespace: Namespace,
  keys: readonly string[],
  items: readonly Item[],
  answers: readonly (Written | Failed)[],
  options: CallOptions | undefined,
): string[] {
  const failures = new BatchFailures(namespace, 'setMany', options)
  const failed: string[] = []
  for (const [i, key] of keys.entries()) {
    const answer = answers[i] as Written | Failed
    if (!isFailed(answer)) {
      if (!report(namespace, 'setMany', key, items[i] as Item, answer)) failed.push(key)
      continue
    }
    failures.report(answer.failure, key)
    failed.push(key)
  }
  failures.throwFirst()
  return failed
}
