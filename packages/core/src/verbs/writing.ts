import { countsAsAbsent } from '@anycache/serializer'
import { type CacheError, isOutage, NotSupportedError } from '../errors.js'
import { checkCasToken } from '../input/arguments.js'
import type { WriteOptions } from '../options.js'
import type { Answer, Call, Condition, Item, Space, Written } from '../store.js'
import type { Namespace } from './namespace.js'
import { isOverLimit, overLimitError } from './size-limit.js'
import { taggedWrite, tagsFor } from './tagging.js'

export const tooLarge: Written = { outcome: 'too-large' }

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
    if (isOverLimit(namespace, item)) return refuse(space, key, when, own)
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
export function report(namespace: Namespace, op: string, key: string, item: Item, written: Written): boolean {
  const stored = written.outcome === 'stored'
  if (written.outcome === 'too-large') namespace.root.signals.failed(overLimitError(namespace, op, key, item))
  namespace.reports.wrote(op, key, item, stored)
  return stored
}

export function isStored(written: Written): boolean {
  return written.outcome === 'stored'
}

/** Over `maxValueBytes`. The old value must not outlive the one that replaced it. */
async function refuse(space: Space, key: string, when: Condition, call: Call): Promise<Written> {
  if (when === 'always') await space.remove(key, undefined, call)
  return tooLarge
}

type WrittenIf = Exclude<Written['outcome'], 'too-large'>

/** A write whose answer the program acts on: rejects in an outage and for a value over the limit. */
export async function writeWhen(namespace: Namespace, write: OrderedWrite): Promise<WrittenIf> {
  const { op, key } = write
  let written: Written
  try {
    written = await sendWrite(namespace, write)
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
  if (written.outcome === 'too-large') {
    throw overLimitError(namespace, op, key, await write.item)
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

/** `add`, `replace` and `compareAndSet` after their options and the key were checked. Throws what it does not reject with. */
export function writeIf(
  namespace: Namespace,
  op: 'add' | 'replace' | 'compareAndSet',
  key: string,
  value: unknown,
  when: Exclude<Condition, 'always'>,
  options: WriteOptions | undefined,
): Promise<WrittenIf> {
  const ttl = namespace.ttl(options?.ttl, op, key)
  if (typeof when === 'object') {
    checkCasToken(when.casToken, key)
    requireCas(namespace, op, key)
  }
  const tags = tagsFor(namespace, op, key, options)
  const encoded = namespace.entries.encode(op, key, value)
  const space = namespace.changing(key)
  const { item, call } = taggedWrite(namespace, key, encoded, tags, () => namespace.call(options))
  const written = writeWhen(namespace, { op, key, space, item, ttl, when, call })
  return op === 'compareAndSet' ? written.then(outcome => inTermsOfReads(namespace, key, outcome, options)) : written
}

/** A token is compared with whatever lies there; what counts as absent, such as a lease, is a conflict to the store and missing to a reader. */
async function inTermsOfReads(
  namespace: Namespace,
  key: string,
  outcome: WrittenIf,
  options: WriteOptions | undefined,
): Promise<WrittenIf> {
  if (outcome !== 'conflict') return outcome
  try {
    const item = await namespace.reads.get(key, namespace.call(options, true))
    const isThere = typeof item === 'object' && !countsAsAbsent(item, namespace.entries.epochNow())
    return isThere ? 'conflict' : 'missing'
  } catch (error) {
    if (isOutage(error)) return 'conflict'
    throw error
  }
}
