import type { TagVersions } from '../entries/tags.js'
import type { Judging } from '../entries/verdict.js'
import { ConflictError, NotAppendableError } from '../errors.js'
import type { WriteOptions } from '../options.js'
import type { Call, Item } from '../store.js'
import { setTimeout } from '../timers.js'
import type { Namespace } from './namespace.js'
import { type Current, readCurrent } from './reading.js'
import { tagsFor, versionsFor } from './tagging.js'
import { requireCas, writeWhen } from './writing.js'

/** 64 rivals on one key need at most 64 rounds when each round has a winner; this leaves room for rivals who come later. */
const maxAttempts = 200
/** Rounds in a row in which nothing could be read and yet something was there. Rivals alone hardly ever do that. */
const maxContradictions = 20

type JoinVerb = 'append' | 'prepend'

/** A loop of reading, changing and comparing. */
export interface Update<T> {
  readonly op: string
  readonly key: string
  readonly change: (current: T | undefined) => T | undefined | Promise<T | undefined>
  /** The time that each step with the server has; versioned. */
  readonly call: () => Call
  readonly options: WriteOptions | undefined
  readonly judging?: Judging
}

/** What is joined to is what lies there, not what a schema makes of it. */
const asStored: Judging = { asStored: true }

/** `update` after its arguments were checked. */
export function update<T>(
  namespace: Namespace,
  key: string,
  change: Update<T>['change'],
  options: WriteOptions | undefined,
): Promise<T | undefined> {
  const changeWhileOpen = async (current: T | undefined): Promise<T | undefined> => {
    const next = await change(current)
    // However long the change took: a store that was closed meanwhile is not written to.
    if (next !== undefined) namespace.checkOpen('update', key)
    return next
  }
  const call = (): Call => namespace.versionedCall(options, true)
  return updateValue(namespace, { op: 'update', key, change: changeWhileOpen, call, options })
}

async function updateValue<T>(namespace: Namespace, update: Update<T>): Promise<T | undefined> {
  const { op, key, change } = update
  requireCas(namespace, op, key)
  const tags = tagsFor(namespace, op, key, update.options)
  let contradictions = 0
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    // Before the value that the next one is made of: an invalidation of that one is one of the next as well.
    const versions = tags && (await readVersions(namespace, update, tags))
    const current = await readNow<T>(namespace, update, versions)
    // Whether a server keeps versions may be known only now that it has answered.
    requireCas(namespace, op, key)
    const next = await change(current?.value)
    if (next === undefined) return current?.value
    const encoded = namespace.entries.encode(op, key, next)
    const noted = update.options?.tags === undefined ? current?.tags : versions
    const note = (value: Item): Item => namespace.entries.tagged(value, noted)
    const item = encoded instanceof Promise ? encoded.then(note) : note(encoded)
    // What the next `get` gives, not the caller's own object.
    if (await writeNext(namespace, update, current, item)) {
      return namespace.entries.fit<T>(op, key, await namespace.entries.copyOf(next, await encoded))
    }
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

async function readVersions<T>(
  namespace: Namespace,
  { op, key, call }: Update<T>,
  tags: readonly string[],
): Promise<TagVersions> {
  try {
    return await versionsFor(namespace, key, tags, call())
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
}

async function readNow<T>(
  namespace: Namespace,
  { op, key, call, judging }: Update<T>,
  versions: TagVersions | undefined,
): Promise<Current<T> | undefined> {
  try {
    return await readCurrent<T>(namespace, op, key, call(), versions === undefined ? judging : { ...judging, versions })
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
}

async function writeNext<T>(
  namespace: Namespace,
  { op, key, call, options }: Update<T>,
  current: Current<T> | undefined,
  item: Item | Promise<Item>,
): Promise<boolean> {
  const space = namespace.changing(key)
  const ttl = namespace.ttl(options?.ttl, op, key)
  const when = current === undefined ? 'absent' : { casToken: current.casToken }
  return (await writeWhen(namespace, { op, key, space, item, ttl, when, call })) === 'stored'
}

/** `append` and `prepend` after their arguments were checked. */
export function join(
  namespace: Namespace,
  op: JoinVerb,
  key: string,
  part: string | Uint8Array,
  options: WriteOptions | undefined,
): Promise<boolean> {
  // Bytes are copied: they are joined only when the entry has been read, and the caller may change them before.
  const own = typeof part === 'string' ? part : new Uint8Array(part)
  // Now, not when it writes: the result of a load waits for the place of this call, and would undo it.
  namespace.changing(key)
  // One deadline for all its steps. An owed delete is no answer to it: the server is asked.
  const call = namespace.versionedCall(options, true)
  return namespace.steps(op, key, call, async (within, step) => {
    let there = false
    const change = (current: unknown): string | Uint8Array | undefined => {
      there = current !== undefined
      return there ? joined(within, op, key, current, own) : undefined
    }
    await updateValue<string | Uint8Array>(within, { op, key, change, call: () => step, options, judging: asStored })
    return there
  })
}

function joined(
  namespace: Namespace,
  op: JoinVerb,
  key: string,
  current: unknown,
  part: string | Uint8Array,
): string | Uint8Array {
  if (typeof current === 'string' && typeof part === 'string') return op === 'append' ? current + part : part + current
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
}
