import type { CasToken, VersionedItem, Written } from '@anycache/core'
import { clearWhere, type NoticedDefect } from '../broken-store.js'
import { always, forever, isCompared, isLease, look } from './looking.js'

const noticedBy = 'locks'

/** What takes a lock from its holder, gives it to two, or keeps it from the next. */
export const lockDefects: Record<string, NoticedDefect> = {
  'a lock is given to a second holder': {
    noticedBy,
    space: sound => ({
      claim(key, lease, ttl, call) {
        if (isLease(look(sound, key))) sound.remove(key, undefined, call)
        return sound.claim(key, lease, ttl, call)
      },
    }),
  },
  'a lock has no end': {
    noticedBy,
    space: sound => ({
      claim: (key, lease, _, call) => sound.claim(key, lease, forever, call),
      write: (write, call) => sound.write(isCompared(write) ? { ...write, ttl: forever } : write, call),
    }),
  },
  'a renewal takes the lock back from the next holder': {
    noticedBy,
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        if (!isCompared(write) || written.outcome === 'stored') return written
        always(sound, write)
        return { outcome: 'stored', casToken: (look(sound, write.key) as VersionedItem).casToken }
      },
    }),
  },
  'a release removes the lock of the next holder': {
    noticedBy: 'locks next to entries',
    space: sound => ({
      remove: (key, _, call) => sound.remove(key, undefined, call) || look(sound, key) === undefined,
    }),
  },
  'a release removes nothing': {
    noticedBy,
    space: sound => ({ remove: (key, only, call) => only !== undefined || sound.remove(key, undefined, call) }),
  },
  'the token of a renewed lock is the old one': {
    noticedBy,
    space: sound => ({
      write(write, call) {
        const written = sound.write(write, call) as Written
        return isCompared(write) && written.outcome === 'stored'
          ? { outcome: 'stored', casToken: (write.when as { casToken: CasToken }).casToken }
          : written
      },
      get: (key, call) => {
        const found = look(sound, key)
        return call.versioned && isLease(found) ? undefined : found
      },
    }),
  },
  'fencing numbers are given twice': {
    noticedBy,
    space: sound => ({
      count(key, by, create, call) {
        const counted = sound.count(key, by, create, call)
        if ('value' in counted && counted.value % 2 === 0) sound.count(key, -by, undefined, call)
        return counted
      },
    }),
  },
  'a clear takes locks along': {
    noticedBy: 'locks next to entries',
    space: (_, path, store) => ({
      clear: () => clearWhere(store, wireKey => /^[:/]/.test(wireKey.slice(path.join('/').length))),
    }),
  },
  'the locks of all namespaces are one': {
    noticedBy,
    path: path => (path.at(-1) === '~locks' ? ['~locks'] : path),
  },
  'locks lie under the keys of entries': {
    noticedBy: 'locks next to entries',
    path: path => (path.at(-1) === '~locks' ? path.slice(0, -1) : path),
  },
}
