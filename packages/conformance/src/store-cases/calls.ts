import type { Call, CasToken, Space } from '@anycache/core'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { outcomeOf } from '../expectations.js'
import { expectItem, fresh } from '../sample-items.js'
import { found, lease } from '../store-trial.js'

const forever = Number.POSITIVE_INFINITY

/** One call of every verb on a key. */
export function everyVerb(
  space: Space,
  key: string,
  { cas }: { cas: boolean },
): Record<string, (call: Call) => unknown> {
  const write = { key, item: { flags: 0, data: 'v' }, ttl: forever, when: 'always' } as const
  const casToken = 'a token that no store made' as CasToken
  return {
    get: call => space.get(key, call),
    getMany: call => space.getMany([key], call),
    write: call => space.write(write, call),
    writeMany: call => space.writeMany([write], call),
    ...(cas && {
      claim: (call: Call) => space.claim(key, lease(), 60_000, call),
      'write under a token': (call: Call) => space.write({ ...write, when: { casToken } }, call),
      'remove with a token': (call: Call) => space.remove(key, casToken, call),
    }),
    touch: call => space.touch(key, 60_000, call),
    count: call => space.count(`${key} counted`, 1, { value: 1, ttl: forever }, call),
    take: call => space.take(key, call),
    remove: call => space.remove(key, undefined, call),
    removeMany: call => space.removeMany([key], call),
  }
}

/** The failure of a call, or of a key of it. One that hangs is given up long after any deadline of these cases. */
export async function failureOf(call: () => unknown): Promise<{ code: string } | undefined> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the call hangs')), 8000)
  })
  const outcome = await outcomeOf(Promise.race([(async () => call())(), hung]))
  clearTimeout(timer)
  if ('error' in outcome) return outcome.error as { code: string }
  const { value } = outcome
  if (!Array.isArray(value)) return undefined
  const failed = value.find(each => typeof each === 'object' && each !== null && 'failure' in each)
  return failed?.failure
}

