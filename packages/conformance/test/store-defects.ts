import type { CasToken, Item, Space, StoredItem, StoreEvent, VersionedItem, Write, Written } from '@anycache/core'
import { countsAsAbsent, FLAG_LEASE, FLAG_METADATA, type Format, nativeFormat } from '@anycache/serializer'
import type { Defect } from './broken-store.js'

const forever = Number.POSITIVE_INFINITY
const later = (ms = 2): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const call = { deadline: forever }

/** Memory answers at once. */
const look = (space: Space, key: string): VersionedItem | undefined => space.get(key, call) as VersionedItem | undefined
const isLease = (item: Item | undefined): boolean => item?.flags === FLAG_LEASE
const isStale = (item: Item | undefined): boolean =>
  item !== undefined && !isLease(item) && countsAsAbsent(item, Date.now())
const isAbsent = (item: Item | undefined): boolean => item !== undefined && countsAsAbsent(item, Date.now())
const bare = ({ flags, data }: Item): Item => ({ flags, data })
const always = (space: Space, write: Write): Written => space.write({ ...write, when: 'always' }, call) as Written
const tokenless = (written: Written): Written => (written.outcome === 'stored' ? { outcome: 'stored' } : written)
const isCompared = (write: Write): boolean => typeof write.when === 'object'

