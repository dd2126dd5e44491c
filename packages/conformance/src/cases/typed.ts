import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { rejection, thrown } from '../expectations.js'
import { observedLoader, whenCalled } from '../observed-loader.js'
import { kirkwall, ruin, short, type Town, town } from './sample-schemas.js'

export const typed: Capability = {
  name: 'typed values',
  cases: [
    {
      title: 'a nested namespace keeps the schema and its version, and typed again replaces both',
      async run(trial) {
        const { cache } = trial
        const towns = cache.typed(town, { version: 1 })
        const nested = towns.namespace('a').namespace('b')
        await nested.set('k', kirkwall)
        await rejection(() => nested.set('k', ruin as never), 'ERR_CACHE_INVALID_ARGUMENT')
        const plain = cache.namespace('a').namespace('b')
        expect(await plain.get('k')).toEqual(kirkwall)
        expect(await plain.typed(town, { version: 2 }).get('k')).toBeUndefined()
        const texts = nested.typed(short)
        expect(await texts.set('text', 'text')).toBe(true)
        expect(await texts.get('k')).toBeUndefined()
        expect(await nested.get('text')).toBeUndefined()
        expect(await plain.get('text')).toBe('text')
        await towns.clear()
        expect(await plain.has('k')).toBe(false)
      },
    },
    {
      title: 'it is the same cache: keys, loads, events, stats and info',
      async run(trial) {
        const { cache } = trial
        const towns = cache.typed(town)
        expect(towns.info()).toEqual(cache.info())
        expect(await towns.keyFor('k')).toBe(await cache.keyFor('k'))
        const heard: string[] = []
        towns.on('hit', ({ key }) => heard.push(key))
        await towns.set('k', kirkwall)
        await cache.get('k')
        expect(heard).toEqual(['k'])
        expect(towns.stats()).toEqual(cache.stats())
        // Two caches, one load.
        let loads = 0
        const load = async (): Promise<Town> => {
          loads++
          await new Promise(resolve => setTimeout(resolve, 5))
          return kirkwall
        }
        await Promise.all([towns.getOrSet('l', load), cache.getOrSet('l', load)])
        expect(loads).toBe(1)
        // A delete through one of them undoes the load of the other.
        const slow = observedLoader(() => kirkwall)
        const loading = towns.getOrSet('m', slow.load)
        await whenCalled(slow.called, loading)
        await cache.delete('m')
        slow.finish()
        await loading
        expect(await cache.has('m')).toBe(false)
      },
    },
    {
      title: 'closing it closes nothing else, and it is closed with the cache it came from',
      async run(trial) {
        const cache = await trial.another()
        const [towns, others] = [cache.typed(town), cache.typed(town)]
        await towns.close()
        await rejection(() => towns.get('k'), 'ERR_CACHE_CLOSED')
        expect(await others.set('k', kirkwall)).toBe(true)
        expect(await cache.get('k')).toEqual(kirkwall)
        await cache.close()
        await rejection(() => others.get('k'), 'ERR_CACHE_CLOSED')
        thrown(() => cache.typed(town), 'ERR_CACHE_CLOSED')
      },
    },
    {
      title: 'what is no schema, and a wrong option, throw at once',
      async run({ cache }) {
        for (const schema of [undefined, null, {}, 'string', { parse: () => {} }, { '~standard': {} }]) {
          thrown(() => cache.typed(schema as never), 'ERR_CACHE_INVALID_ARGUMENT')
          if (schema === undefined) continue
          await rejection(
            () => cache.getOrSet('k', () => 'v', { schema: schema as never }),
            'ERR_CACHE_INVALID_ARGUMENT',
          )
        }
        for (const version of ['', Number.NaN, Number.POSITIVE_INFINITY, null, {}, true, '\ud800', 'x'.repeat(257)]) {
          thrown(() => cache.typed(town, { version: version as never }), 'ERR_CACHE_INVALID_ARGUMENT')
        }
        const error = thrown(() => cache.typed(town, { verison: 1 } as never), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(error.message).toContain('version')
        thrown(() => cache.typed(town, 1 as never), 'ERR_CACHE_INVALID_ARGUMENT')
        expect(cache.typed(town, { version: undefined })).toBeDefined()
      },
    },
  ],
}