export const calls: StoreCapability = {
  name: 'calls',
  cases: [
    {
      title: 'a call whose deadline has passed settles, with its answer or with a TimeoutError',
      only: limits => limits.remote,
      async run(trial) {
        for (const [verb, call] of Object.entries(everyVerb(trial.space, 'k', trial.limits))) {
          const failure = await failureOf(() => call({ deadline: performance.now() - 1 }))
          if (failure !== undefined) expect(failure.code, verb).toBe('ERR_CACHE_TIMEOUT')
        }
        await trial.put('k', 'v')
        expect(await trial.text('k')).toBe('v')
      },
    },
    {
      title: 'many late calls at once settle one by one, and a call in time among them is answered',
      only: limits => limits.remote,
      async run(trial) {
        const late = Array.from({ length: 50 }, (_, i) =>
          failureOf(() => trial.space.get(`key ${i}`, { deadline: performance.now() - 1 })),
        )
        const write = trial.write('k', 'v')
        for (const failure of await Promise.all(late)) {
          if (failure !== undefined) expect(failure.code).toBe('ERR_CACHE_TIMEOUT')
        }
        expect((await write).outcome).toBe('stored')
      },
    },
    {
      title: 'a deadline may be endless',
      async run(trial) {
        for (const call of Object.values(everyVerb(trial.space, 'k', trial.limits))) {
          expect(await failureOf(() => call({ deadline: forever }))).toBeUndefined()
        }
      },
    },
    {
      title: 'every verb takes any key: of every script, with blanks and line ends, and as long as it likes',
      async run(trial) {
        for (const key of [
          'ключ 💥',
          ' ',
          'a\r\nb',
          '\0',
          '__proto__',
          'a:b/c~d',
          'k'.repeat(251),
          '長'.repeat(5000),
        ]) {
          for (const [verb, call] of Object.entries(everyVerb(trial.space, key, trial.limits))) {
            expect(await failureOf(() => call(trial.call())), `${verb} of ${key.slice(0, 10)}`).toBeUndefined()
          }
          if (trial.limits.cas) await trial.write(key, 'loaded', { casToken: await trial.won(key) })
          else await trial.put(key, 'loaded')
          expect(await trial.text(key)).toBe('loaded')
          if (trial.limits.keys) expect(await trial.keys()).toContain(key)
          expect(await trial.remove(key)).toBe(true)
        }
      },
    },
    {
      title: 'reads that need no version answer the same item',
      async run(trial) {
        const item = fresh(Buffer.from([1, 2, 3]), 64)
        await trial.put('k', item)
        const read = (await trial.space.get('k', trial.call())) as typeof item
        expectItem(read, item)
        const [one] = (await trial.space.getMany(['k'], trial.call())) as [typeof item]
        expectItem(one, item)
      },
    },
    {
      title: 'every verb takes a route, and what was written by one is found by it',
      async run(trial) {
        const { space } = trial
        const routed = (more: Partial<Call> = {}): Call => trial.call({ route: 'customer 7', ...more })
        for (let i = 0; i < 10; i++) {
          const key = `key ${i}`
          const write = { key, item: { flags: 0, data: key }, ttl: forever, when: 'absent' } as const
          expect(await space.write(write, routed())).toMatchObject({ outcome: 'stored' })
          expectItem(found(await space.get(key, routed())), write.item)
          expect(await space.touch(key, 60_000, routed())).toBe('touched')
          expect(await space.writeMany([{ ...write, when: 'present' }], routed())).toMatchObject([
            { outcome: 'stored' },
          ])
          expect(await space.getMany([key, 'nothing'], routed())).toMatchObject([{ flags: 0 }, undefined])
          if (trial.limits.cas) {
            expect(await space.claim(key, lease(), 60_000, routed())).toHaveProperty('found')
            const { casToken } = (await space.get(key, routed({ versioned: true }))) as { casToken: CasToken }
            expect(await space.write({ ...write, when: { casToken } }, routed())).toMatchObject({ outcome: 'stored' })
          }
          expectItem(await space.take(key, routed()), write.item)
          expect(await space.removeMany([key], routed())).toEqual([false])
          expect(await space.count(key, 1, { value: 1, ttl: forever }, routed())).toEqual({ value: 1 })
          expect(await space.remove(key, undefined, routed())).toBe(true)
        }
      },
    },
    {
      title: 'a clear takes what was written by a route',
      async run(trial) {
        const routes = Array.from({ length: 10 }, (_, i) => `route ${i}`)
        const write = { key: 'k', item: { flags: 0, data: 'v' }, ttl: forever, when: 'always' } as const
        for (const route of routes) await trial.space.write(write, trial.call({ route }))
        await trial.space.clear(() => trial.call())
        for (const route of routes) expect(await trial.space.get('k', trial.call({ route }))).toBeUndefined()
      },
    },
    {
      title: 'serverOf names the server of a key, or of a route, among the servers of the store',
      async run(trial) {
        const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`)
        const servers = new Set(keys.map(key => trial.space.serverOf(key)))
        const { servers: all } = trial.store
        if (all.length > 0) expect([...servers].sort()).toEqual([...all].sort())
        else expect(servers.size).toBe(1)
        for (const route of ['a', 'b']) {
          const together = new Set(keys.map(key => trial.space.serverOf(key, route)))
          expect(together.size).toBe(1)
          expect(servers).toContain([...together][0])
        }
      },
    },
    {
      title:
        'wireKey is the key as the server sees it: a different one for each key and namespace, and the same each time',
      async run(trial) {
        const spaces = [trial.space, trial.nested('a'), trial.nested('a', 'b')]
        const keys = ['k', 'K', 'a:k', 'ключ', ' ', 'k'.repeat(300), 'k'.repeat(301)]
        const wireKeys: string[] = []
        for (const space of spaces) for (const key of keys) wireKeys.push(await space.wireKey(key, trial.call()))
        expect(new Set(wireKeys).size).toBe(spaces.length * keys.length)
        expect(await trial.space.wireKey('k', trial.call())).toBe(wireKeys[0])
        expect(wireKeys[0]).toContain(trial.namespace)
        expect(wireKeys[0]?.endsWith(':k')).toBe(true)
        // Long keys may be shortened, and each is a key of its own all the same.
        await trial.put(keys[5]!, 'one')
        await trial.put(keys[6]!, 'other')
        expect([await trial.text(keys[5]!), await trial.text(keys[6]!)]).toEqual(['one', 'other'])
      },
    },
  ],
}
