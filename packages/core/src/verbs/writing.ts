import type { WriteOptions } from '../cache.js'
import { type CacheError, isOutage, NotSupportedError } from '../errors.js'
import { checkCasToken } from '../input/arguments.js'
import type { Answer, Call, Condition, Item, Space, Written } from '../store.js'
import type { Namespace } from './namespace.js'
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
export function report(namespace: Namespace, op: string, key: string, item: Item, written: Written): boolean {
  const stored = written.outcome === 'stored'
  if (written.outcome === 'too-large') namespace.root.signals.failed(namespace.tooLarge(op, key, item))
  namespace.reports.wrote(op, key, item, stored)
  return stored
}

/** Over `maxValueBytes`. The old value must not outlive the one that replaced it. */
async function refuse(space: Space, key: string, when: Condition, call: Call): Promise<Written> {
  if (when === 'always') await space.remove(key, undefined, call)
  return tooLarge
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

/** `add`, `replace` and `compareAndSet` after their options and the key were checked. Throws what it does not reject with. */
export function writeIf(
  namespace: Namespace,
  op: 'add' | 'replace' | 'compareAndSet',
  key: string,
  value: unknown,
  when: Exclude<Condition, 'always'>,
  options: WriteOptions | undefined,
): ReturnType<typeof writeWhen> {
  const ttl = namespace.ttl(options?.ttl, op, key)
  if (typeof when === 'object') {
    checkCasToken(when.casToken, key)
    requireCas(namespace, op, key)
  }
  const tags = tagsFor(namespace, op, key, options)
  const encoded = namespace.entries.encode(op, key, value)
  const space = namespace.changing(key)
  const { item, call } = taggedWrite(namespace, key, encoded, tags, () => namespace.call(options))
  return writeWhen(namespace, { op, key, space, item, ttl, when, call })
}
