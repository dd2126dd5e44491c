import type { Encoded } from '@anycache/serializer'
import type { CallOptions, WriteOptions } from '../cache.js'
import { NotSupportedError } from '../errors.js'
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

const tooLarge: Written = { outcome: 'too-large' }

/** One write as it was called. */
export interface OrderedWrite {
  readonly op: string
  readonly key: string
  /** From the door that the verb came through. */
  readonly space: Space
  readonly encoded: Encoded | Promise<Encoded>
  readonly ttl: number
  readonly when: Condition
  /** The time that the server has, from when the value is encoded. */
  readonly call: () => Call
}

/** Sends one write in the call order of its key and reports what became of it. Throws or rejects with the store's own failure. */
export function sendWrite(namespace: Namespace, write: OrderedWrite): Answer<Written> {
  const { op, key, space, encoded, ttl, when, call } = write
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
  if (encoded instanceof Promise) {
    const ready = encoded.then(late => {
      item = late
      return call()
    })
    return namespace.afterEncoding(key, ready, send, forgo).then(reported)
  }
  item = encoded
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

/** `set` after its arguments were checked. */
export function setValue(
  namespace: Namespace,
  space: Space,
  key: string,
  encoded: Encoded | Promise<Encoded>,
  ttl: number,
  options: CallOptions | undefined,
): Promise<boolean> {
  const failed = (error: unknown): boolean => notSet(namespace, key, options, error)
  try {
    if (encoded instanceof Promise || !namespace.order.idle || namespace.overLimit(encoded)) {
      const call = (): Call => namespace.call(options)
      const written = sendWrite(namespace, { op: 'set', key, space, encoded, ttl, when: 'always', call })
      return Promise.resolve(written).then(isStored, failed)
    }
    // Nearly every set: nothing to wait for, and one promise less.
    const answer = space.write({ key, item: encoded, ttl, when: 'always' }, namespace.call(options))
    if (!(answer instanceof Promise)) return Promise.resolve(report(namespace, 'set', key, encoded, answer))
    return answer.then(written => report(namespace, 'set', key, encoded, written), failed)
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
  const { op, key, encoded } = write
  let written: Written
  try {
    written = await sendWrite(namespace, write)
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
  if (written.outcome === 'too-large') {
    const item = await encoded
    throw namespace.tooLarge(op, key, item)
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
  const encodings = new Map<string, Encoded | Promise<Encoded>>()
  for (const [key, value] of entries) {
    const encoded = namespace.entries.encode('setMany', key, value)
    // One that fails rejects the call, and nobody waits for the others that are under way.
    if (encoded instanceof Promise) encoded.catch(() => {})
    encodings.set(key, encoded)
  }
  const ttls = Array.from(encodings.keys(), key => namespace.ttl(options?.ttl, 'setMany', key))
  return setEncoded(namespace, namespace.changingMany(encodings.keys()), encodings, ttls, options)
}

async function setEncoded(
  namespace: Namespace,
  space: Space,
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
  const answers = await sendMany<Written>(namespace, {
    keys,
    options,
    ready,
    bytesOf: index => (items[index] as Item).data.length,
    send: (indices, call) =>
      writeItems(namespace, space, picked(keys, indices), picked(items, indices), picked(ttls, indices), call),
    forgo: key => space.owe?.(key),
  })
  return reportAll(namespace, keys, items, answers, options)
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
