import { FLAG_LEASE, FLAG_METADATA, type Format, nativeFormat } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem } from '../sample-items.js'
import { found } from '../store-trial.js'

const forever = Number.POSITIVE_INFINITY
const create = { value: 7, ttl: forever }

/** As other clients write: the store keeps such a format, or refuses it when the space is opened. */
const otherCounters: Format = { ...nativeFormat, counterFlags: [4, 1] }
const withoutMetadata: Format = { ...nativeFormat, metadata: false }
const plainKeys: Format = { ...nativeFormat, plainKeys: true }

export const formats: StoreCapability = {
  name: 'formats of other clients',
  cases: [
    {
      title: 'counters have the flags that the format names, a new one the first of them',
      async run(trial) {
        const space = trial.formatted(otherCounters)
        if (space === undefined) return
        expect(await space.count('new', 1, create, trial.call())).toEqual({ value: 7 })
        expect(await space.count('new', 1, create, trial.call())).toEqual({ value: 8 })
        const item = found(await space.get('new', trial.call()))
        expect(item?.flags).toBe(4)
        for (const [flags, counted] of [
          [4, { value: 42 }],
          [1, { value: 42 }],
          [2, { refused: 'not-a-counter' }],
          [0, { refused: 'not-a-counter' }],
        ] as const) {
          await space.write({ key: 'k', item: { flags, data: '41' }, ttl: forever, when: 'always' }, trial.call())
          expect(await space.count('k', 1, create, trial.call()), `flags ${flags}`).toEqual(counted)
        }
      },
    },
    {
      title: 'without metadata bits 12 and 13 are flags like others, and such items are there to every verb',
      async run(trial) {
        const space = trial.formatted(withoutMetadata)
        if (space === undefined) return
        for (const flags of [FLAG_LEASE, FLAG_METADATA, FLAG_LEASE | FLAG_METADATA]) {
          const item = { flags, data: 'text of another client' }
          const write = { key: 'k', item, ttl: forever } as const
          expect((await space.write({ ...write, when: 'always' }, trial.call())).outcome).toBe('stored')
          expectItem(found(await space.get('k', trial.call())), item)
          expect((await space.write({ ...write, when: 'absent' }, trial.call())).outcome).toBe('exists')
          expect((await space.write({ ...write, when: 'present' }, trial.call())).outcome).toBe('stored')
          expect(await space.touch('k', 60_000, trial.call())).toBe('touched')
          expect(await space.count('k', 1, create, trial.call())).toEqual({ refused: 'not-a-counter' })
          if (trial.limits.keys) expect(await trial.keys('*', space)).toEqual(['k'])
          const taken = await space.take('k', trial.call())
          expectItem(taken, item)
          await space.write({ ...write, when: 'absent' }, trial.call())
          expect(await space.remove('k', undefined, trial.call())).toBe(true)
        }
      },
    },
    {
      title: 'plain keys travel as they are, behind the names of the namespace',
      async run(trial) {
        const space = trial.formatted(plainKeys)
        if (space === undefined) return
        for (const key of ['k', 'a/b:c', `${'k'.repeat(64)}~#${'A'.repeat(43)}`]) {
          await space.write({ key, item: { flags: 0, data: key }, ttl: forever, when: 'always' }, trial.call())
          const wireKey = await space.wireKey(key, trial.call())
          expect(wireKey.endsWith(`:${key}`)).toBe(true)
          expect(wireKey).not.toContain('~k')
          expectItem(found(await space.get(key, trial.call())), { flags: 0, data: key })
        }
      },
    },
  ],
}
