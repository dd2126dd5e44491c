import type { CasToken, Claimed, Item, VersionedItem, Written } from '@anycache/core'
import { readMetadata } from '@anycache/serializer'
import { clearWhere, type NoticedDefect } from '../broken-store.js'
import { leaseDefects } from './leases.js'
import { always, bare, isCompared, isLease, isStale, look } from './looking.js'

/** What lets processes undo each other's invalidations, or load what another one loads; on stores that several of them share. */
export const sharedDefects: Record<string, NoticedDefect> = {
  'a write under a token ignores the token': {
    noticedBy: 'loads of several processes',
    space: sound => ({
      write: (write, call) => (isCompared(write) ? alwaysWithToken(sound, write) : sound.write(write, call)),
    }),
  },
  'a write under a token overwrites what others wrote, and nothing else': {
    noticedBy: 'loads of several processes',
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        return written.outcome === 'conflict' ? always(sound, write) : written
      },
    }),
  },
  'a claim overwrites the lease of another': {
    ...(leaseDefects['a claim takes the lease of another'] as NoticedDefect),
    noticedBy: 'loads of several processes',
  },
  'every claim is won': {
    noticedBy: 'loads of several processes',
    space: sound => ({
      claim(key, lease, ttl, call): Claimed {
        const claimed = sound.claim(key, lease, ttl, call) as Claimed
        return 'won' in claimed ? claimed : { won: claimed.found.casToken as CasToken }
      },
    }),
  },
  'delete leaves leases': {
    noticedBy: 'loads of several processes',
    space: sound => ({
      remove: (key, only, call) =>
        only === undefined && isLease(look(sound, key)) ? false : sound.remove(key, only, call),
    }),
  },
  'deleteMany leaves leases': {
    noticedBy: 'loads of several processes',
    space: sound => ({
      removeMany: (keys, call) =>
        keys.map(key => !isLease(look(sound, key)) && (sound.remove(key, undefined, call) as boolean)),
    }),
  },
  'take leaves leases': {
    noticedBy: 'loads of several processes',
    space: sound => ({ take: (key, call) => (isLease(look(sound, key)) ? undefined : sound.take(key, call)) }),
  },
  'clear leaves leases': {
    noticedBy: 'loads of several processes',
    space: (_, path, store) => ({
      clear: () => {
        const leases = [...store.client.entries()].filter(([, item]) => isLease(item)).map(([wireKey]) => wireKey)
        clearWhere(store, wireKey => wireKey.startsWith(path.join('/')) && !leases.includes(wireKey))
      },
    }),
  },
  'delete leaves stale entries': {
    noticedBy: 'refreshing',
    space: sound => ({
      remove: (key, only, call) =>
        only === undefined && isStale(look(sound, key)) ? false : sound.remove(key, only, call),
    }),
  },
  'invalidated tags keep their versions': {
    noticedBy: 'loads with tags',
    space: (sound, path) => ({
      writeMany: (writes, call) =>
        path.at(-1) === '~tags' ? writes.map(() => ({ outcome: 'stored' })) : sound.writeMany(writes, call),
    }),
  },
  'the epoch of all tags never changes': {
    noticedBy: 'loads with tags',
    space: (sound, path) => ({
      write: (write, call) => (path.at(-1) === '~tag-epoch' ? { outcome: 'stored' } : sound.write(write, call)),
    }),
  },
}

/** What spoils stale values and refreshes of one process. */
export const staleDefects: Record<string, NoticedDefect> = {
  'nothing is kept past its ttl': {
    noticedBy: 'stale if error, and impatient callers',
    space: sound => ({
      write: (write, call) => sound.write({ ...write, ttl: freshFor(write.item) ?? write.ttl }, call),
    }),
  },
  'metadata is not stored': {
    noticedBy: 'refreshing',
    space: sound => ({ write: (write, call) => sound.write({ ...write, item: bare(write.item) }, call) }),
  },
  'what is stale is served as a hit': {
    noticedBy: 'stale if error, and impatient callers',
    space: sound => ({ write: (write, call) => sound.write({ ...write, item: bare(write.item) }, call) }),
  },
  'tags are not stored': {
    noticedBy: 'loads with tags',
    space: sound => ({ write: (write, call) => sound.write({ ...write, item: bare(write.item) }, call) }),
  },
  'reads of many lose what metadata they read': {
    noticedBy: 'getOrSetMany',
    space: sound => ({ getMany: keys => keys.map(key => withoutMarks(look(sound, key))) }),
  },
}

function freshFor({ metadata }: Item): number | undefined {
  return metadata && readMetadata(metadata).lifetimes?.freshFor
}

function alwaysWithToken(sound: Parameters<typeof look>[0], write: Parameters<typeof always>[1]): Written {
  always(sound, write)
  return { outcome: 'stored', casToken: look(sound, write.key)?.casToken as CasToken }
}

function withoutMarks(item: VersionedItem | undefined): VersionedItem | undefined {
  return item && { ...bare(item), casToken: item.casToken }
}
