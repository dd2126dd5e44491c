import type { StoredItem, Written } from '@anycache/core'
import { clearWhere, type NoticedDefect, renamed, retimed } from '../broken-store.js'
import { forever, later } from './looking.js'

/** Expiry, conditions, counters, keys and namespaces, as a cache shows them. */
export const verbDefects: Record<string, NoticedDefect> = {
  'a ttl is ignored': { noticedBy: 'ttl', space: retimed(() => forever) },
  'a ttl ends early': { noticedBy: 'ttl', space: retimed(ttl => ttl * 0.9) },
  'a ttl ends late': { noticedBy: 'ttl', space: retimed(ttl => ttl + 200) },
  'a ttl is cut to whole seconds': {
    noticedBy: 'ttl',
    space: retimed(ttl => Math.floor(ttl / 1000) * 1000 || forever),
  },
  'a ttl over 30 days is taken for a date': {
    noticedBy: 'forms of a ttl',
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
}
