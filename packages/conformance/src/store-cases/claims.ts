import type { Claimed } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { cas } from '../limits.js'
import { absentItems, expectItem, fresh, markedItems } from '../sample-items.js'
import { lease } from '../store-trial.js'

function winners(claims: readonly Claimed[]): number[] {
  return claims.flatMap((claimed, i) => ('won' in claimed ? [i] : []))
}

/** What stood in the way of a claim that must not be won. */
function foundBy(claimed: Claimed): Extract<Claimed, { found: unknown }>['found'] {
  if ('won' in claimed) throw new Error('the claim was won, and something lay there')
  return claimed.found
}

export const claims: StoreCapability = {
  name: 'claims',
  cases: [
    {
      title: 'where nothing lies it is won, and the lease lies there as it was given',
      only: cas,
      async run(trial) {
        const mine = lease()
        const claimed = await trial.claim('k', 60_000, mine)
        expectItem(await trial.get('k'), mine)
        expect(claimed).toEqual({ won: await trial.token('k') })
      },
    },
    {
      title: 'finds what lies there: a value, one with metadata, a stale one, unreadable bytes',
      only: cas,
      async run(trial) {
        const there = {
          'a text': () => ({ flags: 0, data: 'text' }),
          'a number': () => ({ flags: 2, data: '41' }),
          'an unreadable item': () => ({ flags: 2 ** 14, data: Buffer.from([1, 2, 3]) }),
          ...markedItems,
          'a stale entry': absentItems['a stale entry']!,
          'a stale number': absentItems['a stale number']!,
        }
        for (const [name, item] of Object.entries(there)) {
          const written = item()
          await trial.put(name, written)
          expectItem(foundBy(await trial.claim(name)), written)
          expectItem(await trial.get(name), written)
        }
      },
    },
    {
      title: 'what it finds carries a token that fits',
      only: cas,
      async run(trial) {
        for (const item of [{ flags: 0, data: 'text' }, fresh('text'), absentItems['a stale entry']!(), lease()]) {
          await trial.put('k', item)
          const { casToken } = foundBy(await trial.claim('k'))
          expect((await trial.write('k', 'new', { casToken })).outcome).toBe('stored')
          expect((await trial.write('k', 'never', { casToken })).outcome).toBe('conflict')
          expect(await trial.text('k')).toBe('new')
        }
      },
    },
    {
      title: "finds another's lease, and leaves it there",
      only: cas,
      async run(trial) {
        const theirs = lease()
        const { won } = (await trial.claim('k', 60_000, theirs)) as { won: never }
        expectItem(foundBy(await trial.claim('k')), theirs)
        expectItem(await trial.get('k'), theirs)
        expect((await trial.write('k', 'loaded', { casToken: won })).outcome).toBe('stored')
      },
    },
    {
      title: "of many at once the first is won, and the others find the winner's lease",
      only: cas,
      async run(trial) {
        const leases = Array.from({ length: 20 }, lease)
        const claimed = await Promise.all(leases.map(each => trial.claim('k', 60_000, each)))
        expect(winners(claimed)).toEqual([0])
        for (const each of claimed.slice(1)) expectItem(foundBy(each), leases[0]!)
      },
    },
    {
      title: 'of many keys at once each is won',
      only: cas,
      async run(trial) {
        const keys = Array.from({ length: 200 }, (_, i) => `key ${i}`)
        const claimed = await Promise.all(keys.map(key => trial.claim(key)))
        expect(winners(claimed)).toHaveLength(keys.length)
        const stored = await Promise.all(
          claimed.map((each, i) => trial.write(keys[i]!, `value ${i}`, { casToken: (each as { won: never }).won })),
        )
        expect(new Set(stored.map(({ outcome }) => outcome))).toEqual(new Set(['stored']))
      },
    },
    {
      title: 'of two processes one wins',
      only: limits => limits.cas && limits.shared,
      async run(trial) {
        const others = await Promise.all(Array.from({ length: 3 }, () => trial.elsewhere()))
        const spaces = [trial.space, ...others]
        for (let round = 0; round < 20; round++) {
          const claimed = await Promise.all(
            spaces.map(async space => space.claim(`key ${round}`, lease(), 60_000, trial.call())),
          )
          expect(winners(claimed)).toHaveLength(1)
        }
      },
    },
    {
      title: 'the token of the winner stores once',
      only: cas,
      async run(trial) {
        const casToken = await trial.won('k')
        expect(await trial.write('k', fresh('loaded'), { casToken })).toMatchObject({ outcome: 'stored' })
        expect((await trial.write('k', 'never', { casToken })).outcome).toBe('conflict')
        expect(await trial.text('k')).toBe('loaded')
      },
    },
    {
      title: 'a delete in between makes its token missing, by every verb that deletes',
      only: cas,
      async run(trial) {
        const deletes: Record<string, (key: string) => unknown> = {
          remove: key => trial.remove(key),
          removeMany: key => trial.space.removeMany([key], trial.call()),
          take: key => trial.take(key),
        }
        for (const [key, remove] of Object.entries(deletes)) {
          const casToken = await trial.won(key)
          await remove(key)
          expect((await trial.write(key, 'loaded', { casToken })).outcome, key).toBe('missing')
          expect(await trial.get(key)).toBeUndefined()
        }
      },
    },
    {
      title: 'a clear in between makes its token missing, and the key can be claimed again',
      only: cas,
      async run(trial) {
        const casToken = await trial.won('k')
        await trial.space.clear(() => trial.call())
        expect((await trial.write('k', 'loaded', { casToken })).outcome).toBe('missing')
        expect(await trial.get('k')).toBeUndefined()
        await trial.won('k')
      },
    },
    {
      title: 'a clear by another process in between makes its token missing, and each of them can claim the key again',
      only: limits => limits.cas && limits.shared,
      async run(trial) {
        const other = await trial.elsewhere()
        for (let round = 0; round < 3; round++) {
          const casToken = await trial.won('k')
          expect(await other.claim('k', lease(), 60_000, trial.call())).toHaveProperty('found')
          await other.clear(() => trial.call())
          expect((await trial.write('k', 'loaded', { casToken })).outcome).toBe('missing')
          expect(await trial.get('k')).toBeUndefined()
          expect(await other.claim('k', lease(), 60_000, trial.call())).toHaveProperty('won')
          expect(await trial.claim('k')).toHaveProperty('found')
          await trial.remove('k')
        }
      },
    },
    {
      title: 'a write in between makes its token conflict, by every verb that writes',
      only: cas,
      async run(trial) {
        const writes: Record<string, (key: string) => unknown> = {
          always: key => trial.write(key, 'theirs'),
          absent: key => trial.write(key, 'theirs', 'absent'),
          count: key => trial.count(key, 1, { value: 1 }),
        }
        for (const [key, write] of Object.entries(writes)) {
          const casToken = await trial.won(key)
          await write(key)
          const theirs = await trial.text(key)
          expect((await trial.write(key, 'loaded', { casToken })).outcome, key).toBe('conflict')
          expect(await trial.text(key)).toBe(theirs)
        }
      },
    },
    {
      title: 'the winner gives it back by its token, and then another wins',
      only: cas,
      async run(trial) {
        const casToken = await trial.won('k')
        expect(await trial.remove('k', casToken)).toBe(true)
        expect(await trial.get('k')).toBeUndefined()
        const theirs = await trial.won('k')
        expect(await trial.remove('k', casToken)).toBe(false)
        expect(await trial.token('k')).toBe(theirs)
      },
    },
    {
      title: 'the winner renews it by its token and stores by the newest',
      only: cas,
      async run(trial) {
        let casToken = await trial.won('k')
        for (let round = 0; round < 3; round++) {
          const old = casToken
          const renewed = await trial.write('k', lease(), { casToken: old })
          casToken = (renewed as { casToken: typeof casToken }).casToken
          expect((await trial.write('k', 'never', { casToken: old })).outcome).toBe('conflict')
          expect((await trial.get('k'))?.flags).toBe(FLAG_LEASE)
        }
        expect((await trial.write('k', 'loaded', { casToken })).outcome).toBe('stored')
        expect(await trial.text('k')).toBe('loaded')
      },
    },
    {
      title: 'may last without end or for a moment',
      only: cas,
      waits: true,
      async run(trial) {
        const claimed = await trial.claim('endless', Number.POSITIVE_INFINITY)
        await trial.won('short', 1)
        await trial.won('fraction', 999.5)
        await trial.expire(1000)
        expect(claimed).toEqual({ won: await trial.token('endless') })
        await trial.won('short')
        await trial.won('fraction')
      },
    },
    {
      title: 'ends with its ttl: then the key is claimed by another, and the old token fits nothing',
      only: cas,
      waits: true,
      async run(trial) {
        const [left, taken] = [await trial.won('left', 3000), await trial.won('taken', 3000)]
        const started = performance.now()
        await trial.pass(500)
        const early = await trial.claim('left')
        // A busy machine may come too late.
        if (performance.now() - started < 2000) expect(foundBy(early).flags).toBe(FLAG_LEASE)
        else if ('won' in early) await trial.remove('left')
        await trial.expire(2500)
        expect(await trial.get('left')).toBeUndefined()
        expect((await trial.write('left', 'never', { casToken: left })).outcome).toBe('missing')
        const theirs = await trial.won('taken')
        expect((await trial.write('taken', 'never', { casToken: taken })).outcome).toBe('conflict')
        expect((await trial.write('taken', 'loaded', { casToken: theirs })).outcome).toBe('stored')
      },
    },
    {
      title: 'lasts as long as it was renewed for, and the value that follows has a ttl of its own',
      only: cas,
      waits: true,
      async run(trial) {
        let casToken = await trial.won('renewed', 3000)
        const renewed = await trial.write('renewed', lease(), { casToken }, 60_000)
        casToken = (renewed as { casToken: typeof casToken }).casToken
        await trial.write('stored', 'loaded', { casToken: await trial.won('stored', 3000) })
        await trial.write('short', 'loaded', { casToken: await trial.won('short', 60_000) }, 3000)
        await trial.expire(3000)
        expect((await trial.write('renewed', 'loaded', { casToken })).outcome).toBe('stored')
        expect(await trial.text('stored')).toBe('loaded')
        expect(await trial.get('short')).toBeUndefined()
      },
    },
  ],
}
