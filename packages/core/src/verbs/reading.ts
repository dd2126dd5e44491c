import { tagsOfItem } from '../entries/marking.js'
import type { TagVersions } from '../entries/tags.js'
import type { Judging } from '../entries/verdict.js'
import { type Judged, Miss } from '../entries/verdict.js'
import { type CacheError, isOutage } from '../errors.js'
import type { CallOptions } from '../options.js'
import { type Answer, type Call, type CasToken, type Failed, isFailed, type Owed, type StoredItem } from '../store.js'
import { BatchFailures } from './batch-failures.js'
import { picked, sendMany } from './many.js'
import type { Namespace } from './namespace.js'

/** What a store answers to a read. */
type Found = StoredItem | Owed | undefined

/** The decoded value under one key, `undefined` on a miss: `get` and `has` after their arguments were checked. */
export function readValue<T>(
  namespace: Namespace,
  op: string,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  const call = namespace.call(options)
  const found = readItem(namespace, key, call)
  // A hit in memory costs one promise, a hit on a server two: the store's and the caller's.
  if (!(found instanceof Promise)) return Promise.resolve(valueIn<T>(namespace, op, key, found, call, options))
  return found.then(
    item => valueIn<T>(namespace, op, key, item, call, options),
    error => missed(namespace, op, key, options, error),
  )
}

/** What the store holds under one key, in call order. Never throws. */
export function readItem(namespace: Namespace, key: string, call: Call): Answer<Found> {
  try {
    if (namespace.order.idle) return namespace.reads.get(key, call)
    return namespace.inOrder(key, call, own => namespace.reads.get(key, own))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** The value of a hit, or a promise of it; counted either way. */
function valueIn<T>(
  namespace: Namespace,
  op: string,
  key: string,
  found: Found,
  call: Call,
  options: CallOptions | undefined,
): T | undefined | Promise<T | undefined> {
  const judged = namespace.judge<T>(op, key, found, call)
  if (judged instanceof Promise) {
    return judged.then(
      late => namespace.reports.read(op, key, found, late),
      error => missed(namespace, op, key, options, error),
    )
  }
  return namespace.reports.read(op, key, found, judged)
}

/** An outage: a miss where the call fails open, else thrown. */
function missed(
  namespace: Namespace,
  op: string,
  key: string,
  options: CallOptions | undefined,
  error: unknown,
): undefined {
  namespace.endure(error, op, key, options)
  namespace.reports.miss(op, key, Miss.outage)
}

/** What stands under a key, for a write that compares. `value` is `undefined` where it cannot be read; to the write it is present. */
export interface Current<T> {
  readonly value: T | undefined
  readonly casToken: CasToken
  /** The tags that the value has, with the versions it was written with. */
  readonly tags: TagVersions | undefined
}

/** The entry with its casToken; `undefined` when nothing is there. Rejects with the store's own failure. `call` is versioned; `versions`: what is known of tags. */
export async function readCurrent<T>(
  namespace: Namespace,
  op: string,
  key: string,
  call: Call,
  judging?: Judging,
): Promise<Current<T> | undefined> {
  const found = await readItem(namespace, key, call)
  const judged = await namespace.judge<T>(op, key, found, call, judging)
  const value = namespace.reports.read(op, key, found, judged)
  if (judged instanceof Miss && !judged.isPresent) return undefined
  const item = found as StoredItem
  return { value, casToken: item.casToken as CasToken, tags: value === undefined ? undefined : tagsOfItem(item) }
}

/** `getEntry` after its arguments were checked. */
export async function readEntry<T>(
  namespace: Namespace,
  key: string,
  options: CallOptions | undefined,
): Promise<{ value: T; casToken: CasToken } | undefined> {
  try {
    const current = await readCurrent<T>(namespace, 'getEntry', key, namespace.versionedCall(options))
    if (current?.value === undefined) return undefined
    return { value: current.value, casToken: current.casToken }
  } catch (error) {
    return missed(namespace, 'getEntry', key, options, error)
  }
}

/** The tags of an entry could not be looked up. A class, since a value may be any object. */
class Unlooked {
  readonly failure: CacheError

  constructor(failure: CacheError) {
    this.failure = failure
  }
}

function failed(error: unknown): Unlooked {
  if (isOutage(error)) return new Unlooked(error)
  throw error
}

/** The hits among distinct `keys`, in their order. */
export async function readMany<T>(
  namespace: Namespace,
  op: string,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<Map<string, T>> {
  const answers = await sendMany<Found>(namespace, {
    keys,
    options,
    send: (indices, call) => namespace.reads.getMany(picked(keys, indices), call),
  })
  const failures = new BatchFailures(namespace, op, options)
  const endured = ({ failure }: Failed, key: string): Miss => {
    const outage = failures.report(failure, key)
    if (outage !== undefined) throw outage
    return Miss.outage
  }
  const call = namespace.call(options)
  // All are judged before one is waited for: large values inflate side by side, and the tags of all are looked up together.
  const judgements = answers.map((answer, i) => {
    const key = keys[i] as string
    if (isFailed(answer)) return endured(answer, key)
    const judged = namespace.judge<T>(op, key, answer, call)
    return judged instanceof Promise ? judged.catch(failed) : judged
  })
  const hits = new Map<string, T>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const judgement = judgements[i]
    const late = judgement instanceof Promise ? await judgement : (judgement as Judged<T>)
    const judged = late instanceof Unlooked ? endured(late, key) : late
    const value = namespace.reports.read(op, key, answers[i] as Found, judged)
    if (value !== undefined) hits.set(key, value as T)
  }
  return hits
}

/** Reads and deletes in one step. Rejects in an outage: what was taken must not look like nothing. */
export async function takeValue<T>(
  namespace: Namespace,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  const space = namespace.changing(key)
  try {
    const call = namespace.call(options)
    const item = await namespace.inOrder(key, call, own => space.take(key, own))
    const judged = await namespace.judge<T>('take', key, item, call)
    if (!(judged instanceof Miss) || judged.isPresent) namespace.reports.deleted('take', key, true)
    return namespace.reports.read('take', key, item, judged)
  } catch (error) {
    throw namespace.outage(error, 'take', key)
  }
}
