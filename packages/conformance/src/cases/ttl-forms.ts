import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { short } from './ttl.js'

export const ttlForms: Capability = {
  name: 'forms of a ttl',
  cases: [
    {
      title: 'parts of a millisecond and of a second are accepted',
      async run({ cache }) {
        for (const [i, each] of [0.2, 0.999, 100_000.2, '1.5s', '250ms', '0.5h', '7d'].entries()) {
          expect(await cache.set(`k${i}`, 'v', { ttl: each as number })).toBe(true)
        }
        expect((await cache.getMany(['k2', 'k3', 'k5', 'k6'])).size).toBe(4)
      },
    },
    {
      title: 'it may be longer than 30 days, up to 2^31 s',
      async run(trial) {
        const { cache } = trial
        const jittery = trial.open({ jitter: 1 })
        const most = 2 ** 31 * 1000
        const long = ['29d', '30d', 30 * 86_400_000 + 1, '31d', '365d', most - 1, most] as const
        for (const [i, each] of long.entries()) {
          expect(await cache.set(`set ${i}`, 'v', { ttl: each })).toBe(true)
          expect(await cache.add(`add ${i}`, 'v', { ttl: each })).toBe(true)
          expect(await cache.increment(`count ${i}`, 1, { ttl: each })).toBe(1)
          expect(await cache.touch(`set ${i}`, each)).toBe(true)
          expect(await jittery.set(`jitter ${i}`, 'v', { ttl: each })).toBe(true)
        }
        await trial.pass(20)
        for (const i of long.keys()) {
          expect(
            (await cache.getMany([`set ${i}`, `add ${i}`, `count ${i}`, `jitter ${i}`])).size,
            String(long[i]),
          ).toBe(4)
        }
      },
    },
    {
      title: 'jitter only ever shortens it, and not for all alike',
      waits: true,
      async run(trial) {
        const cache = trial.open({ jitter: 0.5 })
        const span = 4 * short
        const names = Array.from({ length: 60 }, (_, i) => `k${i}`)
        const started = performance.now()
        await cache.setMany(
          names.map(key => [key, 'v']),
          { ttl: span },
        )
        await trial.cache.getOrSet('load', () => 'v', { ttl: span, jitter: 0.5 })
        await trial.pass(span / 2 - 100)
        const early = (await cache.getMany(names)).size
        if (!trial.realTime || performance.now() - started < span / 2) expect(early).toBe(60)
        const counts = new Set<number>()
        let longestGap = 0
        for (let passed = span / 2 - 100; passed < span + trial.limits.ttlLag; passed += 200) {
          const before = performance.now()
          await trial.pass(200)
          counts.add((await cache.getMany(names)).size)
          longestGap = Math.max(longestGap, performance.now() - before)
        }
        await trial.expire(100)
        expect((await cache.getMany([...names, 'load'])).size).toBe(0)
        // A machine that stood still meanwhile has seen too little of it.
        if (longestGap < span / 6) expect(counts.size).toBeGreaterThan(2)
      },
    },
  ],
}
