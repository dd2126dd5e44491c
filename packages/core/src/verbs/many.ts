import { type CacheError, ConnectionError } from '../errors.js'
import type { CallOptions } from '../options.js'
import type { Answer, Call, Failed } from '../store.js'
import type { Namespace } from './namespace.js'
import type { PendingKeys } from './pending-keys.js'
import { inTurn } from './turn.js'

/** Keys of one chunk at most: on memcached one write, on Redis two MGETs. */
const chunkKeys = 1024
/** Bytes of values in one chunk, roughly, at most: half a second of a slow link, and far below any bound on what is in flight. */
const chunkBytes = 256 * 1024
/** Chunks under way at once: the server works on one while the answers to the other are read. */
const chunksInFlight = 2
/** A server that answers nothing to so many chunks in a row is not asked again by the same call. */
const patience = 3

/** A call on many distinct keys. `A` is the answer for one of them. */
export interface Many<A> {
  readonly keys: readonly string[]
  readonly options: CallOptions | undefined
  /** Values that are still being encoded; nothing is sent before. */
  readonly ready?: Promise<unknown> | undefined
  /** The time that the first chunk has, where that began before `ready`. Default: it begins when its turn comes. */
  readonly first?: Call | undefined
  /** Sends for the keys with these indices, or for all. Answers in their order; never rejects for a server's trouble. */
  readonly send: (indices: readonly number[] | undefined, call: Call) => Answer<readonly (A | Failed)[]>
  /** Bytes of the key's value. Default: next to none. */
  readonly bytesOf?: (index: number) => number
  /** Called with each key that was given up unsent. */
  readonly forgo?: (key: string) => void
}

/**
 * Sends in the call order of every key, and answers in the order of the keys. A large call is sent in chunks, each with a deadline of its
 * own, so that no size of a batch overloads the server or runs out of the time of one call.
 */
export function sendMany<A>(namespace: Namespace, many: Many<A>): Answer<readonly (A | Failed)[]> {
  const { keys, options, ready, send } = many
  const { order } = namespace
  if (ready === undefined && (!namespace.timed || fits(many))) {
    if (order.idle || keys.every(key => order.before(namespace.prefix + key) === undefined)) {
      return send(undefined, namespace.call(options))
    }
  }
  return new ManyInChunks(namespace, many).send()
}

function fits<A>({ keys, bytesOf }: Many<A>): boolean {
  if (keys.length > chunkKeys) return false
  if (bytesOf === undefined) return true
  let bytes = 0
  for (let i = 0; i < keys.length; i++) bytes += bytesOf(i)
  return bytes <= chunkBytes
}

/** One call on many keys, on its way chunk by chunk. */
class ManyInChunks<A> {
  readonly #namespace: Namespace
  readonly #many: Many<A>
  readonly #answers: (A | Failed)[]
  /** Servers that answered nothing to their last chunks. */
  readonly #silent = new Map<string, { chunks: number; failure: CacheError }>()
  #first: Call | undefined
  #next = 0

  constructor(namespace: Namespace, many: Many<A>) {
    this.#namespace = namespace
    this.#many = many
    this.#answers = new Array<A | Failed>(many.keys.length)
  }

