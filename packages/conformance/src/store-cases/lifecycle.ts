import type { StoreEvent } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { expect } from 'vitest'
import type { StoreCapability } from '../case.js'
import { all, outcomeOf } from '../expectations.js'
import { lease } from '../store-trial.js'
import { everyVerb, failureOf } from './calls.js'

export const lifecycle: StoreCapability = {
  name: 'opening, listening and closing',
  cases: [
    {
      title: 'limits are numbers and facts, and the servers are named',
      async run({ store, limits }) {
        expect(limits.maxItemBytes).toBeGreaterThan(0)
        expect(limits.ttlGranularity).toBeGreaterThan(0)
        expect(limits.ttlLag).toBeGreaterThanOrEqual(0)
        for (const limit of ['cas', 'keys', 'clear', 'remote', 'shared'] as const) {
          expect(typeof limits[limit], limit).toBe('boolean')
        }
        expect(store.driver).toMatch(/^[a-z]/)
        for (const server of store.servers) expect(typeof server).toBe('string')
        expect(new Set(store.servers).size).toBe(store.servers.length)
        if (limits.shared) expect(limits.clear).toBe(false)
      },
    },
    {
      title: 'ping resolves while every server answers',
      async run(trial) {
        expect(await trial.store.ping(trial.call())).toBeUndefined()
        expect(await (await trial.another()).ping(trial.call())).toBeUndefined()
      },
    },
    {
      title: 'serverStats answers for every server',
      async run(trial) {
        const servers = await trial.store.serverStats(undefined, trial.call())
        expect(servers.length).toBe(Math.max(1, trial.store.servers.length))
        for (const { stats, error } of servers) {
          expect(error).toBeUndefined()
          expect(Object.keys(stats).length).toBeGreaterThan(0)
        }
      },
    },
    {
      title: 'a listener hears of the store’s servers until it stops, which it may do twice',
      async run(trial) {
        const store = await trial.another()
        const [kept, stopped]: StoreEvent[][] = [[], []]
        const stop = store.listen(event => stopped?.push(event))
        const other = store.listen(event => kept?.push(event))
        stop()
        stop()
        await store.ping(trial.call())
        await store.close(trial.call())
        expect(stopped).toEqual([])
        for (const event of kept ?? []) if ('server' in event) expect(store.servers).toContain(event.server)
        other()
      },
    },
    {
      title: 'closing twice is fine, at once and again, and so is closing what was never used',
      async run(trial) {
        const [used, unused] = [await trial.another(), await trial.another()]
        await used.ping(trial.call())
        for (const store of [used, unused]) {
          await Promise.all([store.close(trial.call()), store.close(trial.call())])
          await store.close(trial.call())
        }
      },
    },
    {
      title: 'what is in flight when it closes settles with its answer',
      async run(trial) {
        const store = await trial.another()
        const space = store.space([trial.namespace], nativeFormat)
        await space.get('k', trial.call())
        const write = { key: 'k', item: { flags: 0, data: 'v' }, ttl: 60_000, when: 'always' } as const
        const inFlight = [
          space.write(write, trial.call()),
          space.count('n', 1, { value: 1, ttl: 60_000 }, trial.call()),
          space.remove('nothing', undefined, trial.call()),
        ]
        const closed = store.close(trial.call())
        expect(await Promise.all(inFlight)).toMatchObject([{ outcome: 'stored' }, { value: 1 }, false])
        await closed
        if (trial.limits.shared) expect(await trial.text('k')).toBe('v')
      },
    },
    {
      title: 'once closed every verb fails with a ClosedError, or each key of it, and no other store notices',
      only: limits => limits.remote,
      async run(trial) {
        await trial.put('k', 'v')
        const store = await trial.another()
        const space = store.space([trial.namespace], nativeFormat)
        await space.get('k', trial.call())
        await store.close(trial.call())
        const verbs: Record<string, () => unknown> = {
          clear: () => space.clear(() => trial.call()),
          ping: () => store.ping(trial.call()),
          flush: () => store.flush(trial.call()),
          ...(trial.limits.keys && { keys: () => all(space.keys('*', () => trial.call())) }),
        }
        for (const [verb, run] of Object.entries(everyVerb(space, 'k', trial.limits)))
          verbs[verb] = () => run(trial.call())
        for (const [verb, run] of Object.entries(verbs)) {
          expect((await failureOf(run))?.code, verb).toBe('ERR_CACHE_CLOSED')
        }
        const many = await outcomeOf((async () => space.getMany(['a', 'b', 'c'], trial.call()))())
        if ('value' in many) {
          const codes = many.value.map(each => (each as { failure?: { code: string } }).failure?.code)
          expect(codes).toEqual(new Array(3).fill('ERR_CACHE_CLOSED'))
        }
        expect(await trial.text('k')).toBe('v')
      },
    },
    {
      title: 'flush empties the whole backend, leases and all',
      flushes: true,
      async run(trial) {
        await trial.put('k', 'v')
        await trial.put('leased', lease())
        await trial.store.flush(trial.call())
        expect(await trial.getMany(['k', 'leased'])).toEqual([undefined, undefined])
        await trial.put('k', 'new')
        expect(await trial.text('k')).toBe('new')
      },
    },
  ],
}
