import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { expectItem, fresh } from '../sample-items.js'
import { lease } from '../store-trial.js'

export const expiry: StoreCapability = {
  name: 'expiry',
  cases: [
    {
      title: 'what has expired is missing to every verb',
      waits: true,
      async run(trial) {
        const keys = ['get', 'many', 'add', 'replace', 'touch', 'count', 'remove', 'removeMany', 'take', 'kept']
        for (const key of keys) await trial.put(key, '41', key === 'kept' ? 600_000 : 1000)
        await trial.put('lease', lease(), 1000)
        await trial.put('metadata', fresh('v'), 1000)
        await trial.expire(1000)
        expect(await trial.getMany(['get', 'lease', 'metadata'])).toEqual([undefined, undefined, undefined])
        expect((await trial.write('replace', 'v', 'present')).outcome).toBe('missing')
        expect((await trial.write('add', 'v', 'absent')).outcome).toBe('stored')
        expect(await trial.touch('touch', 1000)).toBe('missing')
        expect(await trial.count('count', 1, { value: 7 })).toEqual({ value: 7 })
        expect(await trial.remove('remove')).toBe(false)
        expect(await trial.space.removeMany(['removeMany', 'kept'], trial.call())).toEqual([false, true])
        expect(await trial.take('take')).toBeUndefined()
        if (trial.limits.cas) await trial.won('many')
      },
    },
    {
      title: 'it never comes early, for any verb that writes',
      waits: true,
      async run(trial) {
        const started = performance.now()
        await trial.put('always', 'v', 1500)
        await trial.write('absent', 'v', 'absent', 1500)
        await trial.put('present', 'v')
        await trial.write('present', 'v', 'present', 1500)
        await trial.count('count', 1, { value: 1, ttl: 1500 })
        await trial.put('metadata', fresh('v'), 1500)
        const many = { item: { flags: 0, data: 'v' }, ttl: 1500, when: 'always' } as const
        await trial.space.writeMany([{ key: 'many', ...many }], trial.call())
        await trial.pass(1300)
        const keys = ['always', 'absent', 'present', 'count', 'metadata', 'many']
        const found = await trial.getMany(keys)
        // A busy machine may come too late.
        if (performance.now() - started < 1500) expect(found.map(Boolean)).toEqual(keys.map(() => true))
        await trial.expire(200)
        expect(await trial.getMany(keys)).toEqual(keys.map(() => undefined))
      },
    },
    {
      title: 'many writes at once have a ttl each, down to 1 ms and up to 68 years',
      waits: true,
      async run(trial) {
        const ttls = [1, 1000, 999.5, 2_592_000_001, 2 ** 31 * 1000, Number.POSITIVE_INFINITY]
        const writes = ttls.map(ttl => ({ key: `${ttl}`, item: fresh('v'), ttl, when: 'always' as const }))
        await trial.space.writeMany(writes, trial.call())
        await trial.expire(1000)
        const found = await trial.getMany(writes.map(({ key }) => key))
        expect(found.map(Boolean)).toEqual([false, false, false, true, true, true])
        expectItem(found[5], writes[5]!.item)
      },
    },
    {
      title: 'a write gives the entry a ttl of its own, whatever it had',
      waits: true,
      async run(trial) {
        await trial.put('longer', 'v', 3000)
        await trial.write('longer', 'v', 'present', 600_000)
        await trial.put('endless', 'v', 3000)
        await trial.put('endless', 'v')
        await trial.put('shorter', 'v')
        await trial.put('shorter', 'v', 3000)
        if (trial.limits.cas) {
          await trial.put('compared', 'v', 3000)
          await trial.write('compared', 'v', { casToken: await trial.token('compared') })
        }
        await trial.expire(3000)
        expect(await trial.text('longer')).toBe('v')
        expect(await trial.text('endless')).toBe('v')
        expect(await trial.get('shorter')).toBeUndefined()
        if (trial.limits.cas) expect(await trial.text('compared')).toBe('v')
      },
    },
  ],
}