/** Defects of what only core relies on, and the capability of the store's suite that must notice each. */
export const storeDefects: Record<string, Defect & { readonly noticedBy: string }> = {
  'metadata is dropped': {
    noticedBy: 'items',
    space: sound => ({ write: (write, call) => sound.write({ ...write, item: bare(write.item) }, call) }),
  },
  'metadata is dropped by reads of many': {
    noticedBy: 'items',
    space: sound => ({ getMany: keys => keys.map(key => withoutMetadata(look(sound, key))) }),
  },
  'metadata is dropped by writes of many': {
    noticedBy: 'expiry',
    space: sound => ({
      writeMany: (writes, call) =>
        sound.writeMany(
          writes.map(write => ({ ...write, item: bare(write.item) })),
          call,
        ),
    }),
  },
  'metadata is dropped by take': {
    noticedBy: 'remove and take',
    space: sound => ({ take: (key, call) => withoutMetadata(sound.take(key, call) as StoredItem | undefined) }),
  },
  'metadata stays behind when an entry without is written over it': {
    noticedBy: 'items',
    space: sound => {
      const kept = new Map<string, Uint8Array>()
      return {
        write(write, call) {
          if (write.item.metadata !== undefined) kept.set(write.key, write.item.metadata)
          return sound.write(write, call)
        },
        get(key) {
          const item = look(sound, key)
          return item && { flags: item.flags, data: item.data, casToken: item.casToken, metadata: kept.get(key) }
        },
      }
    },
  },
  'flags are cut to 16 bits': {
    noticedBy: 'items',
    space: sound => ({
      write: (write, call) =>
        sound.write({ ...write, item: { ...write.item, flags: write.item.flags & 0xffff } }, call),
    }),
  },
  'the bit of a lease makes a lease of any item': {
    noticedBy: 'items',
    space: sound => ({
      remove(key, only, call) {
        const item = look(sound, key)
        const removed = sound.remove(key, only, call) as boolean
        return removed && ((item?.flags ?? 0) & FLAG_LEASE) === 0
      },
    }),
  },
  'a lease is present to a write': {
    noticedBy: 'conditions of a write',
    space: sound => ({
      write: (write, call) =>
        write.when === 'absent' && isLease(look(sound, write.key)) ? { outcome: 'exists' } : sound.write(write, call),
    }),
  },
  'a stale entry is present to a write': {
    noticedBy: 'conditions of a write',
    space: sound => ({
      write: (write, call) =>
        write.when === 'present' && isStale(look(sound, write.key)) ? always(sound, write) : sound.write(write, call),
    }),
  },
  'a lease is deleted by a write that finds nothing to replace': {
    noticedBy: 'conditions of a write',
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        if (written.outcome === 'missing' && write.when === 'present') sound.remove(write.key, undefined, call)
        return written
      },
    }),
  },
  'a lease is looked at first and written over then': {
    noticedBy: 'conditions of a write',
    space: sound => ({
      async write(write, call): Promise<Written> {
        if (write.when !== 'absent' || !isLease(look(sound, write.key))) return sound.write(write, call)
        await later()
        return always(sound, write)
      },
    }),
  },
  'writes of many drop their conditions': {
    noticedBy: 'conditions of a write',
    space: sound => ({ writeMany: writes => writes.map(write => always(sound, write)) }),
  },
  'writes of many answer in another order': {
    noticedBy: 'conditions of a write',
    space: sound => ({ writeMany: (writes, call) => [...(sound.writeMany(writes, call) as Written[])].reverse() }),
  },
  'a large item under a condition takes the old one with it': {
    noticedBy: 'conditions of a write',
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        if (written.outcome === 'too-large') sound.remove(write.key, undefined, call)
        return written
      },
    }),
  },
  'reads of many carry no tokens': {
    noticedBy: 'cas tokens',
    space: sound => ({ getMany: keys => keys.map(key => withoutToken(look(sound, key))) }),
  },
  'a write under a token carries none': {
    noticedBy: 'cas tokens',
    space: sound => ({ write: (write, call) => tokenless(sound.write(write, call) as Written) }),
  },
  'a write under a token carries the old one': {
    noticedBy: 'cas tokens',
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        if (typeof write.when !== 'object' || written.outcome !== 'stored') return written
        return { outcome: 'stored', casToken: write.when.casToken }
      },
    }),
  },
  'writes of many under tokens carry none': {
    noticedBy: 'cas tokens',
    space: sound => ({
      writeMany: (writes, call) => (sound.writeMany(writes, call) as Written[]).map(tokenless),
    }),
  },
  'a token finds nothing where a lease lies': {
    noticedBy: 'cas tokens',
    space: sound => ({
      write: (write, call) =>
        isCompared(write) && isLease(look(sound, write.key)) ? { outcome: 'missing' } : sound.write(write, call),
    }),
  },
  'a token finds nothing where a stale entry lies': {
    noticedBy: 'cas tokens',
    space: sound => ({
      write: (write, call) =>
        isCompared(write) && isStale(look(sound, write.key)) ? { outcome: 'missing' } : sound.write(write, call),
    }),
  },
  'remove ignores its token': {
    noticedBy: 'cas tokens',
    space: sound => ({ remove: (key, _, call) => sound.remove(key, undefined, call) }),
  },
  'remove with the token of a lease deletes nothing': {
    noticedBy: 'cas tokens',
    space: sound => ({
      remove: (key, only, call) =>
        only !== undefined && isLease(look(sound, key)) ? false : sound.remove(key, only, call),
    }),
  },
  'tokens are the same for all that has metadata': {
    noticedBy: 'cas tokens',
    space: sound => {
      const token = 'marked' as CasToken
      return {
        get(key) {
          const item = look(sound, key)
          return item?.metadata === undefined ? item : { ...bare(item), metadata: item.metadata, casToken: token }
        },
      }
    },
  },
  'without versions they are compared all the same': {
    noticedBy: 'cas tokens',
    store: sound => ({ limits: { ...sound.limits, cas: false } }),
  },
  'a claim takes the lease of another': {
    noticedBy: 'claims',
    space: sound => ({
      claim(key, lease, ttl, call) {
        if (isLease(look(sound, key))) sound.remove(key, undefined, call)
        return sound.claim(key, lease, ttl, call)
      },
    }),
  },
  'a claim takes the place of a stale entry': {
    noticedBy: 'claims',
    space: sound => ({
      claim(key, lease, ttl, call) {
        if (isStale(look(sound, key))) sound.remove(key, undefined, call)
        return sound.claim(key, lease, ttl, call)
      },
    }),
  },
  'a claim looks first and stores then': {
    noticedBy: 'claims',
    space: sound => ({
      async claim(key, lease, ttl) {
        const found = look(sound, key)
        await later()
        if (found !== undefined) return { found }
        always(sound, { key, item: lease, ttl, when: 'always' })
        return { won: (look(sound, key) as VersionedItem).casToken }
      },
    }),
  },
  'what a claim finds carries no token': {
    noticedBy: 'claims',
    space: sound => ({
      claim(key, lease, ttl, call) {
        const found = look(sound, key)
        return found === undefined
          ? sound.claim(key, lease, ttl, call)
          : { found: withoutToken(found) as VersionedItem }
      },
    }),
  },
  'what a claim finds carries no metadata': {
    noticedBy: 'claims',
    space: sound => ({
      claim(key, lease, ttl, call) {
        const found = look(sound, key)
        if (found === undefined) return sound.claim(key, lease, ttl, call)
        return { found: { ...bare(found), casToken: found.casToken } }
      },
    }),
  },
  'a claim that is won stores nothing': {
    noticedBy: 'claims',
    space: sound => ({
      claim: (key, lease, ttl, call) =>
        look(sound, key) === undefined ? { won: 'nothing' as CasToken } : sound.claim(key, lease, ttl, call),
    }),
  },
  'a claim stores no more than the bit of a lease': {
    noticedBy: 'claims',
    space: sound => ({ claim: (key, { flags }, ttl, call) => sound.claim(key, { flags, data: '' }, ttl, call) }),
  },
  'a claim has no ttl': {
    noticedBy: 'claims',
    space: sound => ({ claim: (key, lease, _, call) => sound.claim(key, lease, forever, call) }),
  },
  'a write under a token keeps the ttl that was there': {
    noticedBy: 'claims',
    space: sound => {
      const ttls = new Map<string, number>()
      return {
        claim(key, lease, ttl, call) {
          ttls.set(key, ttl)
          return sound.claim(key, lease, ttl, call)
        },
        write: (write, call) =>
          sound.write(isCompared(write) ? { ...write, ttl: ttls.get(write.key) ?? write.ttl } : write, call),
      }
    },
  },
  'a lease that was deleted can be stored over': {
    noticedBy: 'claims',
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        return isCompared(write) && written.outcome === 'missing' ? always(sound, write) : written
      },
    }),
  },
  'deleting a lease is true': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      remove(key, only, call) {
        const there = look(sound, key) !== undefined
        sound.remove(key, only, call)
        return there
      },
    }),
  },
  'a lease is not deleted': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      remove: (key, only, call) => !isLease(look(sound, key)) && sound.remove(key, only, call),
    }),
  },
  'deleting many stale entries is true': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      removeMany: (keys, call) =>
        keys.map(key =>
          isStale(look(sound, key))
            ? sound.remove(key, undefined, call) === false
            : (sound.remove(key, undefined, call) as boolean),
        ),
    }),
  },
  'take leaves a lease there': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      take: (key, call) => (isLease(look(sound, key)) ? undefined : sound.take(key, call)),
    }),
  },
  'touching a lease is true': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      touch: (key, ttl, call) => (isLease(look(sound, key)) ? 'touched' : sound.touch(key, ttl, call)),
    }),
  },
  'touch finds no stale entry and yet prolongs it': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      touch(key, ttl, call) {
        const item = look(sound, key)
        const touched = sound.touch(key, ttl, call)
        if (isAbsent(item)) sound.write({ key, item: item as Item, ttl, when: 'always' }, call)
        return touched
      },
    }),
  },
  'a lease is no counter': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      count: (key, by, create, call) =>
        isLease(look(sound, key)) ? { refused: 'not-a-counter' } : sound.count(key, by, create, call),
    }),
  },
  'a stale number is counted on': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      count(key, by, create, call) {
        const item = look(sound, key)
        if (isStale(item))
          sound.write({ key, item: { flags: 2, data: item?.data ?? '' }, ttl: forever, when: 'always' }, call)
        return sound.count(key, by, create, call)
      },
    }),
  },
  'a counter over a lease has the ttl of the lease': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      count: (key, by, create, call) =>
        sound.count(key, by, create && (isLease(look(sound, key)) ? { ...create, ttl: 1000 } : create), call),
    }),
  },
  'a lease is deleted by a count that creates nothing': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      count(key, by, create, call) {
        if (isLease(look(sound, key))) sound.remove(key, undefined, call)
        return sound.count(key, by, create, call)
      },
    }),
  },
  'leases are listed': {
    noticedBy: 'what counts as absent',
    space: (_, path, store) => ({ keys: () => listed(store.client, path, () => true) }),
  },
  'stale entries are listed': {
    noticedBy: 'what counts as absent',
    space: (_, path, store) => ({ keys: () => listed(store.client, path, item => !isLease(item)) }),
  },
  'all that has metadata counts as absent': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      remove(key, only, call) {
        const item = look(sound, key)
        return (sound.remove(key, only, call) as boolean) && ((item?.flags ?? 0) & FLAG_METADATA) === 0
      },
    }),
  },
  'all that has metadata is there, whatever its soft deadline': {
    noticedBy: 'what counts as absent',
    space: sound => ({
      touch: (key, ttl, call) => (isStale(look(sound, key)) ? 'has-metadata' : sound.touch(key, ttl, call)),
    }),
  },
  'touch never says that there is metadata': {
    noticedBy: 'touch',
    space: sound => ({
      async touch(key, ttl, call) {
        const touched = await sound.touch(key, ttl, call)
        return touched === 'has-metadata' ? 'touched' : touched
      },
    }),
  },
  'touch takes no end for no ttl': {
    noticedBy: 'touch',
    space: sound => ({
      touch: (key, ttl, call) =>
        ttl === forever ? (look(sound, key) ? 'touched' : 'missing') : sound.touch(key, ttl, call),
    }),
  },
  'digits with any flags are a counter': {
    noticedBy: 'counters',
    space: sound => ({
      count(key, by, create, call) {
        const item = look(sound, key)
        if (item !== undefined && !isAbsent(item) && /^[1-9]\d*$/.test(String(item.data)) && item.flags > 2) {
          sound.write({ key, item: { flags: 2, data: item.data }, ttl: forever, when: 'always' }, call)
        }
        return sound.count(key, by, create, call)
      },
    }),
  },
  'bare digits are no counter': {
    noticedBy: 'counters',
    format: format => ({ ...format, counterFlags: [2] }),
  },
  'counters have flags 2, whatever the format names': {
    noticedBy: 'formats of other clients',
    format: format => ({ ...format, counterFlags: nativeFormat.counterFlags }),
  },
  'bits 12 and 13 are metadata and leases, whatever the format says': {
    noticedBy: 'formats of other clients',
    format: format => ({ ...format, metadata: true }),
  },
  'a format without metadata is refused by a failure of another kind': {
    noticedBy: 'formats of other clients',
    format: refusing,
  },
  'clear leaves leases': {
    noticedBy: 'namespaces',
    space: (sound, path, store) => ({
      async clear(nextCall) {
        const prefix = `${path.join('/')}:`
        const leases = [...store.client].filter(([key, item]) => key.startsWith(prefix) && isLease(item))
        await sound.clear(nextCall)
        for (const [wireKey, item] of leases) {
          sound.write({ key: wireKey.slice(prefix.length), item, ttl: forever, when: 'always' }, call)
        }
      },
    }),
  },
  "core's own names are taken for keys": {
    noticedBy: 'namespaces',
    path: path => (path.at(-1)?.startsWith('~') ? path.slice(0, -1) : path),
  },
  'touches take effect after what is called next': {
    noticedBy: 'call order',
    space: sound => ({
      async touch(key, ttl, call) {
        await later()
        return sound.touch(key, ttl, call)
      },
    }),
  },
  'claims overtake what was called before': {
    noticedBy: 'call order',
    space: sound => ({
      async remove(key, only, call) {
        await Promise.resolve()
        return sound.remove(key, only, call)
      },
    }),
  },
  'what replaces looks first, and others come in between': {
    noticedBy: 'call order',
    space: sound => ({
      async write(write, call): Promise<Written> {
        if (write.when !== 'present') return sound.write(write, call)
        const item = look(sound, write.key)
        await later()
        return item === undefined || isAbsent(item) ? { outcome: 'missing' } : always(sound, write)
      },
    }),
  },
  'reads ignore the route that writes go by': {
    noticedBy: 'calls',
    space: sound => ({
      write: (write, call) => sound.write({ ...write, key: write.key + (call.route ?? '') }, call),
    }),
  },
  'a clear leaves what a route led elsewhere': {
    noticedBy: 'calls',
    space: (_, path, store) => {
      const elsewhere = store.space(['elsewhere', ...path], nativeFormat)
      return {
        write: (write, call) =>
          (call.route === undefined ? store.space(path, nativeFormat) : elsewhere).write(write, call),
        get: (key, call) => (call.route === undefined ? store.space(path, nativeFormat) : elsewhere).get(key, call),
      }
    },
  },
  'serverOf ignores the route': {
    noticedBy: 'calls',
    space: () => ({ serverOf: key => `server ${key.length}` }),
  },
  'late calls hang': {
    noticedBy: 'calls',
    isRemote: true,
    space: sound => ({
      get: (key, call) => (call.deadline < performance.now() ? new Promise(() => {}) : sound.get(key, call)),
    }),
  },
  'late calls fail as if the caller were wrong': {
    noticedBy: 'calls',
    isRemote: true,
    space: sound => ({
      touch(key, ttl, call) {
        if (call.deadline < performance.now()) throw new RangeError('too late')
        return sound.touch(key, ttl, call)
      },
    }),
  },
  'a closed store answers misses': {
    noticedBy: 'opening, listening and closing',
    isRemote: true,
    space: sound => ({
      async get(key, call) {
        try {
          return await sound.get(key, call)
        } catch {
          return undefined
        }
      },
    }),
  },
  'a closed store answers misses to reads of many': {
    noticedBy: 'opening, listening and closing',
    isRemote: true,
    space: sound => ({
      async getMany(keys, call) {
        const answers = await sound.getMany(keys, call)
        return answers.map(answer => (typeof answer === 'object' && 'failure' in answer ? undefined : answer))
      },
    }),
  },
  'a closed store can be claimed from': {
    noticedBy: 'opening, listening and closing',
    isRemote: true,
    space: sound => ({
      async claim(key, lease, ttl, call) {
        try {
          return await sound.claim(key, lease, ttl, call)
        } catch {
          return { won: 'closed' as CasToken }
        }
      },
    }),
  },
  'closing twice fails': {
    noticedBy: 'opening, listening and closing',
    store: sound => {
      let closed = false
      return {
        close(call) {
          if (closed) throw new Error('closed already')
          closed = true
          return sound.close(call)
        },
      }
    },
  },
  'a listener goes on hearing once it stopped': {
    noticedBy: 'opening, listening and closing',
    store: sound => {
      const listeners = new Set<(event: StoreEvent) => void>()
      return {
        servers: ['a'],
        listen(listener) {
          listeners.add(listener)
          return () => {}
        },
        ping(call) {
          for (const listener of listeners) listener({ type: 'connect', server: 'a' })
          return sound.ping(call)
        },
      }
    },
  },
  'limits are left out': {
    noticedBy: 'opening, listening and closing',
    store: sound => ({ limits: { ...sound.limits, clear: undefined as unknown as boolean } }),
  },
  'entries with metadata never expire': {
    noticedBy: 'expiry',
    space: sound => ({
      write: (write, call) => sound.write(write.item.metadata ? { ...write, ttl: forever } : write, call),
    }),
  },
}

function withoutMetadata(item: StoredItem | undefined): StoredItem | undefined {
  if (item === undefined) return undefined
  return item.casToken === undefined ? bare(item) : { ...bare(item), casToken: item.casToken }
}

function withoutToken(item: StoredItem | undefined): StoredItem | undefined {
  return item && { flags: item.flags, data: item.data, metadata: item.metadata }
}

function refusing(format: Format): Format {
  if (!format.metadata) throw new Error('no such format')
  return format
}

async function* listed(
  entries: Iterable<[string, Item]>,
  path: readonly string[],
  isListed: (item: Item) => boolean,
): AsyncIterable<string> {
  const prefix = `${path.join('/')}:`
  for (const [key, item] of entries) if (key.startsWith(prefix) && isListed(item)) yield key.slice(prefix.length)
}
