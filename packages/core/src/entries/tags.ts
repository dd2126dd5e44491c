import { randomBytes } from 'node:crypto'
import { FLAG_LEASE, type Format } from '@anycache/serializer'
import { isOutage, TimeoutError } from '../errors.js'
import { unwatch, watchDeadline } from '../server/deadlines.js'
import {
  type Call,
  type Failed,
  type Item,
  isFailed,
  type Owed,
  owed,
  type Space,
  type Store,
  type StoredItem,
  type Write,
} from '../store.js'
import { queueMicrotask } from '../timers.js'

/** Versions of tags, of 8 bytes each. */
export type TagVersions = ReadonlyMap<string, Uint8Array>

/** In the place of a version that an outage keeps from being known. */
export const unknownVersion: Uint8Array = new Uint8Array(0)

const versionBytes = 8
/** Tags of one request at most. */
const chunkTags = 1024
/** Calls whose deadlines are so near each other, in ms, may give up together. */
const nearness = 25

/** What lies under the key of a version. */
type Answer = StoredItem | Owed | undefined | Failed

/** One batch of versions to read, for all who ask within one microtask. */
interface Look {
  readonly call: Call
  readonly tags: Set<string>
  readonly answers: Promise<ReadonlyMap<string, Answer>>
}

/**
 * The tags of a cache as it was opened. Each has a random version under a key of its own, and an entry is valid while its tags have the versions
 * it was written with. A version that is lost, as by eviction, is one that no entry has: its entries are misses. Versions lie under names
 * that no namespace may have, and are kept as leases are: nothing to every verb of a cache.
 */
export class Tags {
  readonly #store: Store
  readonly #versions: Space
  readonly #epochs: Space
  /** Those of this microtask, of which none has been sent. */
  #looks: Look[] = []
  /** The invalidations of this process that are under way: each settles with its end, and never rejects. */
  readonly #renewing = new Map<string, Promise<void>>()
  /** For each writer that reads versions now: which of its tags were invalidated since it began. */
  readonly #writers = new Set<Set<string>>()

  constructor(store: Store, path: readonly string[], format: Format) {
    this.#store = store
    this.#versions = store.space([...path, '~tags'], format)
    this.#epochs = store.space([...path, '~tag-epoch'], format)
  }

