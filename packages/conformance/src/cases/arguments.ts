import type { Cache } from '@anycache/core'
import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { all, rejection, thrown } from '../expectations.js'
import type { Trial } from '../trial.js'
import { type Bad, keyVerbs, ttlVerbs } from './bad-calls.js'

const code = 'ERR_CACHE_INVALID_ARGUMENT'

const badKeys: readonly unknown[] = ['', 5, 0, null, undefined, {}, ['k'], true, Symbol('k'), 5n, '\ud800', 'a\udc00b']
const badTtls: readonly unknown[] = [
  0,
  -1,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  2 ** 31 * 1000 + 1,
  '2147483649s',
  '',
  '5',
  '0s',
  '-5s',
  '5 minutes',
  '5M',
  '1h30m',
  'Infinity',
  null,
  true,
  {},
  [5],
  5n,
  new Date(),
]
const badOptions: readonly unknown[] = [null, 5, 'x', true, [], () => {}, '5m']

async function expectUntouched(cache: Cache): Promise<void> {
  expect(await cache.get('k')).toBe('old')
  expect(await cache.has('absent')).toBe(false)
}

/** Every value is refused by every verb, as a rejection, before anything is sent. */
async function expectRefused(
  { cache }: Trial,
  verbs: Record<string, (value: Bad) => Promise<unknown>>,
  values: readonly unknown[],
): Promise<void> {
  await cache.set('k', 'old')
  for (const call of Object.values(verbs)) {
    for (const value of values) await rejection(() => call(value as Bad), code)
  }
  await expectUntouched(cache)
}

