import { randomBytes } from 'node:crypto'
import { FLAG_LEASE, FLAG_METADATA } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { absentItems, expectItem, fresh, marked, markedItems } from '../sample-items.js'
import { lease, type StoreTrial } from '../store-trial.js'

/** Every bit by itself, and many at once; bit 12 belongs to metadata. */
const flags = [
  ...Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter(flag => flag !== FLAG_METADATA),
  0,
  3,
  127,
  128,
  0x0fff,
  0x2fff,
  0x7fff_efff,
  0xffff_efff,
]

const payloads = {
  'empty text': '',
  'text of every width': 'a\0\r\né€💥',
  'text that looks like a frame': '\u00c1\u0001',
  'empty bytes': new Uint8Array(0),
  'bytes that look like a frame': Buffer.from([0xc1, 0x01, 0x80, 0x40]),
  'bytes that are no text': Buffer.from([0, 0xff, 0xfe, 0x0d, 0x0a]),
  'a slice of a larger buffer': Buffer.from('xxsliceyy').subarray(2, 7),
  'every byte': Uint8Array.from({ length: 256 }, (_, i) => i),
  'a long text': 'long text, '.repeat(10_000),
  'many bytes': randomBytes(100_000),
}

export const items: StoreCapability = {
  name: 'items',
  cases: [
    {
      title: 'flags from 0 to 2^32−1 come back as they were',
      async run(trial) {
        await Promise.all(flags.map(each => trial.put(`flags ${each}`, { flags: each, data: 'payload' })))
        for (const each of flags) expectItem(await trial.get(`flags ${each}`), { flags: each, data: 'payload' })
      },
    },
    ...Object.entries(payloads).map(([name, data]) => ({
      title: `${name} comes back byte for byte, under any flags and with metadata`,
      async run(trial: StoreTrial) {
        const items = [{ flags: 0, data }, { flags: 64, data }, { flags: 2 ** 31, data }, fresh(data), fresh(data, 64)]
        await Promise.all(items.map((item, i) => trial.put(`item ${i}`, item)))
        for (const [i, item] of items.entries()) expectItem(await trial.get(`item ${i}`), item)
        const keys = items.map((_, i) => `item ${i}`)
        const many = await trial.getMany(keys)
        for (const [i, item] of items.entries()) expectItem(many[i], item)
        for (const [i, item] of items.entries()) expectItem(await trial.take(`item ${i}`), item)
      },
    })),
    ...Object.entries({ ...markedItems, ...absentItems }).map(([name, item]) => ({
      title: `${name} comes back as it was written, from every read`,
      async run(trial: StoreTrial) {
        const written = item()
        await trial.put('k', written)
        expectItem(await trial.get('k'), written)
        const many = await trial.getMany(['nothing', 'k'])
        expect(many[0]).toBeUndefined()
        expectItem(many[1], written)
        const taken = await trial.take('k')
        if (taken !== undefined) expectItem(taken, written)
        expect(await trial.get('k')).toBeUndefined()
      },
    })),
    {
      title: 'metadata as long as it gets comes back byte for byte',
      async run(trial) {
        const tags = new Map(Array.from({ length: 400 }, (_, i) => [`${i} ${'tag'.repeat(45)}`, randomBytes(8)]))
        const item = marked('payload', { tags })
        expect(item.metadata?.length).toBeGreaterThan(58_000)
        await trial.put('k', item)
        expectItem(await trial.get('k'), item)
      },
    },
    {
      title: 'an item that is written over another leaves nothing of it, neither flags nor metadata',
      async run(trial) {
        const items = [
          fresh('first'),
          { flags: 2 ** 31, data: 'second' },
          lease(),
          { flags: 0, data: 'third' },
          fresh(''),
        ]
        for (const item of items) {
          await trial.put('k', item)
          expectItem(await trial.get('k'), item)
        }
      },
    },
    {
      title: 'the bit of a lease among other flags makes no lease: such an item is there to every verb',
      async run(trial) {
        const item = { flags: FLAG_LEASE | 64, data: Buffer.from('an item of a later format') }
        await Promise.all(['add', 'replace', 'touch', 'count', 'remove'].map(key => trial.put(key, item)))
        expect((await trial.write('add', 'v', 'absent')).outcome).toBe('exists')
        expect((await trial.write('replace', 'v', 'present')).outcome).toBe('stored')
        expect(await trial.touch('touch', 60_000)).toBe('touched')
        expect(await trial.count('count', 1, { value: 1 })).toEqual({ refused: 'not-a-counter' })
        if (trial.limits.keys) expect(await trial.keys()).toContain('touch')
        expect(await trial.remove('remove')).toBe(true)
      },
    },
  ],
}
