import type { CacheError, Item, StoredItem } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection } from '../expectations.js'
import type { Trial } from '../trial.js'

const unknownFlags = 1 << 14

async function stored(trial: Trial, key: string): Promise<StoredItem> {
  const item = await trial.raw.get(key)
  if (item === undefined) throw new Error(`nothing under ${key}`)
  return item
}

/** Ways in which stored bytes go bad, each from the item that the cache itself had written. */
const damages: Record<string, (bytes: Buffer, flags: number) => Item> = {
  'unknown flags': bytes => ({ flags: unknownFlags, data: bytes }),
  'all flags': bytes => ({ flags: 0xffff_ffff, data: bytes }),
  'the first byte lost': (bytes, flags) => ({ flags, data: bytes.subarray(1) }),
  'the last byte lost': (bytes, flags) => ({ flags, data: bytes.subarray(0, -1) }),
  'two bytes left': (bytes, flags) => ({ flags, data: bytes.subarray(0, 2) }),
  'no bytes left': (_, flags) => ({ flags, data: new Uint8Array(0) }),
  'bytes at the end': (bytes, flags) => ({ flags, data: Buffer.concat([bytes, Buffer.from([0, 1])]) }),
  'one bit flipped': (bytes, flags) => ({
    flags,
    data: Uint8Array.from(bytes, (byte, i) => (i === 10 ? byte ^ 4 : byte)),
  }),
  'random bytes': (_, flags) => ({ flags, data: Buffer.from('d1e5a7b3c90f8842', 'hex') }),
}

function errorsOf(trial: Trial): CacheError[] {
  const errors: CacheError[] = []
  trial.cache.on('error', ({ error }) => errors.push(error))
  return errors
}

async function putUnreadable(trial: Trial, ...keys: string[]): Promise<void> {
  for (const key of keys) await trial.raw.put(key, { flags: unknownFlags, data: Buffer.from('what is this') })
}

