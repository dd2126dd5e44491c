import type { Item } from '@anycache/core'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem, fresh } from '../sample-items.js'
import { lease } from '../store-trial.js'

const forever = Number.POSITIVE_INFINITY

export const many: StoreCapability = {
  name: 'many keys at once',
  cases: [
    {
      title: 'no keys and no writes at once are no answers',
      async run(trial) {
        expect(await trial.space.writeMany([], trial.call())).toEqual([])
        expect(await trial.space.getMany([], trial.call())).toEqual([])
        expect(await trial.space.removeMany([], trial.call())).toEqual([])
      },
    },
    {
      title: 'are answered in their order, whatever lies under each',
      async run(trial) {
        const items: Record<string, Item> = {
          text: { flags: 0, data: 'text' },
          lease: lease(),
          bytes: { flags: 64, data: Buffer.from([0, 1]) },
          metadata: fresh('text'),
        }
        for (const [key, item] of Object.entries(items)) await trial.put(key, item)
        const keys = ['metadata', 'nothing', 'bytes', 'lease', 'nothing either', 'text']
        for (const order of [keys, [...keys].reverse()]) {
          const found = await trial.getMany(order)
          for (const [i, key] of order.entries()) {
            if (items[key] === undefined) expect(found[i]).toBeUndefined()
            else expectItem(found[i], items[key])
          }
        }
      },
    },
    {
      title: 'are as many as a batch of any size: each has an answer of its own',
      async run(trial) {
        const keys = Array.from({ length: 2500 }, (_, i) => `key ${i}`)
        const itemOf = (i: number): Item =>
          i % 3 === 0 ? fresh(`value ${i}`) : { flags: 64, data: Buffer.from(`value ${i}`) }
        const writes = keys.map((key, i) => ({ key, item: itemOf(i), ttl: forever, when: 'absent' as const }))
        const written = await trial.space.writeMany(writes, trial.call())
        expect(new Set(written.map(answer => ('outcome' in answer ? answer.outcome : answer.failure.code)))).toEqual(
          new Set(['stored']),
        )
        const found = await trial.getMany(keys)
        expect(found.map(item => Buffer.from(item?.data as Uint8Array).toString())).toEqual(
          keys.map((_, i) => `value ${i}`),
        )
        expect(found.map(item => item?.metadata !== undefined)).toEqual(keys.map((_, i) => i % 3 === 0))
        const removed = await trial.space.removeMany(
          keys.filter((_, i) => i % 2 === 0),
          trial.call(),
        )
        expect(new Set(removed)).toEqual(new Set([true]))
        expect((await trial.getMany(keys)).map(Boolean)).toEqual(keys.map((_, i) => i % 2 !== 0))
      },
    },
  ],
}
