import type { Condition, Item, Written } from '@anycache/core'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { absentItems, expectItem, fresh } from '../sample-items.js'
import { lease, type StoreTrial } from '../store-trial.js'

const there: Record<string, () => Item> = {
  'a text': () => ({ flags: 0, data: 'old' }),
  'a number': () => ({ flags: 2, data: '41' }),
  'an entry with metadata': () => fresh('old'),
  'an unreadable item': () => ({ flags: 2 ** 14, data: Buffer.from([1, 2, 3]) }),
}
const written: Item = { flags: 64, data: Buffer.from('new') }
const reachable = ({ maxItemBytes }: StoreTrial['limits']): boolean => maxItemBytes <= 8 * 2 ** 20

async function expectWrite(trial: StoreTrial, when: Condition, outcome: Written['outcome']): Promise<void> {
  const before = await trial.get('k')
  expect((await trial.write('k', written, when)).outcome).toBe(outcome)
  const after = await trial.get('k')
  if (outcome === 'stored') expectItem(after, written)
  else if (before === undefined) expect(after).toBeUndefined()
  else expectItem(after, before)
}

export const conditions: StoreCapability = {
  name: 'conditions of a write',
  cases: [
    {
      title: 'over nothing: always and absent store, present does not',
      async run(trial) {
        await expectWrite(trial, 'present', 'missing')
        await expectWrite(trial, 'absent', 'stored')
        await trial.remove('k')
        await expectWrite(trial, 'always', 'stored')
      },
    },
    ...Object.entries(there).map(([name, item]) => ({
      title: `over ${name}: always and present store, absent does not`,
      async run(trial: StoreTrial) {
        await trial.put('k', item())
        await expectWrite(trial, 'absent', 'exists')
        await expectWrite(trial, 'present', 'stored')
        await trial.put('k', item())
        await expectWrite(trial, 'always', 'stored')
      },
    })),
    ...Object.entries(absentItems).map(([name, item]) => ({
      title: `over ${name}: always and absent store, present does not and leaves it there`,
      async run(trial: StoreTrial) {
        await trial.put('k', item())
        await expectWrite(trial, 'present', 'missing')
        await expectWrite(trial, 'absent', 'stored')
        await trial.put('k', item())
        await expectWrite(trial, 'always', 'stored')
        await expectWrite(trial, 'absent', 'exists')
      },
    })),
    {
      title: 'of many writes with absent at once one stores, over nothing and over a lease',
      async run(trial) {
        await trial.put('leased', lease())
        for (const key of ['nothing', 'leased']) {
          const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => trial.write(key, `${i}`, 'absent')))
          expect(outcomes.map(each => each.outcome)).toEqual(['stored', ...new Array(19).fill('exists')])
          expect(await trial.text(key)).toBe('0')
        }
      },
    },
    {
      title: 'an item over the limit: absent afterwards under always, untouched under any other condition',
      only: reachable,
      async run(trial) {
        const large = { flags: 64, data: Buffer.alloc(trial.limits.maxItemBytes + 1) }
        for (const when of ['absent', 'present'] as const) {
          if (when === 'present') await trial.put('k', 'old')
          expect((await trial.write('k', large, when)).outcome).toBe('too-large')
        }
        expect(await trial.text('k')).toBe('old')
        expect((await trial.write('k', large, 'always')).outcome).toBe('too-large')
        expect(await trial.get('k')).toBeUndefined()
      },
    },
    {
      title: 'many writes at once are judged one by one, and answered in their order',
      async run(trial) {
        await trial.put('there', 'old')
        await trial.put('leased', lease())
        await trial.put('stale', absentItems['a stale entry']!())
        const whens = [
          ['nothing', 'absent', 'stored'],
          ['there', 'absent', 'exists'],
          ['leased', 'present', 'missing'],
          ['new', 'always', 'stored'],
          ['there too', 'present', 'missing'],
          ['stale', 'absent', 'stored'],
        ] as const
        const writes = whens.map(([key, when]) => ({ key, item: written, ttl: Number.POSITIVE_INFINITY, when }))
        const answers = await trial.space.writeMany(writes, trial.call())
        expect(answers.map(answer => ('outcome' in answer ? answer.outcome : answer.failure.code))).toEqual(
          whens.map(([, , outcome]) => outcome),
        )
        for (const key of ['nothing', 'new', 'stale']) expectItem(await trial.get(key), written)
        expect(await trial.text('there')).toBe('old')
        expect(await trial.get('there too')).toBeUndefined()
        expect((await trial.get('leased'))?.flags).toBe(8192)
      },
    },
  ],
}
