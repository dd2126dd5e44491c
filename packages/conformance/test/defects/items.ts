import type { CasToken, StoredItem, Written } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import type { NoticedDefect } from '../broken-store.js'
import {
  always,
  bare,
  isCompared,
  isLease,
  isStale,
  later,
  look,
  tokenless,
  withoutMetadata,
  withoutToken,
} from './looking.js'

/** Items, conditions, tokens: what a store loses or mixes up. */
export const itemDefects: Record<string, NoticedDefect> = {
  'metadata is dropped': {
    noticedBy: 'items',
    space: sound => ({ write: (write, call) => sound.write({ ...write, item: bare(write.item) }, call) }),
  },
  'metadata is dropped by reads of many': {
    noticedBy: 'items',
    space: sound => ({ getMany: keys => keys.map(key => withoutMetadata(look(sound, key))) }),
  },
  'metadata is dropped by take': {
    noticedBy: 'remove and take',
    space: sound => ({ take: (key, call) => withoutMetadata(sound.take(key, call) as StoredItem | undefined) }),
  },
  'stale entries are hidden from reads': {
    noticedBy: 'items',
    space: sound => {
      const unlessStale = (key: string): StoredItem | undefined => {
        const item = look(sound, key)
        return isStale(item) ? undefined : item
      }
      return { get: unlessStale, getMany: keys => keys.map(unlessStale) }
    },
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
}
