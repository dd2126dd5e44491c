import { randomBytes } from 'node:crypto'
import { FLAG_LEASE, type Format } from '@anycache/serializer'
import { type Call, type Item, isFailed, owed, type Space, type Store } from '../store.js'

/** Versions of tags, of 8 bytes each. */
export type TagVersions = ReadonlyMap<string, Uint8Array>

const versionBytes = 8

/**
 * The tags of a cache as it was opened. Each has a random version under a key of its own, and an entry is valid while its tags have the versions
 * it was written with. A version that is lost, as by eviction, is one that no entry has: its entries are misses. Versions lie under names
 * that no namespace may have, and are kept as leases are: nothing to every verb of a cache.
 */
export class Tags {
  readonly #versions: Space
  readonly #epochs: Space

  constructor(store: Store, path: readonly string[], format: Format) {
    this.#versions = store.space([...path, '~tags'], format)
    this.#epochs = store.space([...path, '~tag-epoch'], format)
  }

  /** The versions that the tags have now; without those that have none. Rejects with the store's own failure. */
  async current(tags: readonly string[], call: Call): Promise<TagVersions> {
    const answers = await this.#versions.getMany(tags, call)
    const versions = new Map<string, Uint8Array>()
    for (const [i, answer] of answers.entries()) {
      if (isFailed(answer)) throw answer.failure
      const version = answer === owed ? undefined : versionOf(answer)
      if (version !== undefined) versions.set(tags[i] as string, version)
    }
    return versions
  }

  /** The versions to write entries with: those of `known`, and new ones for tags that have none. Rejects with the store's own failure. */
  async forWriting(tags: readonly string[], call: Call, known?: TagVersions): Promise<TagVersions> {
    const versions = new Map(known ?? (await this.current(tags, call)))
    const lost = tags.filter(tag => !versions.has(tag))
    const created = await Promise.all(lost.map(tag => this.#create(tag, call)))
    for (const [i, tag] of lost.entries()) versions.set(tag, created[i] as Uint8Array)
    return versions
  }

  /** Gives the tags new versions. Rejects with the store's own failure, and then some of them may be invalidated. */
  async invalidate(tags: readonly string[], call: () => Call): Promise<void> {
    // First, so that a load which finds the epoch as it was has read no version from after it.
    await this.#epochs.write(
      { key: 'epoch', item: newVersion(), ttl: Number.POSITIVE_INFINITY, when: 'always' },
      call(),
    )
    const writes = tags.map(
      key => ({ key, item: newVersion(), ttl: Number.POSITIVE_INFINITY, when: 'always' }) as const,
    )
    for (const answer of await this.#versions.writeMany(writes, call())) if (isFailed(answer)) throw answer.failure
  }

  /** What changes with every invalidation of any tag. Rejects with the store's own failure. */
  async epoch(call: Call): Promise<string | undefined> {
    const answer = await this.#epochs.get('epoch', call)
    const version = answer === owed ? undefined : versionOf(answer)
    return version === undefined ? undefined : Buffer.from(version).toString('hex')
  }

  /** Another writer may create it at the same time: the first one's version counts. */
  async #create(tag: string, call: Call): Promise<Uint8Array> {
    const own = newVersion()
    const claimed = await this.#versions.claim(tag, own, Number.POSITIVE_INFINITY, call)
    if ('won' in claimed) return own.data
    const version = versionOf(claimed.found)
    if (version !== undefined) return version
    // Something that no cache writes.
    await this.#versions.write({ key: tag, item: own, ttl: Number.POSITIVE_INFINITY, when: 'always' }, call)
    return own.data
  }
}

/** Whether these are the versions that an entry was written with. */
export function areCurrent(tags: TagVersions, current: TagVersions): boolean {
  for (const [tag, version] of tags) {
    const now = current.get(tag)
    if (now === undefined || Buffer.compare(now, version) !== 0) return false
  }
  return true
}

function newVersion(): Item & { readonly data: Uint8Array } {
  return { flags: FLAG_LEASE, data: randomBytes(versionBytes) }
}

function versionOf(item: Item | undefined): Uint8Array | undefined {
  if (item === undefined || item.flags !== FLAG_LEASE || typeof item.data === 'string') return undefined
  return item.data.length === versionBytes ? item.data : undefined
}
