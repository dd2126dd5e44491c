import type { Encoded } from '@anycache/serializer'
import type { CallOptions } from './cache.js'
import { type CacheError, NotSupportedError } from './errors.js'
import type { Scope } from './scope.js'
import type { Condition, Failed, Item, Write, Written } from './store.js'

const tooLarge: Written = { outcome: 'too-large' }

/** Sends one write in the call order of its key and reports what became of it. Rejects with the store's own failure. */
export function sendWrite(
  scope: Scope,
  op: string,
  key: string,
  encoded: Encoded | Promise<Encoded>,
  ttl: number,
  when: Condition,
  options: CallOptions | undefined,
): Promise<Written> {
  let item: Item
  const send = (): Written | Promise<Written> => {
    if (scope.overLimit(item)) return refuse(scope, key, when, options)
    return scope.space.write({ key, item, ttl, when }, scope.call(options))
  }
  const report = (written: Written): Written => {
    told(scope, op, key, item, written)
    return written
  }
  if (encoded instanceof Promise) {
    const ready = encoded.then(late => {
      item = late
    })
    return scope.afterEncoding([key], ready, send).then(report)
  }
  item = encoded
  try {
    const answer = scope.inOrder(key, send)
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
async function refuse(scope: Scope, key: string, when: Condition, options: CallOptions | undefined): Promise<Written> {
  if (when === 'always') await scope.space.remove(key, undefined, scope.call(options))
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
    return sendWrite(scope, 'set', key, encoded, ttl, 'always', options).then(isStored, failed)
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
  const outage = scope.outage(error, 'set', key, scope.open(options))
  if (outage !== undefined) throw outage
  return false
}

/** A write whose answer the program acts on: rejects in an outage and for a value over the limit. */
export async function writeWhen(
  scope: Scope,
  op: string,
  key: string,
  encoded: Encoded | Promise<Encoded>,
  ttl: number,
  when: Condition,
  options: CallOptions | undefined,
): Promise<Exclude<Written['outcome'], 'too-large'>> {
  let written: Written
  try {
    written = await sendWrite(scope, op, key, encoded, ttl, when, options)
  } catch (error) {
    throw scope.outage(error, op, key, false)
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

/** `setMany` after its arguments were checked and its values began to be encoded. Resolves the keys that were not stored. */
export async function setValues(
  scope: Scope,
  entries: ReadonlyMap<string, Encoded | Promise<Encoded>>,
  ttlOf: (key: string) => number,
  options: CallOptions | undefined,
): Promise<string[]> {
  const keys = [...entries.keys()]
  const encodings = [...entries.values()]
  const items: Item[] = []
  const oversize: string[] = []
  const writes: Write[] = []
  const send = async (): Promise<readonly (Written | Failed)[]> => {
    for (const [i, key] of keys.entries()) {
      const item = items[i] as Item
      if (scope.overLimit(item)) oversize.push(key)
      else writes.push({ key, item, ttl: ttlOf(key), when: 'always' })
    }
    const call = scope.call(options)
    const written = scope.space.writeMany(writes, call)
    if (oversize.length > 0) await scope.space.removeMany(oversize, call)
    return written
  }
  let answers: readonly (Written | Failed)[]
  if (encodings.some(encoded => encoded instanceof Promise)) {
    const ready = Promise.all(encodings).then(all => items.push(...all))
    answers = await scope.afterEncoding(keys, ready, send)
  } else {
    items.push(...(encodings as Encoded[]))
    answers = await scope.allInOrder(keys, send)
  }
  return report(scope, writes, answers, oversize, options)
}

function report(
  scope: Scope,
  writes: readonly Write[],
  answers: readonly (Written | Failed)[],
  oversize: readonly string[],
  options: CallOptions | undefined,
): string[] {
  const failed = [...oversize]
  for (const key of oversize) scope.root.signals.failed(scope.tooLarge('setMany', key, undefined))
  const open = scope.open(options)
  const told = new Map<CacheError, CacheError | undefined>()
  for (const [i, { key, item }] of writes.entries()) {
    const answer = answers[i] as Written | Failed
    if ('failure' in answer) {
      if (!told.has(answer.failure)) told.set(answer.failure, scope.outage(answer.failure, 'setMany', key, open))
    } else {
      if (answer.outcome === 'too-large') scope.root.signals.failed(scope.tooLarge('setMany', key, item))
      scope.wrote('setMany', key, item, answer.outcome === 'stored')
      if (answer.outcome === 'stored') continue
    }
    failed.push(key)
  }
  for (const error of told.values()) if (error !== undefined) throw error
  return failed
}
