import type { CallOptions } from '../cache.js'
import { NotSupportedError } from '../errors.js'
import type { Call, CasToken, StoredItem } from '../store.js'
import { BatchFailures } from './batch-failures.js'
import { picked, sendMany } from './many.js'
import type { Namespace } from './namespace.js'

/** The decoded value under one key, `undefined` on a miss: `get` and `has` after their arguments were checked. */
export function readValue<T>(
  namespace: Namespace,
  op: string,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  try {
    const answer = readItem(namespace, key, namespace.call(options))
    // A hit in memory costs one promise, a hit on a server two: the store's and the caller's.
    if (!(answer instanceof Promise)) return Promise.resolve(told(namespace, op, key, answer) as T | undefined)
    return answer.then(
      item => told(namespace, op, key, item) as T | undefined,
      error => missed(namespace, op, key, options, error),
    )
  } catch (error) {
    try {
      return Promise.resolve(missed(namespace, op, key, options, error))
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }
}

/** The item under one key, in call order. */
export function readItem(
  namespace: Namespace,
  key: string,
  call: Call,
): StoredItem | undefined | Promise<StoredItem | undefined> {
  if (namespace.order.idle) return namespace.space.get(key, call)
  return namespace.inOrder(key, call, own => namespace.space.get(key, own))
}

/** The value of an item, or a promise of it, counted as a hit or a miss. */
function told(namespace: Namespace, op: string, key: string, item: StoredItem | undefined): unknown {
  if (item === undefined) {
    namespace.absent(op, key)
    return undefined
  }
  const value = namespace.decode(op, key, item)
  if (value instanceof Promise) return value.then(late => counted(namespace, op, key, item, late))
  return counted(namespace, op, key, item, value)
}

function counted(namespace: Namespace, op: string, key: string, item: StoredItem, value: unknown): unknown {
  if (value === undefined) namespace.miss(op, key, false)
  else namespace.hit(op, key, item)
  return value
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
  namespace.miss(op, key, true)
}

/** One version of an entry. `value` is `undefined` where its bytes cannot be read; such an entry is still present to a write. */
export type Version<T> = { value: T | undefined; casToken: CasToken }

/** The entry with its version; `undefined` when nothing is there. Rejects with the store's own failure. */
export async function readVersion<T>(
  namespace: Namespace,
  op: string,
  key: string,
  call: Call,
): Promise<Version<T> | undefined> {
  const item = await readItem(namespace, key, call)
  const value = (await told(namespace, op, key, item)) as T | undefined
  return item === undefined ? undefined : { value, casToken: item.casToken }
}

/** `getEntry` after its arguments were checked. */
export async function readEntry<T>(
  namespace: Namespace,
  key: string,
  options: CallOptions | undefined,
): Promise<{ value: T; casToken: CasToken } | undefined> {
  try {
    const version = await readVersion<T>(namespace, 'getEntry', key, namespace.call(options))
    if (version?.value === undefined) return undefined
    return { value: version.value, casToken: version.casToken }
  } catch (error) {
    return missed(namespace, 'getEntry', key, options, error)
  }
}

/** The hits among distinct `keys`, in their order. */
export async function readMany<T>(
  namespace: Namespace,
  op: string,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<Map<string, T>> {
  const items = await sendMany(namespace, {
    keys,
    options,
    send: (indices, call) => namespace.space.getMany(picked(keys, indices), call),
  })
  const failures = new BatchFailures(namespace, op, options)
  const values: unknown[] = []
  for (let i = 0; i < keys.length; i++) {
    const item = items[i]
    if (item === undefined) continue
    if ('failure' in item) {
      const outage = failures.tell(item.failure, keys[i] as string)
      if (outage !== undefined) throw outage
      continue
    }
    values[i] = namespace.decode(op, keys[i] as string, item)
  }
  const hits = new Map<string, T>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const item = items[i]
    const value = values[i] instanceof Promise ? await values[i] : values[i]
    if (value === undefined || item === undefined || 'failure' in item) {
      if (item === undefined) namespace.absent(op, key)
      else namespace.miss(op, key, 'failure' in item)
      continue
    }
    namespace.hit(op, key, item)
    hits.set(key, value as T)
  }
  return hits
}

/** Reads and deletes in one step. Rejects in an outage: what was taken must not look like nothing. */
export async function takeValue<T>(
  namespace: Namespace,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  try {
    const item = await namespace.inOrder(key, namespace.call(options), call => namespace.space.take(key, call))
    if (item === undefined) {
      namespace.absent('take', key)
      return undefined
    }
    namespace.deleted('take', key, true)
    const value = await namespace.decode('take', key, item)
    if (value === undefined) namespace.miss('take', key, false)
    else namespace.hit('take', key, item)
    return value as T | undefined
  } catch (error) {
    throw namespace.outage(error, 'take', key)
  }
}

/** The namespace's own keys that match. */
export async function* listKeys(
  namespace: Namespace,
  pattern: string,
  options: CallOptions | undefined,
): AsyncGenerator<string, void, undefined> {
  const { store, order } = namespace.root
  if (!store.limits.keys || namespace.space.keys === undefined) {
    throw new NotSupportedError(`${store.driver} cannot list keys; keep a list of your own under a key you know`, {
      op: 'keys',
    })
  }
  if (!order.idle) await order.settled()
  try {
    yield* namespace.space.keys(pattern, () => namespace.call(options))
  } catch (error) {
    throw namespace.outage(error, 'keys', undefined)
  }
}
