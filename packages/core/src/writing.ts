import type { Encoded } from '@anycache/serializer'
import type { CallOptions } from './cache.js'
import { NotSupportedError } from './errors.js'
import { picked, sendMany } from './many.js'
import type { Scope } from './scope.js'
import type { Answer, Call, Condition, Failed, Item, Write, Written } from './store.js'
import { Troubles } from './troubles.js'

const tooLarge: Written = { outcome: 'too-large' }

/** One write as it was called. */
export interface OrderedWrite {
  readonly op: string
  readonly key: string
  readonly encoded: Encoded | Promise<Encoded>
  readonly ttl: number
  readonly when: Condition
  /** The time that the server has, from when the value is encoded. */
  readonly call: () => Call
}

/** Sends one write in the call order of its key and reports what became of it. Rejects with the store's own failure. */
export function sendWrite(scope: Scope, { op, key, encoded, ttl, when, call }: OrderedWrite): Promise<Written> {
  let item: Item
  const send = (own: Call): Answer<Written> => {
    if (scope.overLimit(item)) return refuse(scope, key, when, own)
    return scope.space.write({ key, item, ttl, when }, own)
  }
  const report = (written: Written): Written => {
    told(scope, op, key, item, written)
    return written
  }
  const forgo = when === 'always' ? (): void => scope.space.owe?.(key) : undefined
  if (encoded instanceof Promise) {
    const ready = encoded.then(late => {
      item = late
      return call()
    })
    return scope.afterEncoding(key, ready, send, forgo).then(report)
  }
  item = encoded
  try {
    const answer = scope.inOrder(key, call(), send, forgo)
    return answer instanceof Promise ? answer.then(report) : Promise.resolve(report(answer))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Whether the value was stored, after it was reported. */
function told(scope: Scope, op: string, key: string, item: Item, written: Written): boolean {
  const stored = written.outcome === 'stored'
  if (written.outcome === 'too-large') scope.root.signals.failed(scope.tooLarge(op, key, item))
  scope.wrote(op, key, item, stored)
  return stored
}

/** Over `maxValueBytes`. The old value must not outlive the one that replaced it. */
async function refuse(scope: Scope, key: string, when: Condition, call: Call): Promise<Written> {
  if (when === 'always') await scope.space.remove(key, undefined, call)
  return tooLarge
}

/** `set` after its arguments were checked. */
export function setValue(
  scope: Scope,
  key: string,
  encoded: Encoded | Promise<Encoded>,
  ttl: number,
  options: CallOptions | undefined,
): Promise<boolean> {
  const failed = (error: unknown): boolean => notSet(scope, key, options, error)
  if (encoded instanceof Promise || !scope.order.idle || scope.overLimit(encoded)) {
    const call = (): Call => scope.call(options)
    return sendWrite(scope, { op: 'set', key, encoded, ttl, when: 'always', call }).then(isStored, failed)
  }
  // Nearly every set: nothing to wait for, and one promise less.
  try {
    const answer = scope.space.write({ key, item: encoded, ttl, when: 'always' }, scope.call(options))
    if (!(answer instanceof Promise)) return Promise.resolve(told(scope, 'set', key, encoded, answer))
    return answer.then(written => told(scope, 'set', key, encoded, written), failed)
  } catch (error) {
    return Promise.reject(error).catch(failed)
  }
}

function isStored(written: Written): boolean {
  return written.outcome === 'stored'
}

/** An outage: not stored where the call fails open, else thrown. */
function notSet(scope: Scope, key: string, options: CallOptions | undefined, error: unknown): false {
  scope.endure(error, 'set', key, options)
  return false
}

/** A write whose answer the program acts on: rejects in an outage and for a value over the limit. */
export async function writeWhen(scope: Scope, write: OrderedWrite): Promise<Exclude<Written['outcome'], 'too-large'>> {
  const { op, key, encoded } = write
  let written: Written
  try {
    written = await sendWrite(scope, write)
  } catch (error) {
    throw scope.outage(error, op, key)
  }
  if (written.outcome === 'too-large') {
    const item = await encoded
    throw scope.tooLarge(op, key, item)
  }
  return written.outcome
}

/** Throws where versions cannot be compared. */
export function requireCas(scope: Scope, op: string, key: string): void {
  const { store } = scope.root
  if (store.limits.cas) return
  throw new NotSupportedError(
    `${store.driver} runs without versions (CAS), so ${op} cannot be made safe; turn CAS on`,
    {
      op,
      key,
    },
  )
}

/**
 * `setMany` after its arguments were checked and its values began to be encoded; `ttls` in the order of `entries`.
 * Resolves the keys that were not stored, in that order.
 */
export async function setValues(
  scope: Scope,
  entries: ReadonlyMap<string, Encoded | Promise<Encoded>>,
  ttls: readonly number[],
  options: CallOptions | undefined,
): Promise<string[]> {
  const keys = [...entries.keys()]
  const encodings = [...entries.values()]
  let items = encodings as readonly Item[]
  const ready = encodings.some(encoded => encoded instanceof Promise)
    ? Promise.all(encodings).then(all => {
        items = all
      })
    : undefined
  const answers = await sendMany<Written>(scope, {
    keys,
    options,
    ready,
    bytesOf: index => (items[index] as Item).data.length,
    send: (indices, call) =>
      writeItems(scope, picked(keys, indices), picked(items, indices), picked(ttls, indices), call),
    forgo: key => scope.space.owe?.(key),
  })
  return report(scope, keys, items, answers, options)
}

/** One answer per key, in their order. What is over `maxValueBytes` is deleted, as in {@link refuse}. */
async function writeItems(
  scope: Scope,
  keys: readonly string[],
  items: readonly Item[],
  ttls: readonly number[],
  call: Call,
): Promise<readonly (Written | Failed)[]> {
  const writes: Write[] = []
  const oversize = new Map<string, boolean | Failed | undefined>()
  for (const [i, key] of keys.entries()) {
    const item = items[i] as Item
    if (scope.overLimit(item)) oversize.set(key, undefined)
    else writes.push({ key, item, ttl: ttls[i] as number, when: 'always' })
  }
  if (oversize.size === 0) return scope.space.writeMany(writes, call)
  const refused = [...oversize.keys()]
  const [written, removed] = await Promise.all([
    scope.space.writeMany(writes, call),
    scope.space.removeMany(refused, call),
  ])
  for (const [i, key] of refused.entries()) oversize.set(key, removed[i])
  let next = 0
  return keys.map(key => {
    if (!oversize.has(key)) return written[next++] as Written | Failed
    const answer = oversize.get(key)
    return typeof answer === 'object' ? answer : tooLarge
  })
}

function report(
  scope: Scope,
  keys: readonly string[],
  items: readonly Item[],
  answers: readonly (Written | Failed)[],
  options: CallOptions | undefined,
): string[] {
  const troubles = new Troubles(scope, 'setMany', options)
  const failed: string[] = []
  for (const [i, key] of keys.entries()) {
    const answer = answers[i] as Written | Failed
    if (!('failure' in answer)) {
      if (!told(scope, 'setMany', key, items[i] as Item, answer)) failed.push(key)
      continue
    }
    troubles.tell(answer.failure, key)
    failed.push(key)
  }
  troubles.throwFirst()
  return failed
}