export const undecodable: Capability = {
  name: 'bytes that cannot be read',
  cases: [
    ...[
      { decode: () => undefined, how: 'at once' },
      { decode: () => Promise.resolve(undefined), how: 'by a promise' },
    ].map(({ decode, how }) => ({
      title: `what a serializer of the application reads as undefined, ${how}: a miss and one event`,
      async run(trial: Trial) {
        const cache = trial.open({
          serializer: { encode: value => ({ flags: 7, data: JSON.stringify(value) }), decode },
        })
        const errors: CacheError[] = []
        cache.on('error', ({ error }) => errors.push(error))
        await cache.set('k', 'text')
        expect(await cache.get('k')).toBeUndefined()
        expect(errors.map(({ code, op, key }) => [code, op, key])).toEqual([['ERR_CACHE_SERIALIZATION', 'get', 'k']])
        expect(await cache.getMany(['k'])).toEqual(new Map())
        expect(errors.length).toBe(2)
      },
    })),
    ...Object.entries(damages).map(([name, damage]) => ({
      title: `${name}: a miss and one event, and getOrSet writes a new value`,
      async run(trial: Trial) {
        const { cache } = trial
        // A Map: neither text nor JSON, so that a checksum guards it.
        await cache.set('k', new Map([['a longer name', 'and a longer value']]))
        const item = await stored(trial, 'k')
        await trial.raw.put('k', damage(Buffer.from(item.data as Uint8Array), item.flags))
        const errors = errorsOf(trial)
        expect(await cache.get('k')).toBeUndefined()
        expect(errors.map(({ code, op, key }) => [code, op, key])).toEqual([['ERR_CACHE_SERIALIZATION', 'get', 'k']])
        expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
        expect(await cache.get('k')).toBe('loaded')
        expect(errors).toHaveLength(2)
      },
    })),
    {
      title: 'damaged compressed text is a miss',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'compressible text '.repeat(2000))
        const item = await stored(trial, 'k')
        const bytes = Buffer.from(item.data as Uint8Array)
        await trial.raw.put('k', { flags: item.flags, data: bytes.subarray(0, bytes.length - 20) })
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.getMany(['k'])).toEqual(new Map())
      },
    },
    {
      title: 'they are a miss to every read, each with one event',
      async run(trial) {
        const { cache, limits } = trial
        await putUnreadable(trial, 'get', 'has', 'many', 'entry', 'take')
        const errors = errorsOf(trial)
        expect(await cache.get('get')).toBeUndefined()
        expect(await cache.has('has')).toBe(false)
        expect(await cache.getMany(['many'])).toEqual(new Map())
        expect(await cache.take('take')).toBeUndefined()
        if (limits.cas) expect(await cache.getEntry('entry')).toBeUndefined()
        expect(errors.map(({ op, key }) => [op, key])).toEqual([
          ['get', 'get'],
          ['has', 'has'],
          ['getMany', 'many'],
          ['take', 'take'],
          ...(limits.cas ? [['getEntry', 'entry']] : []),
        ])
        expect(new Set(errors.map(error => error.code))).toEqual(new Set(['ERR_CACHE_SERIALIZATION']))
        expect(await cache.add('take', 'taken after all')).toBe(true)
      },
    },
    {
      title: 'they count as present to add, replace, touch, delete and deleteMany',
      async run(trial) {
        const { cache } = trial
        await putUnreadable(trial, 'add', 'replace', 'touch', 'delete', 'many')
        expect(await cache.add('add', 'v')).toBe(false)
        expect(await cache.replace('replace', 'v')).toBe(true)
        expect(await cache.get('replace')).toBe('v')
        expect(await cache.touch('touch', '1h')).toBe(true)
        expect(await cache.delete('delete')).toBe(true)
        expect(await cache.deleteMany(['many', 'add', 'missing'])).toBe(2)
      },
    },
    {
      title: 'they are no counter',
      async run(trial) {
        await putUnreadable(trial, 'k')
        await rejection(() => trial.cache.increment('k'), 'ERR_CACHE_NOT_A_COUNTER')
        await rejection(() => trial.cache.decrement('k', 1, { create: false }), 'ERR_CACHE_NOT_A_COUNTER')
        expect(await trial.cache.add('k', 1)).toBe(false)
      },
    },
    {
      title: 'among many keys they cost only themselves',
      async run(trial) {
        const { cache } = trial
        await cache.setMany([
          ['a', 1],
          ['b', 'two'],
          ['c', { three: 3 }],
        ])
        await putUnreadable(trial, 'b')
        const errors = errorsOf(trial)
        expect([...(await cache.getMany(['a', 'b', 'c']))]).toEqual([
          ['a', 1],
          ['c', { three: 3 }],
        ])
        expect(errors.map(({ key }) => key)).toEqual(['b'])
      },
    },
    {
      title: 'set writes over them',
      async run(trial) {
        const { cache } = trial
        await putUnreadable(trial, 'a', 'b')
        expect(await cache.set('a', 'v')).toBe(true)
        expect(await cache.setMany([['b', 'v']])).toEqual([])
        expect((await cache.getMany(['a', 'b'])).size).toBe(2)
      },
    },
    {
      title: 'their event needs no listener',
      async run(trial) {
        await putUnreadable(trial, 'k')
        expect(await trial.cache.get('k')).toBeUndefined()
        expect(trial.cache.stats().errors).toBe(1)
      },
    },
    {
      title: 'bare digits read as a number, and other bare text as text',
      async run(trial) {
        const { cache } = trial
        await trial.raw.put('digits', { flags: 0, data: '41' })
        await trial.raw.put('text', { flags: 0, data: Buffer.from('ключ') })
        await trial.raw.put('not canonical', { flags: 0, data: '007' })
        expect(await cache.get('digits')).toBe(41)
        expect(await cache.increment('digits')).toBe(42)
        expect(await cache.get('text')).toBe('ключ')
        expect(await cache.get('not canonical')).toBe('007')
      },
    },
  ],
}