  /** Takes the places of the keys now; each is free again when its chunk was sent. */
  async send(): Promise<readonly (A | Failed)[]> {
    const namespace = this.#namespace
    const { keys, options, ready, first, forgo } = this.#many
    const { pending, after } = namespace.order.batch(namespace.prefix, keys, keys.length > chunkKeys)
    // One chunk has the time of a single call. Several, each with its own, wait for earlier calls, which end by their own deadlines.
    const begun = (): Call | Promise<Call> =>
      fits(this.#many) ? (first ?? namespace.call(options)) : Promise.resolve(after).then(() => namespace.call(options))
    const call = ready === undefined ? begun() : ready.then(begun)
    if (call instanceof Promise) call.catch(() => {})
    const leaveAll = (): void => pending.sent(keys.length)
    const queue = (run: () => Answer<void>): Promise<void> => {
      // A call whose encoding fails must still wait its turn: later calls depend on the earlier ones through it.
      const done = Promise.resolve(after)
        .then(() => call)
        .then(run)
      done.then(leaveAll, leaveAll)
      return done
    }
    const forgoAll = (): void => {
      if (forgo !== undefined) for (const key of keys) forgo(key)
    }
    const begin = async (own: Call): Promise<void> => {
      this.#first = own
      await Promise.all(Array.from({ length: chunksInFlight }, () => this.#sendChunks(pending)))
    }
    let late: CacheError | undefined
    const tooLate = (): CacheError => {
      late = namespace.tooLate(keys[0] as string)
      return late
    }
    try {
      await inTurn({ call, queue, send: begin, forgo: forgoAll, tooLate })
      return this.#answers
    } catch (error) {
      if (error !== late) throw error
      return keys.map(() => ({ failure: error as CacheError }))
    }
  }

  async #sendChunks(pending: PendingKeys): Promise<void> {
    const { options, send } = this.#many
    for (let indices = this.#nextChunk(); indices.length > 0; indices = this.#nextChunk()) {
      const call = this.#first ?? this.#namespace.call(options)
      this.#first = undefined
      const answer = send(indices, call)
      pending.sent(this.#next)
      this.#take(indices, await answer)
    }
  }

  /** The keys to send next. Those on a server that has gone silent are given up. */
  #nextChunk(): number[] {
    const { keys, bytesOf, forgo } = this.#many
    const indices: number[] = []
    for (let bytes = 0; this.#next < keys.length && indices.length < chunkKeys; this.#next++) {
      const index = this.#next
      const failure = this.#givenUp(keys[index] as string)
      if (failure !== undefined) {
        this.#answers[index] = { failure }
        forgo?.(keys[index] as string)
        continue
      }
      bytes += bytesOf?.(index) ?? 0
      if (bytes > chunkBytes && indices.length > 0) break
      indices.push(index)
    }
    return indices
  }

  #givenUp(key: string): CacheError | undefined {
    if (this.#silent.size === 0) return undefined
    const silent = this.#silent.get(this.#namespace.reads.serverOf(key))
    return silent !== undefined && silent.chunks >= patience ? silent.failure : undefined
  }

  #take(indices: readonly number[], answers: readonly (A | Failed)[]): void {
    let failures = 0
    for (let i = 0; i < indices.length; i++) {
      const answer = answers[i] as A | Failed
      this.#answers[indices[i] as number] = answer
      if (isSilence(answer)) failures++
    }
    if (failures === 0) this.#silent.clear()
    else this.#noteSilence(indices)
  }

  #noteSilence(indices: readonly number[]): void {
    const silent = new Map<string, CacheError>()
    const heard = new Set<string>()
    for (const index of indices) {
      const answer = this.#answers[index]
      const server = this.#namespace.reads.serverOf(this.#many.keys[index] as string)
      if (isSilence(answer)) silent.set(server, answer.failure)
      else heard.add(server)
    }
    for (const server of heard) this.#silent.delete(server)
    for (const [server, failure] of silent) {
      if (heard.has(server)) continue
      const chunks = (this.#silent.get(server)?.chunks ?? 0) + 1
      this.#silent.set(server, { chunks, failure: unsent(failure) })
    }
  }
}

function isSilence(answer: unknown): answer is Failed {
  const failure = (answer as Partial<Failed> | null | undefined)?.failure
  return failure?.code === 'ERR_CACHE_TIMEOUT' || failure?.code === 'ERR_CACHE_CONNECTION'
}

/** The failure of keys that come after it in the same call. */
function unsent({ message, server, cause }: CacheError): ConnectionError {
  return new ConnectionError(message, { server, outcome: 'not-sent', cause })
}

/** Those of the items with these indices, or all of them. */
export function picked<T>(all: readonly T[], indices: readonly number[] | undefined): readonly T[] {
  return indices === undefined ? all : indices.map(index => all[index] as T)
}
