import type { CallOptions, WriteOptions } from '../cache.js'
import type { TagVersions } from '../entries/tags.js'
import { type CacheError, isOutage, NotSupportedError } from '../errors.js'
import {
  type Answer,
  type Call,
  type Condition,
  type Failed,
  type Item,
  isFailed,
  type Space,
  type Write,
  type Written,
} from '../store.js'
import { BatchFailures } from './batch-failures.js'
import { picked, sendMany } from './many.js'
import type { Namespace } from './namespace.js'
import { tagsFor, versionsFor } from './tagging.js'

const tooLarge: Written = { outcome: 'too-large' }

/** One write as it was called. */
export interface OrderedWrite {
  readonly op: string
  readonly key: string
  /** From the door that the verb came through. */
  readonly space: Space
  /** A promise where its value is still being encoded, or the versions of its tags are still being read. */
  readonly item: Item | Promise<Item>
  readonly ttl: number
  readonly when: Condition
  /** The time that the server has. Asked for when the item is there. */
  readonly call: () => Call
}

/** Sends one write in the call order of its key and reports what became of it. Throws or rejects with the store's own failure. */
export function sendWrite(namespace: Namespace, write: OrderedWrite): Answer<Written> {
  const { op, key, space, ttl, when, call } = write
  let item: Item
  const send = (own: Call): Answer<Written> => {
    if (namespace.overLimit(item)) return refuse(space, key, when, own)
    return space.write({ key, item, ttl, when }, own)
  }
  const reported = (written: Written): Written => {
    report(namespace, op, key, item, written)
    return written
  }
  const forgo = when === 'always' ? (): void => space.owe?.(key) : undefined
  if (write.item instanceof Promise) {
    let failure: CacheError | undefined
    const made = (late: Item): Call => {
      item = late
      return call()
    }
    // Its tags could not be looked up. The old value is forgone in the turn of this call: an earlier one may still be under way.
    const notMade = (error: unknown): Call => {
      if (forgo === undefined || !isOutage(error)) throw error
      failure = error
      return call()
    }
    const sendUnlessFailed = (own: Call): Answer<Written> => {
      if (failure === undefined) return send(own)
      forgo?.()
      throw failure
    }
    return namespace.whenReady(key, write.item.then(made, notMade), sendUnlessFailed, forgo).then(reported)
  }
  item = write.item
  const answer = namespace.inOrder(key, call(), send, forgo)
  return answer instanceof Promise ? answer.then(reported) : reported(answer)
}

/** Whether the value was stored, after it was reported. */
function report(namespace: Namespace, op: string, key: string, item: Item, written: Written): boolean {
  const stored = written.outcome === 'stored'
  if (written.outcome === 'too-large') namespace.root.signals.failed(namespace.tooLarge(op, key, item))
  namespace.wrote(op, key, item, stored)
  return stored
}

/** Over `maxValueBytes`. The old value must not outlive the one that replaced it. */
async function refuse(space: Space, key: string, when: Condition, call: Call): Promise<Written> {
  if (when === 'always') await space.remove(key, undefined, call)
  return tooLarge
}

/** `set` after its arguments were checked. `ownCall`: the time that the server has, where that began with a read of the tags' versions. */
export function setValue(
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
    if (item instanceof Promise || !namespace.order.idle || namespace.overLimit(item)) {
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

function isStored(written: Written): boolean {
  return written.outcome === 'stored'
}

/** An outage: not stored where the call fails open, else thrown. */
function notSet(namespace: Namespace, key: string, options: CallOptions | undefined, error: unknown): false {
  namespace.endure(error, 'set', key, options)
  return false
}

/** A write whose answer the program acts on: rejects in an outage and for a value over the limit. */
export async function writeWhen(
  namespace: Namespace,
  write: OrderedWrite,
): Promise<Exclude<Written['outcome'], 'too-large'>> {
  const { op, key } = write
  let written: Written
  try {
    written = await sendWrite(namespace, write)
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
  if (written.outcome === 'too-large') {
    throw namespace.tooLarge(op, key, await write.item)
  }
  return written.outcome
}

/** Throws where versions cannot be compared. */
export function requireCas(namespace: Namespace, op: string, key: string): void {
  const { store } = namespace.root
  if (store.limits.cas) return
  throw new NotSupportedError(
    `${store.driver} runs without versions (CAS), so ${op} cannot be made safe; turn CAS on`,
    {
      op,
      key,
    },
  )
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
    if (namespace.overLimit(item)) oversize.set(key, undefined)
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
