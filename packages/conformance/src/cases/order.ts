import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf } from '../expectations.js'
import type { Trial } from '../trial.js'

// Large enough to be compressed in the thread pool, and thus to be encoded later than what is called after it.
const large = 'a large text, '.repeat(20_000)
const largeBytes = Buffer.alloc(300_000, 'bytes')

/** A little random number generator, so that a failing sequence can be run again. After Marsaglia, "Xorshift RNGs" (2003). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** What a cache would answer if each call waited for the one before it. */
class Model {
  readonly entries = new Map<string, unknown>()

  set(key: string, value: unknown): boolean {
    this.entries.set(key, value)
    return true
  }

  add(key: string, value: unknown): boolean {
    return !this.entries.has(key) && this.set(key, value)
  }

  replace(key: string, value: unknown): boolean {
    return this.entries.has(key) && this.set(key, value)
  }

  take(key: string): unknown {
    const value = this.entries.get(key)
    this.entries.delete(key)
    return value
  }

  increment(key: string): unknown {
    const current = this.entries.get(key) ?? 0
    if (typeof current !== 'number') return 'ERR_CACHE_NOT_A_COUNTER'
    this.entries.set(key, current + 1)
    return current + 1
  }

  getMany(keys: readonly string[]): Map<string, unknown> {
    return new Map(keys.filter(key => this.entries.has(key)).map(key => [key, this.entries.get(key)]))
  }
}

/** Calls a random verb on cache and model alike; gives the cache's promise and the model's answer. */
function step(
  cache: Trial['cache'],
  model: Model,
  random: (below: number) => number,
  i: number,
): [Promise<unknown>, unknown] {
  const key = `k${random(3)}`
  const value = [i, `text ${i}`, large + i, { i }, Buffer.concat([largeBytes, Buffer.from(String(i))])][random(5)]
  switch (random(11)) {
    case 0:
    case 1:
      return [cache.set(key, value), model.set(key, value)]
    case 2:
      return [cache.add(key, value), model.add(key, value)]
    case 3:
      return [cache.replace(key, value), model.replace(key, value)]
    case 4:
      return [cache.take(key), model.take(key)]
    case 5:
      return [cache.delete(key), model.entries.delete(key)]
    case 6:
      return [cache.increment(key), model.increment(key)]
    case 7:
      return [cache.getMany(['k2', 'k0', 'k1']), model.getMany(['k2', 'k0', 'k1'])]
    case 8: {
      model.set('k0', value)
      model.set('k1', i)
      return [
        cache.setMany([
          ['k0', value],
          ['k1', i],
        ]),
        [],
      ]
    }
    case 9:
      return [cache.has(key), model.entries.has(key)]
    default:
      return [cache.get(key), model.entries.get(key)]
  }
}

