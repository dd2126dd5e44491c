import type { Item } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { expect } from 'vitest'
import type { Case, StoreCapability } from '../case.js'
import { absentItems, expectItem, fresh, marked, markedItems } from '../sample-items.js'
import { lease, type StoreTrial } from '../store-trial.js'

/** What every verb but a read and a write makes of an item that counts as absent. */
function casesOf(name: string, item: () => Item): Case<StoreTrial>[] {
  return [
    {
      title: `${name} is deleted, and was not there: by remove, by removeMany and by take`,
      async run(trial) {
        for (const key of ['remove', 'a', 'b', 'take']) await trial.put(key, item())
        await trial.put('there', 'v')
        expect(await trial.remove('remove')).toBe(false)
        expect(await trial.space.removeMany(['a', 'there', 'b', 'nothing'], trial.call())).toEqual([
          false,
          true,
          false,
          false,
        ])
        await trial.take('take')
        expect(await trial.getMany(['remove', 'a', 'b', 'take'])).toEqual([undefined, undefined, undefined, undefined])
      },
    },
    {
      title: `${name} is missing to touch`,
      async run(trial) {
        for (const ttl of [60_000, Number.POSITIVE_INFINITY]) {
          await trial.put('k', item())
          expect(await trial.touch('k', ttl)).toBe('missing')
        }
      },
    },
    {
      title: `${name} stays as it was when it is touched`,
      async run(trial) {
        const written = item()
        await trial.put('k', written)
        await trial.touch('k', 60_000)
        await trial.touch('k', Number.POSITIVE_INFINITY)
        expectItem(await trial.get('k'), written)
      },
    },
    {
      title: `${name} is counted over from where the counter is created, and stays where none is`,
      async run(trial) {
        const written = item()
        await trial.put('k', written)
        expect(await trial.count('k', 1)).toEqual({ refused: 'missing' })
        expect(await trial.count('k', 1, { value: 2 ** 53 })).toEqual({ refused: 'out-of-range' })
        expectItem(await trial.get('k'), written)
        expect(await trial.count('k', 5, { value: 7 })).toEqual({ value: 7 })
        expect(await trial.count('k', 5, { value: 7 })).toEqual({ value: 12 })
        expect(await trial.text('k')).toBe('12')
        await trial.put('down', item())
        expect(await trial.count('down', -5, { value: 0 })).toEqual({ value: 0 })
      },
    },
    {
      title: `${name} is counted over though the key was a counter before, of this process or another`,
      async run(trial) {
        const spaces = [trial.space, ...(trial.limits.shared ? [await trial.elsewhere()] : [])]
        for (const [i, space] of spaces.entries()) {
          for (let round = 0; round < 3; round++) await trial.count(`k${i}`, 1, { value: 1 })
          await space.write({ key: `k${i}`, item: item(), ttl: Number.POSITIVE_INFINITY, when: 'always' }, trial.call())
          expect(await trial.count(`k${i}`, 1)).toEqual({ refused: 'missing' })
          expect(await trial.count(`k${i}`, 1, { value: 7 })).toEqual({ value: 7 })
          expect(await trial.count(`k${i}`, 1)).toEqual({ value: 8 })
        }
      },
    },
    {
      title: `${name} is not listed by keys`,
      only: limits => limits.keys,
      async run(trial) {
        for (const key of ['a', 'b', 'c', 'd']) await trial.put(key, 'v')
        await trial.put('b', item())
        await trial.put('e', item())
        expect(await trial.keys()).toEqual(['a', 'c', 'd'])
        expect(await trial.keys('b')).toEqual([])
        await trial.write('b', 'v', 'absent')
        expect(await trial.keys()).toEqual(['a', 'b', 'c', 'd'])
      },
    },
    {
      title: `${name} is not kept alive by touch, and a counter over it has a ttl of its own`,
      waits: true,
      async run(trial) {
        await trial.put('touched', item(), 1000)
        await trial.touch('touched', 60_000)
        await trial.put('forever', item(), 1000)
        await trial.touch('forever', Number.POSITIVE_INFINITY)
        await trial.put('counted', item(), 1000)
        await trial.count('counted', 1, { value: 1 })
        await trial.put('counted for less', item())
        await trial.count('counted for less', 1, { value: 1, ttl: 1000 })
        await trial.expire(1000)
        expect(await trial.getMany(['touched', 'forever', 'counted for less'])).toEqual([
          undefined,
          undefined,
          undefined,
        ])
        expect(await trial.text('counted')).toBe('1')
      },
    },
  ]
}

export const absence: StoreCapability = {
  name: 'what counts as absent',
  cases: [
    ...Object.entries(absentItems).flatMap(([name, item]) => casesOf(name, item)),
    {
      title: 'an entry goes stale at its soft deadline',
      async run(trial) {
        const softDeadline = trial.epochNow() + 400
        await trial.put('k', marked('v', { softDeadline }))
        const { outcome } = await trial.write('k', 'never', 'absent')
        // A busy machine may come too late.
        if (trial.epochNow() < softDeadline) expect(outcome).toBe('exists')
        else await trial.put('k', marked('v', { softDeadline }))
        while (trial.epochNow() <= softDeadline) await trial.pass(50)
        expect(await trial.touch('k', 60_000)).toBe('missing')
        expect((await trial.write('k', 'new', 'present')).outcome).toBe('missing')
        expect(await trial.remove('k')).toBe(false)
      },
    },
    ...Object.entries(markedItems).map(([name, item]) => ({
      title: `${name} is there to every verb`,
      async run(trial: StoreTrial) {
        for (const key of ['add', 'replace', 'count', 'remove', 'many', 'take']) await trial.put(key, item())
        expect((await trial.write('add', 'v', 'absent')).outcome).toBe('exists')
        expect((await trial.write('replace', 'v', 'present')).outcome).toBe('stored')
        expect(await trial.count('count', 1, { value: 1 })).toEqual({ refused: 'not-a-counter' })
        if (trial.limits.keys) expect(await trial.keys()).toEqual(['add', 'count', 'many', 'remove', 'replace', 'take'])
        expect(await trial.remove('remove')).toBe(true)
        expect(await trial.space.removeMany(['many'], trial.call())).toEqual([true])
        expect(await trial.take('take')).toBeDefined()
      },
    })),
    {
      title: 'among many keys, leases and values are distinguished',
      async run(trial) {
        const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`)
        await Promise.all(keys.map((key, i) => trial.put(key, i % 3 === 0 ? lease() : i % 3 === 1 ? 'v' : fresh('v'))))
        if (trial.limits.keys) expect(await trial.keys()).toHaveLength(40)
        const there = keys.map((_, i) => i % 3 !== 0)
        const found = await trial.getMany(keys)
        expect(found.map(item => item?.flags !== FLAG_LEASE)).toEqual(there)
        expect(await trial.space.removeMany(keys, trial.call())).toEqual(there)
        expect(await trial.getMany(keys)).toEqual(keys.map(() => undefined))
      },
    },
  ],
}
