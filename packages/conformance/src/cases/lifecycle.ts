import type { Cache, CasToken } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all, outcomeOf, rejection, thrown } from '../expectations.js'
import { gate } from '../gate.js'

/** Every call that a closed cache must refuse. */
function everyVerb(cache: Cache): Record<string, () => Promise<unknown>> {
  const wrapped = cache.wrap(() => 1, { key: () => 'k' })
  return {
    get: () => cache.get('k'),
    getMany: () => cache.getMany(['k']),
    getEntry: () => cache.getEntry('k'),
    has: () => cache.has('k'),
    set: () => cache.set('k', 1),
    setMany: () => cache.setMany([['k', 1]]),
    add: () => cache.add('k', 1),
    replace: () => cache.replace('k', 1),
    compareAndSet: () => cache.compareAndSet('k', 1, 'token' as CasToken),
    update: () => cache.update('k', () => 1),
    append: () => cache.append('k', 'x'),
    prepend: () => cache.prepend('k', 'x'),
    touch: () => cache.touch('k', 1000),
    increment: () => cache.increment('k'),
    decrement: () => cache.decrement('k'),
    take: () => cache.take('k'),
    delete: () => cache.delete('k'),
    deleteMany: () => cache.deleteMany(['k']),
    clear: () => cache.clear(),
    getOrSet: () => cache.getOrSet('k', () => 1),
    wrapped,
    keyFor: () => cache.keyFor('k'),
    keys: () => all(cache.keys()),
    serverStats: () => cache.serverStats(),
    ping: () => cache.ping(),
  }
}

