import type { CasToken, Failed, Item, Written } from '@anycache/core'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { outcomeOf } from '../expectations.js'
import { cas } from '../limits.js'
import { absentItems, expectItem, fresh, marked } from '../sample-items.js'
import { lease, type StoreTrial } from '../store-trial.js'

const forever = Number.POSITIVE_INFINITY
const unknown = 'a token that no store made' as CasToken

/** One of each kind: what a token is made of may differ between them. */
const kinds: Record<string, () => Item> = {
  'a text': () => ({ flags: 0, data: 'text' }),
  'a long text': () => ({ flags: 0, data: 'long text, '.repeat(10_000) }),
  'a number': () => ({ flags: 2, data: '41' }),
  bytes: () => ({ flags: 64, data: Buffer.from([0xc1, 0x01, 0xff]) }),
  'an empty item': () => ({ flags: 64, data: '' }),
  'an entry with metadata': () => fresh('text'),
  'a stale entry': () => marked(Buffer.from([1, 2]), { softDeadline: 1 }, 64),
  'a lease': lease,
}

function tokenIn(written: Written | Failed): CasToken {
  if ('outcome' in written && written.outcome === 'stored' && written.casToken !== undefined) return written.casToken
  throw new Error(`a write under a casToken answered ${JSON.stringify(written)}, which carries no new token`)
}