  /** The versions that the tags have now; without those that have none. Rejects with the store's own failure. */
  async current(tags: readonly string[], call: Call): Promise<TagVersions> {
    const answers = await this.#lookFor(tags, call)
    const versions = new Map<string, Uint8Array>()
    for (const tag of tags) {
      const answer = answers.get(tag)
      if (isFailed(answer)) throw answer.failure
      const version = answer === owed ? unknownVersion : versionOf(answer)
      if (version !== undefined && !this.#renewing.has(tag)) versions.set(tag, version)
    }
    return versions
  }

  /** The versions to write entries with: those of `known`, and new ones for tags that have none. Rejects with the store's own failure. */
  async forWriting(tags: readonly string[], call: Call, known?: TagVersions): Promise<TagVersions> {
    const outdated = new Set<string>()
    this.#writers.add(outdated)
    try {
      if (known === undefined && this.#renewing.size !== 0) await this.#whenRenewed(tags, call)
      const found = known ?? (await this.current(tags, call))
      const versionFor = async (tag: string): Promise<Uint8Array> => {
        const version = found.get(tag)
        return version === undefined || version === unknownVersion ? this.#create(tag, call, outdated) : version
      }
      const versions = await Promise.all(tags.map(versionFor))
      return new Map(tags.map((tag, i) => [tag, versions[i] as Uint8Array]))
    } finally {
      this.#writers.delete(outdated)
    }
  }

  /** Gives the tags new versions. Rejects with the store's own failure, and then some of them may be invalidated. */
  async invalidate(tags: readonly string[], nextCall: () => Call): Promise<void> {
    const renewal = this.#renew(tags, nextCall)
    const end = (): void => {
      for (const tag of tags) if (this.#renewing.get(tag) === ended) this.#renewing.delete(tag)
    }
    const ended = renewal.then(end, end)
    for (const tag of tags) {
      this.#renewing.set(tag, ended)
      for (const outdated of this.#writers) outdated.add(tag)
    }
    await ended
    await renewal
  }

  /** What changes with every invalidation of any tag. Rejects with the store's own failure. */
  async epoch(call: Call): Promise<string | undefined> {
    const answer = await this.#epochs.get('epoch', call)
    const version = answer === owed ? undefined : versionOf(answer)
    return version === undefined ? undefined : Buffer.from(version).toString('hex')
  }

  /**
   * What is written after an invalidation was called is not meant by it, so it waits for the new versions. It cannot take them before they are
   * stored: another process may invalidate the tags first, and the write of these versions come after that.
   */
  #whenRenewed(tags: readonly string[], { deadline }: Call): Promise<void> {
    const renewals = new Set(tags.map(tag => this.#renewing.get(tag)))
    return new Promise((resolve, reject) => {
      const server = this.#versions.serverOf(tags[0] as string)
      const message = 'the tags were being invalidated until the deadline; nothing was sent'
      const wait = { deadline, expire: () => reject(new TimeoutError(message, { server, outcome: 'not-sent' })) }
      if (deadline !== Number.POSITIVE_INFINITY) watchDeadline(wait)
      void Promise.all(renewals).then(() => {
        unwatch(wait)
        resolve()
      })
    })
  }

  async #renew(tags: readonly string[], nextCall: () => Call): Promise<void> {
    let sent = 0
    try {
      // First, so that a load which finds the epoch as it was has read no version from after it.
      await this.#epochs.write(writeOf('epoch', newVersion()), nextCall())
      while (sent < tags.length) {
        const chunk = tags.slice(sent, sent + chunkTags)
        const writes = chunk.map(tag => writeOf(tag, newVersion()))
        const answers = await this.#versions.writeMany(writes, nextCall())
        sent += chunk.length
        for (const answer of answers) if (isFailed(answer)) throw answer.failure
      }
    } catch (error) {
      // The old versions must not be the answer once the server is back, as those that were sent will not be.
      if (isOutage(error)) for (const tag of tags.slice(sent)) this.#versions.owe?.(tag)
      throw error
    }
  }

  /** Another writer may create it at the same time: the first one's version counts. */
  async #create(tag: string, call: Call, outdated: ReadonlySet<string>): Promise<Uint8Array> {
    const own = newVersion()
    if (!this.#store.limits.cas) {
      await this.#versions.write(writeOf(tag, own), call)
      return own.data
    }
    const claimed = await this.#versions.claim(tag, own, Number.POSITIVE_INFINITY, call)
    // Invalidated while the writer was asking: the entry came before, and gets a version that the tag never has.
    if ('won' in claimed || outdated.has(tag)) return own.data
    const version = versionOf(claimed.found)
    if (version !== undefined) return version
    // Something that no cache writes.
    await this.#versions.write(writeOf(tag, own), call)
    return own.data
  }

  /**
   * Joins the batch of this microtask. It is sent when everyone has joined who asks in this microtask, so that nobody is given a version that was
   * read before they asked, and a thousand entries with one tag cost one key.
   */
  #lookFor(tags: readonly string[], call: Call): Promise<ReadonlyMap<string, Answer>> {
    const look = this.#looks.find(look => canShare(look.call, call)) ?? this.#newLook(call)
    for (const tag of tags) look.tags.add(tag)
    return look.answers
  }

  #newLook({ deadline, asks }: Call): Look {
    const call: Call = asks === undefined ? { deadline } : { deadline, asks }
    const tags = new Set<string>()
    const answers = new Promise<ReadonlyMap<string, Answer>>((resolve, reject) => {
      queueMicrotask(() => {
        this.#looks = []
        this.#read([...tags], call).then(resolve, reject)
      })
    })
    const look = { call, tags, answers }
    this.#looks.push(look)
    return look
  }

  async #read(tags: readonly string[], call: Call): Promise<ReadonlyMap<string, Answer>> {
    const answers = new Map<string, Answer>()
    for (let from = 0; from < tags.length; from += chunkTags) {
      const chunk = tags.slice(from, from + chunkTags)
      for (const [i, answer] of (await this.#versions.getMany(chunk, call)).entries()) {
        answers.set(chunk[i] as string, answer)
      }
    }
    return answers
  }
}

/** Whether these are the versions that an entry was written with; `undefined` where an outage keeps that from being known. */
export function areCurrent(tags: TagVersions, current: TagVersions): boolean | undefined {
  let answer: boolean | undefined = true
  for (const [tag, version] of tags) {
    const now = current.get(tag)
    if (now === unknownVersion) answer = undefined
    else if (now === undefined || Buffer.compare(now, version) !== 0) return false
  }
  return answer
}

function canShare(look: Call, call: Call): boolean {
  if (look.asks !== call.asks) return false
  return look.deadline <= call.deadline && call.deadline <= look.deadline + nearness
}

function writeOf(key: string, item: Item): Write {
  return { key, item, ttl: Number.POSITIVE_INFINITY, when: 'always' }
}

function newVersion(): Item & { readonly data: Uint8Array } {
  return { flags: FLAG_LEASE, data: randomBytes(versionBytes) }
}

function versionOf(item: Item | undefined): Uint8Array | undefined {
  if (item === undefined || item.flags !== FLAG_LEASE || typeof item.data === 'string') return undefined
  return item.data.length === versionBytes ? item.data : undefined
}
