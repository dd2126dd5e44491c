import type { CasToken, StoreEvent, Written } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { clearWhere, type NoticedDefect } from '../broken-store.js'
import { always, bare, call, forever, isAbsent, isLease, later, look, refusing } from './looking.js'

/** Formats, namespaces, order, calls, closing. */
export const spaceDefects: Record<string, NoticedDefect> = {
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
  "a clear takes core's own names along": {
    noticedBy: 'namespaces',
    space: (_, path, store) => ({
      clear: () =>
        clearWhere(store, wireKey => {
          const name = path.join('/')
          return wireKey.startsWith(name) && /^(\/[\w.~-]+)*:/.test(wireKey.slice(name.length))
        }),
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
