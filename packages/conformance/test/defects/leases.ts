import type { CasToken, Item, VersionedItem, Written } from '@anycache/core'
import { FLAG_METADATA } from '@anycache/serializer'
import type { NoticedDefect } from '../broken-store.js'
import {
  always,
  bare,
  forever,
  isAbsent,
  isCompared,
  isLease,
  isStale,
  later,
  listed,
  look,
  withoutToken,
} from './looking.js'

/** Claims, what counts as absent, touches, counters. */
export const leaseDefects: Record<string, NoticedDefect> = {
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
}