export const order: Capability = {
  name: 'order',
  cases: [
    {
      title: 'a batch of thousands of keys keeps its place among the calls on each of them',
      async run({ cache }) {
        const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`)
        const calls = [
          cache.set('k2999', large),
          cache.setMany(keys.map(key => [key, 1])),
          cache.get('k2999'),
          cache.increment('k2998'),
          cache.take('k2997'),
          cache.getMany(['k0', 'k2997', 'k2998', 'k2999']),
          cache.set('k2996', large),
          cache.deleteMany(keys),
          cache.add('k1', 'added'),
          cache.getMany(keys),
        ]
        const hits = new Map([
          ['k0', 1],
          ['k2998', 2],
          ['k2999', 1],
        ])
        expect(await Promise.all(calls)).toEqual([
          true,
          [],
          1,
          2,
          1,
          hits,
          true,
          2999,
          true,
          new Map([['k1', 'added']]),
        ])
      },
    },
    {
      title: 'calls on one key in one tick take effect in call order',
      async run({ cache }) {
        const answers = await Promise.all([
          cache.get('k'),
          cache.set('k', 1),
          cache.get('k'),
          cache.increment('k'),
          cache.has('k'),
          cache.set('k', 'text'),
          cache.add('k', 'other'),
          cache.getMany(['k']),
          cache.delete('k'),
          cache.get('k'),
          cache.delete('k'),
          cache.add('k', 'again'),
          cache.take('k'),
          cache.touch('k', '1h'),
          cache.setMany([['k', 'last']]),
          cache.deleteMany(['k']),
          cache.has('k'),
        ])
        expect(answers).toEqual([
          undefined,
          true,
          1,
          2,
          true,
          true,
          false,
          new Map([['k', 'text']]),
          true,
          undefined,
          false,
          true,
          'again',
          false,
          [],
          1,
          false,
        ])
      },
    },
    {
      title: 'append and prepend take effect in call order among themselves and other calls',
      only: limits => limits.cas,
      async run({ cache }) {
        const answers = await Promise.all([
          cache.set('k', 'b'),
          cache.append('k', 'c'),
          cache.prepend('k', 'a'),
          cache.get('k'),
          cache.append('k', 'd'),
          cache.set('k', 'x'),
          cache.append('k', 'y'),
          cache.take('k'),
          cache.append('k', 'z'),
        ])
        expect(answers).toEqual([true, true, true, 'abc', true, true, true, 'xy', false])
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'a large value keeps its place before every kind of call',
      async run({ cache, limits }) {
        for (const value of [large, largeBytes]) {
          const after: Record<string, (key: string) => Promise<unknown>> = {
            get: async key => expect((await cache.get(key)) !== undefined).toBe(true),
            has: async key => expect(await cache.has(key)).toBe(true),
            getMany: async key => expect((await cache.getMany([key, 'x'])).size).toBe(1),
            getOrSet: async key => expect(await cache.getOrSet(key, () => 'loaded')).not.toBe('loaded'),
            add: async key => expect(await cache.add(key, 'other')).toBe(false),
            replace: async key => expect(await cache.replace(key, 'small')).toBe(true),
            touch: async key => expect(await cache.touch(key, '1h')).toBe(true),
            delete: async key => expect(await cache.delete(key)).toBe(true),
            deleteMany: async key => expect(await cache.deleteMany([key])).toBe(1),
            take: async key => expect((await cache.take(key)) !== undefined).toBe(true),
            set: async key => expect(await cache.set(key, 'small')).toBe(true),
            setMany: async key => expect(await cache.setMany([[key, 'small']])).toEqual([]),
            increment: async key => expect(await outcomeOf(cache.increment(key))).toHaveProperty('error'),
            ...(limits.cas ? { getEntry: async (key: string) => expect(await cache.getEntry(key)).toBeDefined() } : {}),
          }
          await Promise.all(Object.entries(after).flatMap(([key, call]) => [cache.set(key, value), call(key)]))
          const gone = ['delete', 'deleteMany', 'take']
          const small = ['replace', 'set', 'setMany']
          for (const key of Object.keys(after)) {
            const found = await cache.get(key)
            if (gone.includes(key)) expect(found, key).toBeUndefined()
            else if (small.includes(key)) expect(found, key).toBe('small')
            else expect(Buffer.compare(Buffer.from(found as string), Buffer.from(value)), key).toBe(0)
          }
        }
      },
    },
    {
      title: 'a large value set before a clear is gone, one set after it stays',
      async run({ cache }) {
        await Promise.all([cache.set('before', large), cache.clear(), cache.set('after', large)])
        expect(await cache.has('before')).toBe(false)
        expect((await cache.get('after')) === large).toBe(true)
      },
    },
    {
      title: 'of large values set in one tick the last one stands',
      async run({ cache }) {
        const texts = Array.from({ length: 10 }, (_, i) => large.slice(i * 1000) + i)
        await Promise.all(texts.map(text => cache.set('k', text)))
        expect((await cache.get('k')) === texts[9]).toBe(true)
        await Promise.all([cache.setMany([['k', large]]), cache.set('k', 'small')])
        expect(await cache.get('k')).toBe('small')
        await Promise.all([cache.set('k', large), cache.setMany([['k', 'many']]), cache.getMany(['k'])])
        expect(await cache.get('k')).toBe('many')
      },
    },
    ...[1, 2, 3, 4].map(seed => ({
      title: `a random run of calls in one tick answers as if each had waited for the last (seed ${seed})`,
      async run({ cache }: Trial) {
        const random = randomFrom(seed * 2_654_435_761)
        const model = new Model()
        const steps = Array.from({ length: 120 }, (_, i) => step(cache, model, random, i))
        const answers = await Promise.all(
          steps.map(async ([promise]) => {
            const settled = await outcomeOf(promise)
            return 'value' in settled ? settled.value : (settled.error as { code: string }).code
          }),
        )
        for (const [i, [, expected]] of steps.entries()) expectLike(answers[i], expected, i)
        for (const [key, value] of model.entries) expectLike(await cache.get(key), value, -1)
      },
    })),
  ],
}

/** Equality that cas large texts and bytes at once. */
function expectLike(actual: unknown, expected: unknown, step: number): void {
  if (expected instanceof Map) {
    expect([...(actual as Map<string, unknown>).keys()], `step ${step}`).toEqual([...expected.keys()])
    for (const [key, value] of expected) expectLike((actual as Map<string, unknown>).get(key), value, step)
  } else if (expected instanceof Uint8Array || (typeof expected === 'string' && expected.length > 1000)) {
    expect(typeof actual, `step ${step}`).toBe(typeof expected)
    const same = Buffer.compare(Buffer.from(actual as string), Buffer.from(expected as string)) === 0
    expect(same, `step ${step}`).toBe(true)
  } else {
    expect(actual, `step ${step}`).toEqual(expected)
  }
}
