import { type CasToken, patternOf, type StoredItem, type VersionedItem, type Written } from '@anycache/core'
import { clearWhere, type Defect, renamed, retimed } from './broken-store.js'

const forever = Number.POSITIVE_INFINITY
const later = (ms = 2): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** One defect each, and the capability whose cases must notice it. */
export const defects: Record<string, Defect & { readonly noticedBy: string }> = {
  'a ttl is ignored': { noticedBy: 'ttl', space: retimed(() => forever) },
  'a ttl ends early': { noticedBy: 'ttl', space: retimed(ttl => ttl * 0.9) },
  'a ttl ends late': { noticedBy: 'ttl', space: retimed(ttl => ttl + 200) },
  'a ttl is cut to whole seconds': {
    noticedBy: 'ttl',
    space: retimed(ttl => Math.floor(ttl / 1000) * 1000 || forever),
  },
  'a ttl over 30 days is taken for a date': {
    noticedBy: 'ttl',
    space: retimed(ttl => (ttl > 30 * 86_400_000 && ttl < forever ? 1 : ttl)),
  },
  'setMany forgets the ttl': {
    noticedBy: 'ttl',
    space: sound => ({
      writeMany: (writes, call) =>
        sound.writeMany(
          writes.map(write => ({ ...write, ttl: forever })),
          call,
        ),
    }),
  },
  'add forgets the ttl': {
    noticedBy: 'ttl',
    space: sound => ({
      write: (write, call) => sound.write(write.when === 'absent' ? { ...write, ttl: forever } : write, call),
    }),
  },
  'touch changes nothing': {
    noticedBy: 'ttl',
    space: sound => ({ touch: (key, _, call) => (sound.get(key, call) === undefined ? 'missing' : 'touched') }),
  },
  'a count renews the ttl': {
    noticedBy: 'ttl',
    space: sound => ({
      async count(key, by, create, call) {
        const counted = await sound.count(key, by, create, call)
        await sound.touch(key, create?.ttl ?? forever, call)
        return counted
      },
    }),
  },
  'a created counter never expires': {
    noticedBy: 'ttl',
    space: sound => ({
      count: (key, by, create, call) => sound.count(key, by, create && { ...create, ttl: forever }, call),
    }),
  },
  'add overwrites': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      write: (write, call) => sound.write(write.when === 'absent' ? { ...write, when: 'always' } : write, call),
    }),
  },
  'add looks first and writes then': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      async write(write, call): Promise<Written> {
        if (write.when !== 'absent') return sound.write(write, call)
        const found = await sound.get(write.key, call)
        await later()
        return found === undefined ? sound.write({ ...write, when: 'always' }, call) : { outcome: 'exists' }
      },
    }),
  },
  'replace creates': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      write: (write, call) => sound.write(write.when === 'present' ? { ...write, when: 'always' } : write, call),
    }),
  },
  'touch is always true': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      async touch(key, ttl, call) {
        await sound.touch(key, ttl, call)
        return 'touched' as const
      },
    }),
  },
  'delete is always true': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      async remove(key, only, call) {
        await sound.remove(key, only, call)
        return true
      },
    }),
  },
  'delete deletes nothing': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({ remove: (key, _, call) => sound.get(key, call) !== undefined }),
  },
  'take leaves the entry': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({ take: (key, call) => sound.get(key, call) as StoredItem | undefined }),
  },
  'take reads first and deletes then': {
    noticedBy: 'add, replace, touch, delete and take',
    space: sound => ({
      async take(key, call) {
        const found = (await sound.get(key, call)) as StoredItem | undefined
        await later()
        await sound.remove(key, undefined, call)
        return found
      },
    }),
  },
  'counters pass 2^53−1': {
    noticedBy: 'counters',
    space: sound => ({
      async count(key, by, create, call) {
        const counted = await sound.count(key, by, create, call)
        return 'refused' in counted && counted.refused === 'out-of-range' ? { value: 2 ** 53 } : counted
      },
    }),
  },
  'counters start at by, whatever initial says': {
    noticedBy: 'counters',
    space: sound => ({
      count: (key, by, create, call) => sound.count(key, by, create && { ...create, value: Math.max(0, by) }, call),
    }),
  },
  'counters are created although create is false': {
    noticedBy: 'counters',
    space: sound => ({
      count: (key, by, create, call) => sound.count(key, by, create ?? { value: Math.max(0, by), ttl: forever }, call),
    }),
  },
  'counters count from 0 over anything': {
    noticedBy: 'counters',
    space: sound => ({
      async count(key, by, create, call) {
        const counted = await sound.count(key, by, create, call)
        if (!('refused' in counted) || counted.refused !== 'not-a-counter') return counted
        await sound.remove(key, undefined, call)
        return sound.count(key, by, { value: Math.max(0, by), ttl: forever }, call)
      },
    }),
  },
  'counters are read first and written then': {
    noticedBy: 'counters',
    space: sound => ({
      async count(key, by, create, call) {
        const found = (await sound.get(key, call)) as StoredItem | undefined
        await later()
        if (found === undefined || !/^\d+$/.test(String(found.data))) return sound.count(key, by, create, call)
        const value = Math.max(0, Number(found.data) + by)
        if (value > Number.MAX_SAFE_INTEGER) return { refused: 'out-of-range' }
        await sound.write({ key, item: { flags: 2, data: String(value) }, ttl: forever, when: 'always' }, call)
        return { value }
      },
    }),
  },
  'decrement padded with a space, as memcached does it': {
    noticedBy: 'counters',
    space: sound => ({
      async count(key, by, create, call) {
        const counted = await sound.count(key, by, create, call)
        if (by < 0 && 'value' in counted) {
          const item = { flags: 64, data: Buffer.from(`${counted.value} `) }
          await sound.write({ key, item, ttl: forever, when: 'always' }, call)
        }
        return counted
      },
    }),
  },
  'clear takes neighbours with the same beginning': {
    noticedBy: 'clear',
    space: (_, path, store) => ({ clear: () => clearWhere(store, wireKey => wireKey.startsWith(path.join('/'))) }),
  },
  'clear takes a dot for any character': {
    noticedBy: 'clear',
    space: (_, path, store) => ({
      clear: () => clearWhere(store, wireKey => new RegExp(`^${path.join('/')}(/[^:]+)?:`).test(wireKey)),
    }),
  },
  'clear leaves nested namespaces': {
    noticedBy: 'clear',
    space: (_, path, store) => ({
      clear: () => clearWhere(store, wireKey => wireKey.startsWith(`${path.join('/')}:`)),
    }),
  },
  'clear flushes the store': { noticedBy: 'clear', space: (_, __, store) => ({ clear: () => store.flush() }) },
  'clear does nothing': { noticedBy: 'clear', space: () => ({ clear: () => {} }) },
  'clear takes effect later': {
    noticedBy: 'clear',
    space: sound => ({
      clear(nextCall) {
        setTimeout(() => sound.clear(nextCall), 5)
      },
    }),
  },
  'keys are lower-cased': { noticedBy: 'keys', space: renamed(key => key.toLowerCase()) },
  'keys are trimmed': { noticedBy: 'keys', space: renamed(key => key.trim() || 'empty') },
  'keys are cut at 250 characters': { noticedBy: 'keys', space: renamed(key => key.slice(0, 250)) },
  'keys are normalized': { noticedBy: 'keys', space: renamed(key => key.normalize('NFC')) },
  'keys are cut at a line end': { noticedBy: 'keys', space: renamed(key => key.split('\r\n')[0] || 'empty') },
  'keyFor shows nothing of the key': {
    noticedBy: 'keys',
    space: (_, path) => ({ wireKey: () => `${path.join('/')}:` }),
  },
  'namespaces are ignored': { noticedBy: 'namespaces', path: () => ['all'] },
  'nested names are joined without a separator': { noticedBy: 'namespaces', path: path => [path.join('')] },
  'names lose their case': { noticedBy: 'namespaces', path: path => path.map(name => name.toLowerCase()) },
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
  'serverStats tells nothing': { noticedBy: 'opening, asking and closing', store: { serverStats: () => [] } },
}