export const badArguments: Capability = {
  name: 'arguments',
  cases: [
    ...Object.keys(keyVerbs({} as Cache)).map(verb => ({
      title: `${verb} refuses what is no key, and nothing is done`,
      async run(trial: Trial) {
        const call = keyVerbs(trial.cache)[verb] as (key: Bad) => Promise<unknown>
        await expectRefused(trial, { [verb]: call }, badKeys)
        const error = await rejection(() => call('' as Bad), code)
        expect(error.op).toBe(verb)
      },
    })),
    ...Object.keys(ttlVerbs({} as Cache)).map(verb => ({
      title: `${verb} refuses what is no ttl, and nothing is done`,
      async run(trial: Trial) {
        await expectRefused(trial, { [verb]: ttlVerbs(trial.cache)[verb] as (ttl: Bad) => Promise<unknown> }, badTtls)
      },
    })),
    {
      title: 'the message of a refused ttl names the value and the way out',
      async run({ cache }) {
        const error = await rejection(() => cache.set('k', 'v', { ttl: 0 }), code)
        expect(error.message).toMatch(/got 0/)
        expect(error.message).toMatch(/Infinity/)
        expect([error.op, error.key]).toEqual(['set', 'k'])
      },
    },
    {
      title: 'every verb refuses options that are no object, and options it does not know, naming the nearest',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old')
        for (const [verb, call] of Object.entries(keyVerbs(cache))) {
          for (const options of badOptions) await rejection(() => call('k' as Bad, options as Bad), code)
          const error = await rejection(() => call('k' as Bad, { timout: 5 } as Bad), code)
          expect(error.message, verb).toMatch(/timout.*"timeout"/s)
          await rejection(() => call('k' as Bad, { somethingElse: true } as Bad), code)
        }
        const misspelt = await rejection(() => cache.set('k', 'new', { tll: 5 } as Bad), code)
        expect(misspelt.message).toMatch(/"ttl"/)
        await rejection(() => cache.get('k', { ttl: 5 } as Bad), code)
        await rejection(() => cache.clear({ force: true } as Bad), code)
        await rejection(() => cache.ping({ timeouts: 5 } as Bad), code)
        await rejection(() => cache.serverStats(undefined, { all: true } as Bad), code)
        await rejection(() => all(cache.keys('*', { limit: 5 } as Bad)), code)
        await expectUntouched(cache)
      },
    },
    {
      title: 'every verb refuses a timeout or onError that is none',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old')
        const odd = [
          ...[0, -1, Number.NaN, 'soon', '', null, {}].map(timeout => ({ timeout })),
          ...['maybe', true, null, 5].map(onError => ({ onError })),
        ]
        for (const call of Object.values(keyVerbs(cache))) {
          for (const options of odd) await rejection(() => call('k' as Bad, options as Bad), code)
        }
        await expectUntouched(cache)
        expect(await cache.get('k', { timeout: '5s', onError: 'throw' })).toBe('old')
      },
    },
    {
      title: 'a plain string or anything else that is no list is refused where many keys belong',
      async run({ cache }) {
        await cache.setMany([
          ['k', 'old'],
          ['a', 1],
          ['b', 1],
        ])
        for (const keys of ['ab', '', 5, null, undefined, {}, true, Promise.resolve(['k'])]) {
          await rejection(() => cache.getMany(keys as Bad), code)
          await rejection(() => cache.deleteMany(keys as Bad), code)
          await rejection(() => cache.setMany(keys as Bad), code)
        }
        for (const entries of [['ab'], [['k']], [['k', 1, 2]], [5], [null], [{ key: 'k', value: 1 }], ['k', 'v']]) {
          await rejection(() => cache.setMany(entries as Bad), code)
        }
        expect(await cache.getMany(['a', 'b'])).toHaveProperty('size', 2)
        await expectUntouched(cache)
      },
    },
    {
      title: 'counts refuse a by, an initial or a create that is none',
      async run(trial) {
        const { cache } = trial
        const odd = [1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', null, 1n, {}, true]
        const verbs = {
          by: (by: Bad) => cache.increment('absent', by),
          byDown: (by: Bad) => cache.decrement('absent', by),
          initial: (initial: Bad) => cache.increment('absent', 1, { initial }),
          initialDown: (initial: Bad) => cache.decrement('absent', 1, { initial }),
        }
        await expectRefused(trial, verbs, odd)
        await expectRefused(trial, { create: (create: Bad) => cache.increment('absent', 1, { create }) }, [
          0,
          'no',
          null,
        ])
      },
    },
    {
      title: 'update, append, prepend and compareAndSet refuse what they cannot use',
      async run(trial) {
        const { cache } = trial
        const verbs = { update: (change: Bad) => cache.update('k', change) }
        await expectRefused(trial, verbs, ['new', 5, null, undefined, {}])
        const joins = {
          append: (part: Bad) => cache.append('k', part),
          prepend: (part: Bad) => cache.prepend('k', part),
        }
        await expectRefused(trial, joins, [5, null, undefined, {}, ['a'], new ArrayBuffer(2), Uint16Array.of(1)])
        const swaps = { compareAndSet: (casToken: Bad) => cache.compareAndSet('k', 'new', casToken) }
        await expectRefused(trial, swaps, [5, null, undefined, {}, 5n])
      },
    },
    {
      title: 'getOrSet and wrap refuse a loader or options of the wrong type, and load nothing',
      async run(trial) {
        const { cache } = trial
        await cache.set('k', 'old')
        let loads = 0
        const load = (): number => ++loads
        for (const loader of ['v', 5, null, undefined, {}, Promise.resolve(1)]) {
          await rejection(() => cache.getOrSet('k', loader as Bad), code)
          thrown(() => cache.wrap(loader as Bad, { key: () => 'k' }), code)
        }
        const odd = [
          { force: 1 },
          { skipNull: 'yes' },
          { shouldCache: true },
          { onOutcome: {} },
          { signal: {} },
          { signal: null },
          { jitter: 2 },
          { jitter: -0.1 },
          { jitter: Number.NaN },
          { jitter: '10%' },
        ]
        for (const options of odd) {
          await rejection(() => cache.getOrSet('k', load, options as Bad), code)
          thrown(() => cache.wrap(load, { key: () => 'k', ...(options as object) } as Bad), code)
        }
        thrown(() => cache.wrap(load, {} as Bad), code)
        thrown(() => cache.wrap(load, undefined as Bad), code)
        thrown(() => cache.wrap(load, { key: 'k' } as Bad), code)
        expect(loads).toBe(0)
        await expectUntouched(cache)
      },
    },
    {
      title: 'keys() refuses a pattern that is none',
      async run({ cache }) {
        for (const pattern of ['', 5, null, /a/, {}]) await rejection(() => all(cache.keys(pattern as Bad)), code)
      },
    },
    {
      title: 'namespace() refuses what is no name',
      async run({ cache }) {
        const names = ['', ' ', 'a b', 'a/b', 'a:b', 'a~', '~', '*', 'a\n', 'ü', '清', 5, null, undefined, {}, ['a']]
        for (const name of names) thrown(() => cache.namespace(name as Bad), code)
      },
    },
    {
      title: 'on() refuses an event that does not exist, and a listener that is no function',
      async run({ cache }) {
        for (const listener of [undefined, null, 'log', {}]) thrown(() => cache.on('hit', listener as Bad), code)
        for (const event of ['hits', '', 'toString', '__proto__', 5, undefined])
          thrown(() => cache.on(event as Bad, () => {}), code)
      },
    },
    {
      title: 'a cache is not opened with settings that are none',
      async run(trial) {
        const odd = [
          { namspace: 'a' },
          { namespace: '' },
          { namespace: 'a/b' },
          { namespace: 'a~' },
          { ttl: 0 },
          { ttl: '5 minutes' },
          { jitter: 1.1 },
          { timeout: 0 },
          { timeout: 'soon' },
          { onError: 'ignore' },
          { serializer: { compresion: false } },
          { maxValueBytes: -1 },
          { allowFlush: 'yes' },
          { name: 5 },
        ]
        for (const options of odd) thrown(() => trial.open(options as Bad), code)
      },
    },
    {
      title: 'options may be frozen and are not changed',
      async run({ cache }) {
        const options = Object.freeze({ ttl: '1h', timeout: '5s' } as const)
        expect(await cache.set('k', 'v', options)).toBe(true)
        expect(await cache.increment('n', 1, Object.freeze({ initial: 1 }))).toBe(2)
        expect(await cache.getOrSet('l', () => 'v', options)).toBe('v')
        expect(options).toEqual({ ttl: '1h', timeout: '5s' })
      },
    },
  ],
}
