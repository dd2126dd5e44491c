import type { CallOptions } from './cache.js'
import { NotSupportedError } from './errors.js'
import { picked, sendMany } from './many.js'
import type { Scope } from './scope.js'
import type { Call, CasToken, StoredItem } from './store.js'
import { Troubles } from './troubles.js'

/** The decoded value under one key, `undefined` on a miss: `get` and `has` after their arguments were checked. */
export function readValue<T>(
  scope: Scope,
  op: string,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  try {
    const answer = readItem(scope, key, scope.call(options))
    // A hit in memory costs one promise, a hit on a server two: the store's and the caller's.
    if (!(answer instanceof Promise)) return Promise.resolve(told(scope, op, key, answer) as T | undefined)
    return answer.then(
      item => told(scope, op, key, item) as T | undefined,
      error => missed(scope, op, key, options, error),
    )
  } catch (error) {
    try {
      return Promise.resolve(missed(scope, op, key, options, error))
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }
}

/** The item under one key, in call order. */
export function readItem(
  scope: Scope,
  key: string,
  call: Call,
): StoredItem | undefined | Promise<StoredItem | undefined> {
  if (scope.order.idle) return scope.space.get(key, call)
  return scope.inOrder(key, call, own => scope.space.get(key, own))
}

/** The value of an item, or a promise of it, counted as a hit or a miss. */
function told(scope: Scope, op: string, key: string, item: StoredItem | undefined): unknown {
  if (item === undefined) {
    scope.absent(op, key)
    return undefined
  }
  const value = scope.decode(op, key, item)
  if (value instanceof Promise) return value.then(late => counted(scope, op, key, item, late))
  return counted(scope, op, key, item, value)
}

function counted(scope: Scope, op: string, key: string, item: StoredItem, value: unknown): unknown {
  if (value === undefined) scope.miss(op, key, false)
  else scope.hit(op, key, item)
  return value
}

/** An outage: a miss where the call fails open, else thrown. */
function missed(scope: Scope, op: string, key: string, options: CallOptions | undefined, error: unknown): undefined {
  scope.endure(error, op, key, options)
  scope.miss(op, key, true)
}

/** One version of an entry. `value` is `undefined` where its bytes cannot be read; such an entry is still present to a write. */
export type Version<T> = { value: T | undefined; casToken: CasToken }

/** The entry with its version; `undefined` when nothing is there. Rejects with the store's own failure. */
export async function readVersion<T>(
  scope: Scope,
  op: string,
  key: string,
  call: Call,
): Promise<Version<T> | undefined> {
  const item = await readItem(scope, key, call)
  const value = (await told(scope, op, key, item)) as T | undefined
  return item === undefined ? undefined : { value, casToken: item.casToken }
}

/** `getEntry` after its arguments were checked. */
export async function readEntry<T>(
  scope: Scope,
  key: string,
  options: CallOptions | undefined,
): Promise<{ value: T; casToken: CasToken } | undefined> {
  try {
    const version = await readVersion<T>(scope, 'getEntry', key, scope.call(options))
    if (version?.value === undefined) return undefined
    return { value: version.value, casToken: version.casToken }
  } catch (error) {
    return missed(scope, 'getEntry', key, options, error)
  }
}

/** The hits among distinct `keys`, in their order. */
export async function readMany<T>(
  scope: Scope,
  op: string,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<Map<string, T>> {
  const items = await sendMany(scope, {
    keys,
    options,
    send: (indices, call) => scope.space.getMany(picked(keys, indices), call),
  })
  const troubles = new Troubles(scope, op, options)
  const values: unknown[] = []
  for (let i = 0; i < keys.length; i++) {
    const item = items[i]
    if (item === undefined) continue
    if ('failure' in item) {
      const outage = troubles.tell(item.failure, keys[i] as string)
      if (outage !== undefined) throw outage
      continue
    }
    values[i] = scope.decode(op, keys[i] as string, item)
  }
  const hits = new Map<string, T>()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const item = items[i]
    const value = values[i] instanceof Promise ? await values[i] : values[i]
    if (value === undefined || item === undefined || 'failure' in item) {
      if (item === undefined) scope.absent(op, key)
      else scope.miss(op, key, 'failure' in item)
      continue
    }
    scope.hit(op, key, item)
    hits.set(key, value as T)
  }
  return hits
}

/** Reads and deletes in one step. Rejects in an outage: what was taken must not look like nothing. */
export async function takeValue<T>(
  scope: Scope,
  key: string,
  options: CallOptions | undefined,
): Promise<T | undefined> {
  try {
    const item = await scope.inOrder(key, scope.call(options), call => scope.space.take(key, call))
    if (item === undefined) {
      scope.absent('take', key)
      return undefined
    }
    scope.deleted('take', key, true)
    const value = await scope.decode('take', key, item)
    if (value === undefined) scope.miss('take', key, false)
    else scope.hit('take', key, item)
    return value as T | undefined
  } catch (error) {
    throw scope.outage(error, 'take', key)
  }
}

/** The namespace's own keys that match. */
export async function* listKeys(
  scope: Scope,
  pattern: string,
  options: CallOptions | undefined,
): AsyncGenerator<string, void, undefined> {
  const { store, order } = scope.root
  if (!store.limits.keys || scope.space.keys === undefined) {
    throw new NotSupportedError(`${store.driver} cannot list keys; keep a list of your own under a key you know`, {
      op: 'keys',
    })
  }
  if (!order.idle) await order.settled()
  try {
    yield* scope.space.keys(pattern, () => scope.call(options))
  } catch (error) {
    throw scope.outage(error, 'keys', undefined)
  }
}