export const lifecycle: Capability = {
  name: 'opening, asking and closing',
  cases: [
    {
      title: 'ping resolves while the backend answers',
      async run({ cache }) {
        expect(await cache.ping()).toBeUndefined()
      },
    },
    {
      title: 'info shows what is live, and is plain JSON',
      async run(trial) {
        const cache = trial.open({ name: 'main', ttl: '5m', timeout: '3s', onError: 'open', source: 'a test' })
        const info = cache.info()
        expect(info).toEqual({
          name: 'main',
          driver: trial.store.driver,
          servers: [...trial.store.servers],
          namespace: trial.namespace,
          ttl: 300_000,
          timeout: 3000,
          onError: 'open',
          limits: trial.limits,
          source: 'a test',
        })
        expect(JSON.parse(JSON.stringify(info)).driver).toBe(trial.store.driver)
      },
    },
    {
      title: 'limits are numbers that hold together',
      async run({ limits }) {
        expect(limits.maxItemBytes).toBeGreaterThan(0)
        expect(limits.ttlGranularity).toBeGreaterThan(0)
        expect(limits.ttlLag).toBeGreaterThanOrEqual(0)
        expect(
          [limits.cas, limits.keys, limits.clear, limits.remote, limits.shared].every(
            limit => typeof limit === 'boolean',
          ),
        ).toBe(true)
      },
    },
    {
      title: 'serverStats answers for every server',
      async run({ cache, store }) {
        await cache.set('k', 'v')
        const answers = await cache.serverStats()
        expect(answers.length).toBe(Math.max(1, store.servers.length))
        for (const { server, stats, error } of answers) {
          expect(error).toBeUndefined()
          expect(typeof server).toBe('string')
          expect(Object.keys(stats).length).toBeGreaterThan(0)
        }
      },
    },
    {
      title: 'a cache can be opened, used and closed again and again, and closed without having been used',
      async run(trial) {
        await (await trial.another()).close()
        for (let round = 0; round < 3; round++) {
          const cache = await trial.another()
          expect(await cache.set('k', round)).toBe(true)
          expect(await cache.get('k')).toBe(round)
          await cache.close()
        }
      },
    },
    {
      title: 'after close every call rejects with ClosedError, in nested namespaces too',
      async run(trial) {
        const cache = await trial.another()
        await cache.set('k', 1)
        const nested = cache.namespace('nested')
        const calls = [everyVerb(cache), everyVerb(nested)]
        await cache.close()
        for (const [i, each] of [cache, nested].entries()) {
          for (const [verb, call] of Object.entries(calls[i] ?? {})) {
            const outcome = await outcomeOf(call())
            expect((outcome as { error?: { code: string } }).error?.code, verb).toBe('ERR_CACHE_CLOSED')
          }
          thrown(() => each.namespace('a'), 'ERR_CACHE_CLOSED')
        }
        expect(cache.info().driver).toBe(trial.store.driver)
        expect(cache.stats().writes).toBe(1)
      },
    },
    {
      title: 'closing twice is fine, and so is disposing',
      async run(trial) {
        const cache = await trial.another()
        await cache.set('k', 1)
        await Promise.all([cache.close(), cache.close()])
        await cache.close()
        await cache[Symbol.asyncDispose]()
        const unused = await trial.another()
        await unused[Symbol.asyncDispose]()
        await rejection(() => unused.get('k'), 'ERR_CACHE_CLOSED')
      },
    },
    {
      title: 'what is in flight when close is called settles',
      async run(trial) {
        const cache = await trial.another()
        await cache.ping()
        const large = 'a large text, '.repeat(20_000)
        const inFlight = [
          cache.set('a', 1),
          cache.set('large', large),
          cache.increment('n'),
          cache.getMany(['x']),
          cache.setMany([['b', large]]),
          cache.delete('x'),
        ]
        const closed = cache.close()
        expect(await Promise.all(inFlight)).toEqual([true, true, 1, new Map(), [], false])
        await closed
        if (trial.limits.shared) {
          expect((await trial.cache.getMany(['a', 'large', 'b', 'n'])).size).toBe(4)
        }
      },
    },
    {
      title: 'a load that outlives the cache gives its value and stores nothing',
      async run(trial) {
        const cache = await trial.another()
        const finish = gate()
        const called = gate()
        const loading = cache.getOrSet('k', async () => {
          called.open()
          await finish.opened
          return 'v'
        })
        await Promise.race([called.opened, loading])
        const closed = cache.close()
        finish.open()
        const outcome = await outcomeOf(loading)
        if ('value' in outcome) expect(outcome.value).toBe('v')
        else expect((outcome.error as { code: string }).code).toBe('ERR_CACHE_CLOSED')
        await closed
        expect(await trial.cache.has('k')).toBe(false)
      },
    },
    {
      title: 'a nested namespace closes for itself alone',
      async run({ cache }) {
        const nested = cache.namespace('nested')
        await nested.set('k', 1)
        await nested.close()
        await rejection(() => nested.get('k'), 'ERR_CACHE_CLOSED')
        expect(await cache.set('k', 1)).toBe(true)
        expect(await cache.namespace('nested').get('k')).toBe(1)
      },
    },
    {
      title: 'flush is refused unless the cache was opened with allowFlush',
      async run(trial) {
        await trial.cache.set('k', 'v')
        const error = await rejection(() => trial.cache.flush(), 'ERR_CACHE_NOT_SUPPORTED')
        expect(error.message).toMatch(/allowFlush/)
        await rejection(() => trial.open({ allowFlush: false }).flush(), 'ERR_CACHE_NOT_SUPPORTED')
        expect(await trial.cache.get('k')).toBe('v')
      },
    },
    {
      title: 'flush with allowFlush empties the whole backend',
      flushes: true,
      async run(trial) {
        const cache = await trial.another({ allowFlush: true })
        const other = cache.namespace('other')
        await cache.set('k', 'v')
        await other.increment('n')
        await cache.flush()
        expect(await cache.has('k')).toBe(false)
        expect(await other.has('n')).toBe(false)
        expect(await cache.add('k', 'w')).toBe(true)
        expect(await cache.get('k')).toBe('w')
      },
    },
  ],
}
