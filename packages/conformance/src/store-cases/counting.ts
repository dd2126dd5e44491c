import type { Item } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem, fresh } from '../sample-items.js'

const most = Number.MAX_SAFE_INTEGER

const noCounters: Record<string, Item> = {
  'a text': { flags: 0, data: 'text' },
  'a text that begins with a number': { flags: 0, data: '41 monkeys' },
  'a number with a blank before it': { flags: 0, data: ' 41' },
  'a number with a zero before it': { flags: 0, data: '041' },
  'a negative number': { flags: 2, data: '-41' },
  'a fraction': { flags: 2, data: '4.1' },
  'a number past 2^53−1': { flags: 2, data: '9007199254740992' },
  nothing: { flags: 2, data: '' },
  'digits under the flags of text': { flags: 16, data: '41' },
  'digits under the flags of bytes': { flags: 64, data: Buffer.from('41') },
  'digits under flags of a later format': { flags: 2 ** 14, data: '41' },
  'digits with metadata': fresh('41', 2),
}

export const counting: StoreCapability = {
  name: 'counters',
  cases: [
    {
      title: 'an absent one is missing, or created as it says',
      async run(trial) {
        expect(await trial.count('k', 1)).toEqual({ refused: 'missing' })
        expect(await trial.get('k')).toBeUndefined()
        expect(await trial.count('k', 5, { value: 41 })).toEqual({ value: 41 })
        expectItem(await trial.get('k'), { flags: 2, data: '41' })
        expect(await trial.count('zero', -5, { value: 0 })).toEqual({ value: 0 })
        expect(await trial.count('most', 1, { value: most })).toEqual({ value: most })
        expect(await trial.text('most')).toBe(String(most))
      },
    },
    {
      title: 'adds, and subtracts to 0 at the least',
      async run(trial) {
        await trial.count('k', 1, { value: 10 })
        expect(await trial.count('k', 5, { value: 1 })).toEqual({ value: 15 })
        expect(await trial.count('k', 0)).toEqual({ value: 15 })
        expect(await trial.count('k', -6)).toEqual({ value: 9 })
        expectItem(await trial.get('k'), { flags: 2, data: '9' })
        expect(await trial.count('k', -10)).toEqual({ value: 0 })
        expectItem(await trial.get('k'), { flags: 2, data: '0' })
        expect(await trial.count('k', 1)).toEqual({ value: 1 })
      },
    },
    {
      title: 'is out of range past 2^53−1, counted or created, and stays as it was',
      async run(trial) {
        expect(await trial.count('k', 1, { value: most + 1 })).toEqual({ refused: 'out-of-range' })
        expect(await trial.get('k')).toBeUndefined()
        await trial.count('k', 1, { value: most - 1 })
        expect(await trial.count('k', 2)).toEqual({ refused: 'out-of-range' })
        expect(await trial.count('k', 1, { value: most + 1 })).toEqual({ value: most })
        expect(await trial.count('k', most)).toEqual({ refused: 'out-of-range' })
        expect(await trial.count('k', -most)).toEqual({ value: 0 })
      },
    },
    {
      title: 'digits count under each flag that the format names',
      async run(trial) {
        for (const flags of nativeFormat.counterFlags) {
          for (const data of ['41', Buffer.from('41')]) {
            await trial.put('k', { flags, data })
            expect(await trial.count('k', 1), `flags ${flags}`).toEqual({ value: 42 })
            expectItem(await trial.get('k'), { flags, data: '42' })
          }
        }
      },
    },
    {
      title: 'nothing else is a counter, and it stays as it was',
      async run(trial) {
        for (const [name, item] of Object.entries(noCounters)) {
          await trial.put(name, item)
          expect(await trial.count(name, 1, { value: 1 }), name).toEqual({ refused: 'not-a-counter' })
          expect(await trial.count(name, -1), name).toEqual({ refused: 'not-a-counter' })
          expectItem(await trial.get(name), item)
        }
      },
    },
    {
      title: 'is counted by all at once',
      async run(trial) {
        const counted = await Promise.all(Array.from({ length: 100 }, () => trial.count('k', 1, { value: 1 })))
        expect(counted).toEqual(Array.from({ length: 100 }, (_, i) => ({ value: i + 1 })))
      },
    },
    {
      title: 'keeps its ttl while it is counted, and has the ttl it was created with',
      waits: true,
      async run(trial) {
        await trial.count('short', 1, { value: 1, ttl: 3000 })
        await trial.count('short', 1, { value: 1, ttl: 600_000 })
        await trial.count('long', 1, { value: 1, ttl: 600_000 })
        await trial.count('long', 1, { value: 1, ttl: 3000 })
        await trial.put('endless', { flags: 2, data: '1' })
        await trial.count('endless', -1, { value: 1, ttl: 3000 })
        await trial.expire(3000)
        expect(await trial.get('short')).toBeUndefined()
        expect(await trial.count('short', 5, { value: 7 })).toEqual({ value: 7 })
        expect(await trial.text('long')).toBe('2')
        expect(await trial.text('endless')).toBe('0')
      },
    },
  ],
}