export const casTokens: StoreCapability = {
  name: 'cas tokens',
  cases: [
    {
      title: 'versioned reads carry one, of every kind of item',
      only: cas,
      async run(trial) {
        for (const [key, item] of Object.entries(kinds)) await trial.put(key, item())
        const keys = Object.keys(kinds)
        const many = await trial.getMany(keys)
        for (const [i, key] of keys.entries()) {
          const casToken = await trial.token(key)
          expect(typeof casToken).toBe('string')
          expect(many[i]?.casToken, key).toBe(casToken)
        }
        expect(new Set(many.map(item => item?.casToken)).size).toBe(keys.length)
      },
    },
    {
      title: 'is the same until the key is written',
      only: cas,
      async run(trial) {
        await trial.put('k', 'old')
        const casToken = await trial.token('k')
        await trial.write('k', 'other', 'absent')
        await trial.put('another', 'v')
        expect(await trial.token('k')).toBe(casToken)
        await trial.put('k', 'new')
        expect(await trial.token('k')).not.toBe(casToken)
      },
    },
    ...Object.entries(kinds).map(([name, item]) => ({
      title: `a write under the token of ${name} stores, whatever it writes, and carries the new one`,
      only: cas,
      async run(trial: StoreTrial) {
        await trial.put('k', item())
        let casToken = await trial.token('k')
        for (const [next, each] of Object.entries(kinds)) {
          const old = casToken
          const written = each()
          casToken = tokenIn(await trial.write('k', written, { casToken: old }))
          expectItem(await trial.get('k'), written)
          expect(casToken, next).toBe(await trial.token('k'))
          // Equal bytes may be one version to a store.
          if (next !== name) expect((await trial.write('k', 'never', { casToken: old })).outcome, next).toBe('conflict')
        }
        tokenIn(await trial.write('k', 'last', { casToken }))
        expect(await trial.text('k')).toBe('last')
      },
    })),
    {
      title:
        'after another write it conflicts, after a delete it is missing, and a token that no store made fits nothing',
      only: cas,
      async run(trial) {
        await trial.put('k', 'old')
        const casToken = await trial.token('k')
        expect((await trial.write('k', 'never', { casToken: unknown })).outcome).toBe('conflict')
        await trial.put('k', 'new')
        expect((await trial.write('k', 'never', { casToken })).outcome).toBe('conflict')
        expect(await trial.text('k')).toBe('new')
        await trial.remove('k')
        expect((await trial.write('k', 'never', { casToken })).outcome).toBe('missing')
        expect((await trial.write('k', 'never', { casToken: unknown })).outcome).toBe('missing')
        expect(await trial.get('k')).toBeUndefined()
      },
    },
    {
      title: 'cas with whatever lies there, what counts as absent too',
      only: cas,
      async run(trial) {
        for (const [name, item] of Object.entries(absentItems)) {
          await trial.put('k', item())
          expect((await trial.write('k', 'never', { casToken: unknown })).outcome, name).toBe('conflict')
          tokenIn(await trial.write('k', 'text', { casToken: await trial.token('k') }))
          expect(await trial.text('k')).toBe('text')
        }
      },
    },
    {
      title: 'of many writes under one token at once one stores, and its token fits',
      only: cas,
      async run(trial) {
        await trial.put('k', 'old')
        const casToken = await trial.token('k')
        const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => trial.write('k', `${i}`, { casToken })))
        expect(answers.map(({ outcome }) => outcome)).toEqual(['stored', ...new Array(19).fill('conflict')])
        expect(await trial.text('k')).toBe('0')
        expect((await trial.write('k', 'next', { casToken: tokenIn(answers[0] as Written) })).outcome).toBe('stored')
      },
    },
    {
      title: 'many writes at once, each under a token of its own, each carry the new one',
      only: cas,
      async run(trial) {
        const keys = ['a', 'b', 'missing', 'overtaken', 'leased', 'c']
        for (const key of keys) await trial.put(key, key === 'leased' ? lease() : `old ${key}`)
        const tokens = await Promise.all(keys.map(key => trial.token(key)))
        await trial.remove('missing')
        await trial.put('overtaken', 'newer')
        const writes = keys.map((key, i) => ({
          key,
          item: { flags: 0, data: `new ${key}` },
          ttl: forever,
          when: { casToken: tokens[i] as CasToken },
        }))
        const answers = await trial.space.writeMany(writes, trial.call())
        expect(answers.map(answer => ('outcome' in answer ? answer.outcome : answer.failure.code))).toEqual([
          'stored',
          'stored',
          'missing',
          'conflict',
          'stored',
          'stored',
        ])
        for (const [i, key] of keys.entries()) {
          if (key === 'missing' || key === 'overtaken') continue
          expect(await trial.text(key)).toBe(`new ${key}`)
          expect((await trial.write(key, 'last', { casToken: tokenIn(answers[i] as Written) })).outcome).toBe('stored')
        }
        expect(await trial.text('overtaken')).toBe('newer')
      },
    },
    {
      title: 'remove with a token deletes that version and no other',
      only: cas,
      async run(trial) {
        await trial.put('k', 'old')
        const old = await trial.token('k')
        await trial.put('k', 'new')
        expect(await trial.remove('k', old)).toBe(false)
        expect(await trial.remove('k', unknown)).toBe(false)
        expect(await trial.text('k')).toBe('new')
        expect(await trial.remove('k', await trial.token('k'))).toBe(true)
        expect(await trial.get('k')).toBeUndefined()
        expect(await trial.remove('k', old)).toBe(false)
      },
    },
    {
      title: 'remove with the token of what counts as absent deletes that version and no other',
      only: cas,
      async run(trial) {
        for (const [name, item] of Object.entries(absentItems)) {
          await trial.put('k', item())
          const casToken = await trial.token('k')
          await trial.put('k', 'a value')
          expect(await trial.remove('k', casToken), name).toBe(false)
          expect(await trial.text('k'), name).toBe('a value')
          await trial.put('k', item())
          await trial.remove('k', await trial.token('k'))
          expect(await trial.get('k'), name).toBeUndefined()
        }
      },
    },
    {
      title: 'an old token deletes nothing, though the key is written and deleted around it in the same tick',
      only: cas,
      async run(trial) {
        await trial.put('k', 'old')
        const old = await trial.token('k')
        const answers = await Promise.all([
          trial.write('k', 'new'),
          trial.remove('k', old),
          trial.text('k'),
          trial.remove('k'),
          trial.write('k', 'never', { casToken: old }),
        ])
        expect(answers).toMatchObject([{ outcome: 'stored' }, false, 'new', true, { outcome: 'missing' }])
      },
    },
    {
      title: 'a store without versions refuses every verb that cas them, and carries out the others',
      only: limits => !limits.cas,
      async run(trial) {
        await trial.put('k', 'old')
        const casToken = unknown
        const write = { key: 'k', item: { flags: 0, data: 'never' }, ttl: forever, when: { casToken } }
        const calls: Record<string, () => Promise<unknown>> = {
          write: () => trial.write('k', 'never', { casToken }),
          claim: () => trial.claim('nothing'),
          remove: () => trial.remove('k', casToken),
          writeMany: async () => {
            const [answer] = await trial.space.writeMany([write], trial.call())
            if (answer !== undefined && 'failure' in answer) throw answer.failure
            return answer
          },
        }
        for (const [verb, call] of Object.entries(calls)) {
          const outcome = (await outcomeOf(call())) as { error?: { code: string } }
          expect(outcome.error?.code, verb).toBe('ERR_CACHE_NOT_SUPPORTED')
        }
        expect(await trial.text('k')).toBe('old')
        expect(await trial.get('nothing')).toBeUndefined()
        expect(await trial.remove('k')).toBe(true)
      },
    },
  ],
}
