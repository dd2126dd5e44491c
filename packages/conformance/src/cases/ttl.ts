import type { LoaderContext } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import type { Trial } from '../trial.js'

/** A second: the shortest ttl that every backend's clock can tell from none. */
export const short = 1000

/** Expected to be there still, long after `short`. */
const living = Number.POSITIVE_INFINITY

/**
 * Watches an entry from before its write until it is gone, and returns how long it lived at least and at most, in ms.
 * A miss answered before the ttl was over is early, however slow the machine; a hit asked for after it is late.
 */
async function watch(trial: Trial, key: string, ttl: number, write: () => Promise<unknown>): Promise<void> {
  const before = performance.now()
  await write()
  const after = performance.now()
  for (;;) {
    const asked = performance.now()
    const found = await trial.cache.has(key)
    const answered = performance.now()
    if (!found) {
      expect(answered - before, `${key} lived`).toBeGreaterThanOrEqual(ttl)
      return
    }
    // A margin for the server's own scheduling on a busy machine.
    expect(asked - after, `${key} lives on`).toBeLessThan(ttl + trial.limits.ttlLag + 500)
    await trial.pass(20)
  }
}

export const ttl: Capability = {
  name: 'ttl',
  cases: [
    {
      title: 'when it is over the entry is absent to every verb',
      waits: true,
      async run(trial) {
        const { cache, limits } = trial
        const names = [
          'get',
          'has',
          'many',
          'entry',
          'take',
          'touch',
          'replace',
          'add',
          'count',
          'create',
          'delete',
          'load',
          'cas',
        ]
        await Promise.all(names.map(name => cache.set(name, 1, { ttl: short })))
        expect((await cache.getMany(names)).size).toBe(names.length)
        const token = limits.cas ? (await cache.getEntry('cas'))?.casToken : undefined
        await trial.expire(short)
        if (limits.keys) {
          for await (const key of cache.keys()) throw new Error(`${key} is listed`)
        }
        expect(await cache.get('get')).toBeUndefined()
        expect(await cache.has('has')).toBe(false)
        expect(await cache.getMany(['many', 'get'])).toEqual(new Map())
        expect(await cache.take('take')).toBeUndefined()
        expect(await cache.touch('touch', '1h')).toBe(false)
        expect(await cache.get('touch')).toBeUndefined()
        expect(await cache.replace('replace', 'new')).toBe(false)
        expect(await cache.add('add', 'new')).toBe(true)
        expect(await cache.increment('count', 1, { create: false })).toBeUndefined()
        expect(await cache.increment('create', 5)).toBe(5)
        expect(await cache.delete('delete')).toBe(false)
        expect(await cache.deleteMany(['has', 'delete'])).toBe(0)
        expect(await cache.getOrSet('load', () => 'loaded')).toBe('loaded')
        if (token !== undefined) {
          expect(await cache.getEntry('entry')).toBeUndefined()
          expect(await cache.compareAndSet('cas', 'new', token)).toBe('missing')
          expect(await cache.update('cas', current => (current === undefined ? 'created' : 'changed'))).toBe('created')
          expect(await cache.append('entry', 'x')).toBe(false)
        }
      },
    },
    ...[250, 1000, 1500, 2100].map(each => ({
      title: `${each} ms are over neither early nor late, wherever in a second they begin`,
      waits: true,
      async run(trial: Trial) {
        const { cache } = trial
        if (!trial.realTime) {
          await cache.set('k', 'v', { ttl: each })
          await trial.pass(each - 1)
          expect(await cache.has('k')).toBe(true)
          await trial.pass(1 + trial.limits.ttlLag)
          expect(await cache.has('k')).toBe(false)
          return
        }
        await Promise.all(
          [0, 200, 450, 700, 950].map(async delay => {
            await trial.pass(delay)
            const key = `after ${delay}`
            await watch(trial, key, each, () => cache.set(key, 'v', { ttl: each }))
          }),
        )
      },
    })),
    {
      title: 'every verb that writes takes it',
      waits: true,
      async run(trial) {
        const { cache, limits } = trial
        await cache.setMany([
          ['replace', 'v'],
          ['touch', 'v'],
          ['update', 'v'],
          ['cas', 'v'],
          ['append', 'v'],
        ])
        const mortal = ['set', 'many', 'add', 'replace', 'touch', 'up', 'down', 'load', 'setTtl', 'wrapped']
        await cache.set('set', 'v', { ttl: '1s' })
        await cache.setMany([['many', 'v']], { ttl: short })
        await cache.add('add', 'v', { ttl: short })
        await cache.replace('replace', 'v', { ttl: short })
        await cache.touch('touch', '1000ms')
        await cache.increment('up', 1, { ttl: short })
        await cache.decrement('down', 1, { ttl: short })
        await cache.getOrSet('load', () => 'v', { ttl: short })
        const loadShort = (context: LoaderContext): string => {
          context.setTtl(short)
          return 'v'
        }
        await cache.getOrSet('setTtl', loadShort, { ttl: '1h' })
        await cache.wrap(() => 'v', { key: () => 'wrapped', ttl: short })()
        if (limits.cas) {
          mortal.push('cas', 'update', 'append', 'updated')
          const entry = await cache.getEntry('cas')
          await cache.compareAndSet('cas', 'w', entry!.casToken, { ttl: short })
          await cache.update('update', () => 'w', { ttl: short })
          await cache.update('updated', () => 'w', { ttl: short })
          await cache.append('append', 'w', { ttl: short })
        }
        expect([...(await cache.getMany(mortal)).keys()]).toEqual(mortal)
        await trial.expire(short)
        expect([...(await cache.getMany(mortal)).keys()]).toEqual([])
      },
    },
    {
      title: 'without one an entry stays, and a write without one ends the old one',
      waits: true,
      async run(trial) {
        const { cache, limits } = trial
        const renewed = ['set', 'many', 'replace', 'touch', 'cas', 'update', 'append', 'load']
        await cache.setMany(
          renewed.map(key => [key, 'v']),
          { ttl: short },
        )
        await cache.set('never', 'v')
        await cache.set('infinite', 'v', { ttl: living })
        await cache.set('set', 'w')
        await cache.setMany([['many', 'w']])
        await cache.replace('replace', 'w')
        await cache.touch('touch', living)
        await cache.getOrSet('load', () => 'w', { force: true })
        if (limits.cas) {
          await cache.compareAndSet('cas', 'w', (await cache.getEntry('cas'))!.casToken)
          await cache.update('update', () => 'w')
          await cache.append('append', 'w')
        }
        await trial.expire(short)
        const versioned = limits.cas ? ['cas', 'update', 'append'] : []
        const expected = ['never', 'infinite', 'set', 'many', 'replace', 'touch', ...versioned, 'load']
        expect([...(await cache.getMany(expected)).keys()]).toEqual(expected)
      },
    },
    {
      title: 'the cache has a default, and a call its own',
      waits: true,
      async run(trial) {
        const cache = trial.open({ ttl: short })
        const nested = cache.namespace('nested')
        await cache.set('default', 'v')
        await nested.set('default', 'v')
        await cache.increment('counter')
        await cache.getOrSet('load', () => 'v')
        await cache.set('longer', 'v', { ttl: '1h' })
        await cache.set('forever', 'v', { ttl: living })
        expect(cache.info().ttl).toBe(short)
        await trial.expire(short)
        expect([...(await cache.getMany(['default', 'counter', 'load', 'longer', 'forever'])).keys()]).toEqual([
          'longer',
          'forever',
        ])
        expect(await nested.has('default')).toBe(false)
      },
    },
    {
      title: 'touch lengthens and shortens it',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.set('longer', 'v', { ttl: short })
        await cache.set('shorter', 'v', { ttl: '1h' })
        await cache.set('mortal', 'v')
        await cache.increment('counter', 5, { ttl: short })
        expect(await cache.touch('longer', '1h')).toBe(true)
        expect(await cache.touch('counter', '1h')).toBe(true)
        expect(await cache.touch('shorter', short)).toBe(true)
        expect(await cache.touch('mortal', short)).toBe(true)
        await trial.expire(short)
        expect([...(await cache.getMany(['longer', 'shorter', 'mortal', 'counter']))]).toEqual([
          ['longer', 'v'],
          ['counter', 5],
        ])
      },
    },
    {
      title: 'counting never alters the ttl of a living counter',
      waits: true,
      async run(trial) {
        const { cache } = trial
        await cache.increment('created', 1, { ttl: short })
        await cache.set('set', 5, { ttl: short })
        await cache.set('endless', 5)
        for (const options of [{}, { ttl: '1h' as const }, { ttl: living }]) {
          await cache.increment('created', 1, options)
          await cache.decrement('set', 1, options)
        }
        await cache.increment('endless', 1, { ttl: short })
        expect(await cache.increment('created', 0)).toBe(4)
        await trial.expire(short)
        expect(await cache.getMany(['created', 'set', 'endless'])).toEqual(new Map([['endless', 6]]))
        expect(await cache.increment('created', 1, { initial: 10 })).toBe(11)
      },
    },
    {
      title: 'a write that changed nothing changes no ttl',
      waits: true,
      async run(trial) {
        const { cache, limits } = trial
        await cache.setMany(
          [
            ['add', 'v'],
            ['cas', 'v'],
            ['update', 'v'],
            ['text', 'v'],
          ],
          { ttl: short },
        )
        await cache.add('add', 'w', { ttl: '1h' })
        if (limits.cas) {
          const { casToken } = (await cache.getEntry('cas'))!
          await cache.set('cas', 'other', { ttl: short })
          expect(await cache.compareAndSet('cas', 'w', casToken, { ttl: '1h' })).toBe('conflict')
          await cache.update('update', () => undefined, { ttl: '1h' })
        }
        await cache.increment('text', 1, { ttl: '1h' }).catch(() => {})
        await cache.get('text')
        await trial.expire(short)
        expect(await cache.getMany(['add', 'cas', 'update', 'text'])).toEqual(new Map())
      },
    },
    {
      title: 'an entry is gone for other caches at the same time',
      waits: true,
      async run(trial) {
        const other = trial.open()
        await trial.cache.set('k', 'v', { ttl: short })
        expect(await other.get('k')).toBe('v')
        await trial.expire(short)
        expect(await other.get('k')).toBeUndefined()
      },
    },
  ],
}
