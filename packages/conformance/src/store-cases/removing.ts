import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem, fresh } from '../sample-items.js'

export const removing: StoreCapability = {
  name: 'remove and take',
  cases: [
    {
      title: 'remove deletes, and answers whether something was there',
      async run(trial) {
        expect(await trial.remove('k')).toBe(false)
        for (const item of [{ flags: 0, data: 'v' }, { flags: 2 ** 14, data: 'unreadable' }, fresh('v')]) {
          await trial.put('k', item)
          expect(await trial.remove('k')).toBe(true)
          expect(await trial.get('k')).toBeUndefined()
          expect(await trial.remove('k')).toBe(false)
        }
      },
    },
    {
      title: 'removeMany answers for each key, in their order',
      async run(trial) {
        await trial.put('a', 'v')
        await trial.put('c', fresh('v'))
        expect(await trial.space.removeMany(['a', 'b', 'c'], trial.call())).toEqual([true, false, true])
        expect(await trial.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, undefined])
      },
    },
    {
      title: 'take reads and deletes, metadata and all',
      async run(trial) {
        expect(await trial.take('k')).toBeUndefined()
        for (const item of [{ flags: 2 ** 31, data: Buffer.from([0, 1]) }, fresh('v')]) {
          await trial.put('k', item)
          expectItem(await trial.take('k'), item)
          expect(await trial.take('k')).toBeUndefined()
          expect(await trial.get('k')).toBeUndefined()
        }
      },
    },
    {
      title: 'of many takes at once exactly one gets the item',
      async run(trial) {
        await trial.put('k', 'v')
        const spaces = [trial.space, ...(trial.limits.shared ? [await trial.elsewhere(), await trial.elsewhere()] : [])]
        const takes = await Promise.all(
          spaces.flatMap(space => Array.from({ length: 10 }, async () => space.take('k', trial.call()))),
        )
        expect(takes.filter(Boolean)).toHaveLength(1)
      },
    },
    {
      title: 'of many removes at once exactly one was first',
      async run(trial) {
        await trial.put('k', 'v')
        const removed = await Promise.all(Array.from({ length: 10 }, () => trial.remove('k')))
        expect(removed).toEqual([true, ...new Array(9).fill(false)])
      },
    },
  ],
}
