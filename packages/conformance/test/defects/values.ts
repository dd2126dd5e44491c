import { type CasToken, patternOf, type StoredItem, type VersionedItem, type Written } from '@anycache/core'
import type { NoticedDefect } from '../broken-store.js'
import { later } from './looking.js'

/** Values, many at once, tokens, order, listing, closing, as a cache shows them. */
export const valueDefects: Record<string, NoticedDefect> = {
  'values go through JSON': {
    noticedBy: 'values',
    serializer: {
      encode: value => ({ flags: typeof value === 'number' ? 2 : 0, data: JSON.stringify(value) ?? 'null' }),
      decode: (_, data) => JSON.parse(data as string),
    },
  },
  'values are shared': {
    noticedBy: 'basics',
    serializer: {
      encode: value => ({ flags: 0, data: value as string }),
      decode: (_, data) => data,
    },
  },
  'flags are dropped': {
    noticedBy: 'values',
    space: sound => ({
      get(key, call) {
        const found = sound.get(key, call) as VersionedItem | undefined
        return found && { flags: 0, data: found.data, casToken: found.casToken }
      },
    }),
  },
  'what cannot be read is hidden from reads': {
    noticedBy: 'bytes that cannot be read',
    space: sound => ({
      get(key, call) {
        const found = sound.get(key, call) as VersionedItem | undefined
        return found !== undefined && found.flags >= 1 << 14 ? undefined : found
      },
    }),
  },
  'bytes are taken for text': {
    noticedBy: 'values',
    space: sound => ({
      write: (write, call) =>
        sound.write(
          {
            ...write,
            item: {
              flags: write.item.flags,
              data: Buffer.from(Buffer.from(write.item.data as string).toString('utf8')),
            },
          },
          call,
        ),
    }),
  },
  'text is taken for latin-1': {
    noticedBy: 'values',
    space: sound => ({
      write: (write, call) =>
        sound.write(
          { ...write, item: { ...write.item, data: Buffer.from(write.item.data as string, 'latin1') } },
          call,
        ),
    }),
  },
  'getMany answers in an order of its own': {
    noticedBy: 'many at once',
    space: sound => ({
      getMany: (keys, call) => [...(sound.getMany(keys, call) as (StoredItem | undefined)[])].reverse(),
    }),
  },
  'getMany drops the last one': {
    noticedBy: 'many at once',
    space: sound => ({
      getMany: (keys, call) => [...(sound.getMany(keys, call) as (StoredItem | undefined)[])].slice(0, -1),
    }),
  },
  'setMany drops the last one': {
    noticedBy: 'many at once',
    space: sound => ({
      writeMany: (writes, call) => [
        ...(sound.writeMany(writes.slice(0, -1), call) as Written[]),
        { outcome: 'stored' },
      ],
    }),
  },
  'deleteMany counts what it was asked for': {
    noticedBy: 'many at once',
    space: sound => ({
      removeMany(keys, call) {
        sound.removeMany(keys, call)
        return keys.map(() => true)
      },
    }),
  },
  'versions never conflict': {
    noticedBy: 'getEntry and compareAndSet',
    space: sound => ({
      write: (write, call) => sound.write(typeof write.when === 'object' ? { ...write, when: 'present' } : write, call),
    }),
  },
  'versions create what is missing': {
    noticedBy: 'getEntry and compareAndSet',
    space: sound => ({
      async write(write, call) {
        const written = await sound.write(write, call)
        const isMissing = typeof write.when === 'object' && written.outcome === 'missing'
        return isMissing ? sound.write({ ...write, when: 'always' }, call) : written
      },
    }),
  },
  'versions are compared first and written then': {
    noticedBy: 'getEntry and compareAndSet',
    space: sound => ({
      async write(write, call): Promise<Written> {
        if (typeof write.when !== 'object') return sound.write(write, call)
        const found = (await sound.get(write.key, call)) as VersionedItem | undefined
        await later()
        if (found === undefined) return { outcome: 'missing' }
        if (found.casToken !== write.when.casToken) return { outcome: 'conflict' }
        return sound.write({ ...write, when: 'always' }, call)
      },
    }),
  },
  'every entry has the same version': {
    noticedBy: 'getEntry and compareAndSet',
    space: sound => ({
      async get(key, call) {
        const found = (await sound.get(key, call)) as StoredItem | undefined
        return found && { flags: found.flags, data: found.data, casToken: 'same' as CasToken }
      },
      async write(write, call): Promise<Written> {
        if (typeof write.when !== 'object') return sound.write(write, call)
        if (write.when.casToken === 'same') return sound.write({ ...write, when: 'present' }, call)
        return (await sound.get(write.key, call)) === undefined ? { outcome: 'missing' } : { outcome: 'conflict' }
      },
    }),
  },
  'updates are lost': {
    noticedBy: 'update',
    space: sound => ({
      write: (write, call) => sound.write(typeof write.when === 'object' ? { ...write, when: 'present' } : write, call),
    }),
  },
  'appends are lost': {
    noticedBy: 'append and prepend',
    space: sound => ({
      write: (write, call) => sound.write(typeof write.when === 'object' ? { ...write, when: 'present' } : write, call),
    }),
  },
  'writes take effect after what is called next': {
    noticedBy: 'order',
    space: sound => ({
      async write(write, call) {
        await later()
        return sound.write(write, call)
      },
    }),
  },
  'deletes overtake writes': {
    noticedBy: 'order',
    space: sound => ({
      async write(write, call) {
        await later()
        return sound.write(write, call)
      },
      async get(key, call) {
        await later(4)
        return sound.get(key, call)
      },
    }),
  },
  'reads of many overtake everything': {
    noticedBy: 'order',
    space: sound => {
      const delayed = <T>(act: () => T | Promise<T>): Promise<T> => later().then(act)
      return {
        get: (key, call) => delayed(() => sound.get(key, call)),
        write: (write, call) => delayed(() => sound.write(write, call)),
        remove: (key, only, call) => delayed(() => sound.remove(key, only, call)),
        take: (key, call) => delayed(() => sound.take(key, call)),
        touch: (key, ttl, call) => delayed(() => sound.touch(key, ttl, call)),
        count: (key, by, create, call) => delayed(() => sound.count(key, by, create, call)),
      }
    },
  },
  'keys() lists nested namespaces': {
    noticedBy: 'keys()',
    space: (_, path, store) => ({
      async *keys(pattern) {
        const matches = patternOf(pattern)
        for (const wireKey of store.client.keys()) {
          const [names, key] = [wireKey.slice(0, wireKey.indexOf(':')), wireKey.slice(wireKey.indexOf(':') + 1)]
          if (names.startsWith(path.join('/')) && matches.test(key)) yield key
        }
      },
    }),
  },
  'keys() takes brackets for a set': {
    noticedBy: 'keys()',
    space: sound => ({
      async *keys(pattern, nextCall) {
        const matches = new RegExp(
          `^${pattern
            .replace(/[.$^\\{}]/g, '\\$&')
            .replaceAll('*', '[^]*')
            .replaceAll('?', '.')}$`,
          'us',
        )
        for await (const key of sound.keys('*', nextCall)) if (matches.test(key)) yield key
      },
    }),
  },
  'keys() gives up after a page': {
    noticedBy: 'keys()',
    space: sound => ({
      async *keys(pattern, nextCall) {
        let left = 1000
        for await (const key of sound.keys(pattern, nextCall)) if (left-- > 0) yield key
      },
    }),
  },
  'a value too large leaves the old one': {
    noticedBy: 'values over the limit',
    space: sound => ({
      write: (write, call) =>
        write.item.data.length > 4 * 2 ** 20 - 1000 ? { outcome: 'too-large' } : sound.write(write, call),
    }),
  },
  'what cannot be read is deleted on the way': {
    noticedBy: 'bytes that cannot be read',
    space: sound => ({
      write(write, call) {
        const found = sound.get(write.key, call) as StoredItem | undefined
        if (found !== undefined && found.flags >= 1 << 14) sound.remove(write.key, undefined, call)
        return sound.write(write, call)
      },
    }),
  },
  'flush does nothing': { noticedBy: 'opening, asking and closing', store: { flush: () => {} } },
  'ping fails': {
    noticedBy: 'opening, asking and closing',
    store: { ping: () => Promise.reject(new Error('no pong')) },
  },
  'serverStats answers nothing': { noticedBy: 'opening, asking and closing', store: { serverStats: () => [] } },
}
