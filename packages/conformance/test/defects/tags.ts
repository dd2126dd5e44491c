import type { Claimed, Item, Space, StoredItem, Write } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { type Alter, clearWhere, type NoticedDefect, renamed } from '../broken-store.js'
import { bare, isCompared, isLease, look, withoutMetadata } from './looking.js'

const unmarked = (write: Write): Write => ({ ...write, item: bare(write.item) })
const isOfTags = (path: readonly string[]): boolean => path.at(-1) === '~tags'

/** For the versions of tags alone. */
const ofTags =
  (alter: (sound: Space) => Partial<Space>): Alter =>
  (sound, path) =>
    isOfTags(path) ? alter(sound) : {}

/** Tags, as a cache shows them. */
export const tagDefects: Record<string, NoticedDefect> = {
  'writes of many drop metadata': {
    noticedBy: 'tagged writes',
    space: sound => ({ writeMany: (writes, call) => sound.writeMany(writes.map(unmarked), call) }),
  },
  'reads of many drop metadata, and say that there is none': {
    noticedBy: 'tags',
    space: sound => ({
      getMany: keys =>
        keys.map(key => {
          const item = look(sound, key)
          return isLease(item) ? item : item && { flags: item.flags & 0xfff, data: item.data }
        }),
    }),
  },
  'versioned reads drop metadata': {
    noticedBy: 'tagged writes',
    space: sound => ({
      get: (key, call) => (call.versioned ? withoutMetadata(look(sound, key)) : sound.get(key, call)),
    }),
  },
  'a write under a token drops metadata': {
    noticedBy: 'tagged writes',
    space: sound => ({ write: (write, call) => sound.write(isCompared(write) ? unmarked(write) : write, call) }),
  },
  'an add drops metadata': {
    noticedBy: 'tagged writes',
    space: sound => ({ write: (write, call) => sound.write(write.when === 'absent' ? unmarked(write) : write, call) }),
  },
  'take drops metadata of tagged entries': {
    noticedBy: 'tags',
    space: sound => ({ take: (key, call) => withoutMetadata(sound.take(key, call) as StoredItem | undefined) }),
  },
  'a claim is always won': {
    noticedBy: 'tags',
    space: sound => ({
      claim(key, lease, ttl, call) {
        const claimed = sound.claim(key, lease, ttl, call) as Claimed
        return 'won' in claimed ? claimed : { won: claimed.found.casToken }
      },
    }),
  },
  'a claim is won over what lies there': {
    noticedBy: 'tags',
    space: sound => ({
      claim(key, lease, ttl, call) {
        sound.remove(key, undefined, call)
        return sound.claim(key, lease, ttl, call)
      },
    }),
  },
  'a claim does not say what it found': {
    noticedBy: 'tags',
    space: sound => ({
      claim(key, lease, ttl, call) {
        const claimed = sound.claim(key, lease, ttl, call) as Claimed
        if ('won' in claimed) return claimed
        return { found: { flags: FLAG_LEASE, data: '', casToken: claimed.found.casToken } }
      },
    }),
  },
  'what a claim has stored is not replaced': {
    noticedBy: 'tags',
    space: ofTags(sound => ({
      writeMany: (writes, call) =>
        writes.map(write => (look(sound, write.key) ? { outcome: 'stored' } : sound.write(write, call))) as never,
    })),
  },
  'bytes of leases are kept as text': {
    noticedBy: 'tags',
    space: ofTags(sound => {
      const asText = (item: Item): Item => ({ ...item, data: Buffer.from(item.data as Uint8Array).toString() })
      return {
        claim: (key, lease, ttl, call) => sound.claim(key, asText(lease), ttl, call),
        write: (write, call) => sound.write({ ...write, item: asText(write.item) }, call),
        writeMany: (writes, call) =>
          sound.writeMany(
            writes.map(write => ({ ...write, item: asText(write.item) })),
            call,
          ),
      }
    }),
  },
  'names that hold ~ are ignored': {
    noticedBy: 'tags',
    path: path => path.filter(name => !name.startsWith('~')),
  },
  'long keys are cut': { noticedBy: 'tags', space: renamed(key => key.slice(0, 250)) },
  'the clear of a namespace takes the tags of its parent': {
    noticedBy: 'tags of namespaces and processes',
    space: (sound, path, store) => ({
      clear(nextCall) {
        sound.clear(nextCall)
        const parent = [...path.slice(0, -1), '~tags'].join('/')
        clearWhere(store, wireKey => wireKey.startsWith(`${parent}:`))
      },
    }),
  },
}
