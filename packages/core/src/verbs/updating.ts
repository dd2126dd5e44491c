import type { Encoded } from '@anycache/serializer'
import type { WriteOptions } from '../cache.js'
import { ConflictError, NotAppendableError } from '../errors.js'
import type { Call } from '../store.js'
import { setTimeout } from '../timers.js'
import type { Namespace } from './namespace.js'
import { type Current, readCurrent } from './reading.js'
import { requireCas, writeWhen } from './writing.js'

/** 64 rivals on one key need at most 64 rounds when each round has a winner; this leaves room for rivals who come later. */
const maxAttempts = 200
/** Rounds in a row in which nothing could be read and yet something was there. Rivals alone hardly ever do that. */
const maxContradictions = 20

/** A loop of reading, changing and comparing. */
export interface Update<T> {
  readonly op: string
  readonly key: string
  readonly change: (current: T | undefined) => T | undefined | Promise<T | undefined>
  /** The time that each step with the server has; versioned. */
  readonly call: () => Call
  readonly options: WriteOptions | undefined
}

/** `update` after its arguments were checked. */
export async function updateValue<T>(namespace: Namespace, update: Update<T>): Promise<T | undefined> {
  const { op, key, change } = update
  requireCas(namespace, op, key)
  let contradictions = 0
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const current = await readNow(namespace, update)
    // Whether a server keeps versions may be known only now that it has answered.
    requireCas(namespace, op, key)
    const next = await change(current?.value)
    if (next === undefined) return current?.value
    const encoded = namespace.entries.encode(op, key, next)
    // What the next `get` gives, not the caller's own object.
    if (await writeNext(namespace, update, current, encoded)) return namespace.entries.copyOf(next, await encoded)
    contradictions = current === undefined ? contradictions + 1 : 0
    if (contradictions === maxContradictions) break
    // Jitter: writers that collided once should not collide again.
    await new Promise(resolve => setTimeout(resolve, Math.random() * Math.min(2 ** attempt, 50)))
  }
  const reason =
    contradictions === maxContradictions
      ? 'the key reads as a miss but is taken, perhaps by a type that only another tool writes; delete it first'
      : `${op} lost against other writers ${maxAttempts} times; nothing was written`
  throw new ConflictError(reason, { op, key, server: namespace.reads.serverOf(key) })
}

async function readNow<T>(namespace: Namespace, { op, key, call }: Update<T>): Promise<Current<T> | undefined> {
  try {
    return await readCurrent<T>(namespace, op, key, call())
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
}

async function writeNext<T>(
  namespace: Namespace,
  { op, key, call, options }: Update<T>,
  current: Current<T> | undefined,
  encoded: Encoded | Promise<Encoded>,
): Promise<boolean> {
  const space = namespace.changing(key)
  const ttl = namespace.ttl(options?.ttl, op, key)
  const when = current === undefined ? 'absent' : { casToken: current.casToken }
  return (await writeWhen(namespace, { op, key, space, encoded, ttl, when, call })) === 'stored'
}

/** `append` and `prepend` after their arguments were checked. */
export async function join(
  namespace: Namespace,
  op: 'append' | 'prepend',
  key: string,
  part: string | Uint8Array,
  call: Call,
  options: WriteOptions | undefined,
): Promise<boolean> {
  let there = false
  await updateValue<string | Uint8Array>(namespace, {
    op,
    key,
    change: current => {
      there = current !== undefined
      if (current === undefined) return undefined
      if (typeof current === 'string' && typeof part === 'string') {
        return op === 'append' ? current + part : part + current
      }
      if (current instanceof Uint8Array && part instanceof Uint8Array) {
        const both = Buffer.concat(op === 'append' ? [current, part] : [part, current])
        return Buffer.isBuffer(current) ? both : new Uint8Array(both)
      }
      const holds =
        typeof current === 'string' ? 'text' : current instanceof Uint8Array ? 'bytes' : 'neither text nor bytes'
      const given = typeof part === 'string' ? 'text' : 'bytes'
      throw new NotAppendableError(`the entry holds ${holds}, and ${op} was given ${given}; it joins like to like`, {
        op,
        key,
        server: namespace.reads.serverOf(key),
      })
    },
    call: () => call,
    options,
  })
  return there
}
