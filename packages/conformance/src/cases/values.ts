import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { expectSame, rejection } from '../expectations.js'
import type { Trial } from '../trial.js'
import { sampleValues } from './sample-values.js'

class Point {
  x = 1
  #hidden = 2
  get sum(): number {
    return this.x + this.#hidden
  }
}

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
  toJSON(): unknown {
    return { amount: this.cents / 100 }
  }
}

/** What no backend can hold, by what it is. */
function refusedValues(): Record<string, unknown> {
  return {
    'a function': () => 1,
    'a symbol': Symbol('s'),
    'a function inside an object': { a: [{ onClick() {} }] },
    'a symbol inside an array': [Symbol('s')],
    'a function inside a Map': new Map([['k', () => 1]]),
    'a WeakMap': new WeakMap(),
    'a Promise in an object': { later: Promise.resolve(1) },
    'a WeakRef in an object': { ref: new WeakRef({}) },
  }
}

export const values: Capability = {
  name: 'values',
  cases: [
    ...Object.keys(sampleValues()).map(name => ({
      title: `${name} comes back as it was`,
      async run({ cache, limits }: Trial) {
        const value = sampleValues()[name]
        expect(await cache.set('set', value)).toBe(true)
        expect(await cache.add('add', value)).toBe(true)
        expect(await cache.setMany([['many', value]])).toEqual([])
        expectSame(await cache.getOrSet('load', () => value), value)
        for (const key of ['set', 'add', 'many', 'load']) expectSame(await cache.get(key), value)
        expectSame((await cache.getMany(['set', 'many'])).get('many'), value)
        expectSame(await cache.getOrSet('load', () => 'another'), value)
        if (limits.cas) expectSame((await cache.getEntry('set'))?.value, value)
        expectSame(await cache.take('set'), value)
      },
    })),
    {
      title: 'an object comes back with its names in order, and pollutes no prototype',
      async run({ cache }) {
        const value = JSON.parse('{"b":1,"a":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}')
        await cache.set('k', value)
        const back = await cache.get<Record<string, unknown>>('k')
        expect(Object.keys(back ?? {})).toEqual(['b', 'a', '__proto__'])
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
        expect((back as { polluted?: unknown }).polluted).toBeUndefined()
      },
    },
    {
      title: 'a null-prototype object comes back with the same properties',
      async run({ cache }) {
        const value = Object.assign(Object.create(null), { a: 1, b: [2] })
        await cache.set('k', value)
        expect({ ...(await cache.get<object>('k')) }).toEqual({ a: 1, b: [2] })
      },
    },
    {
      title: 'a cycle comes back as a cycle',
      async run({ cache }) {
        const value: { self?: unknown } = {}
        value.self = value
        await cache.set('k', value)
        const back = await cache.get<{ self: unknown }>('k')
        expect(back?.self).toBe(back)
      },
    },
    {
      title: 'instances of classes become plain data, and toJSON is honoured',
      async run({ cache }) {
        await cache.set('point', new Point())
        expectSame(await cache.get('point'), { x: 1 })
        await cache.set('nested', {
          at: new Point(),
          price: new Money(150),
          when: new Date(0),
          url: new URL('https://a.example/'),
        })
        expectSame(await cache.get('nested'), {
          at: { x: 1 },
          price: { amount: 1.5 },
          when: new Date(0),
          url: 'https://a.example/',
        })
        await cache.set('map', new Map([['k', new Money(5)]]))
        expectSame(await cache.get('map'), new Map([['k', { amount: 0.05 }]]))
      },
    },
    {
      title: 'the caller that loaded an instance sees the same plain data as the next one',
      async run({ cache }) {
        const loaded = await cache.getOrSet<unknown>('k', () => ({ price: new Money(150) }))
        expectSame(loaded, { price: { amount: 1.5 } })
        expectSame(await cache.getOrSet('k', () => 'another'), loaded)
      },
    },
    {
      title: '10 MB of compressible text come back whole',
      async run({ cache }) {
        const text = 'a longer sentence, over and over. '.repeat(300_000)
        expect(await cache.set('k', text)).toBe(true)
        expect((await cache.get<string>('k')) === text).toBe(true)
      },
    },
    ...Object.keys(refusedValues()).map(name => ({
      title: `${name} is refused at write, and the old value stays`,
      async run({ cache, limits }: Trial) {
        const value = refusedValues()[name]
        await cache.set('k', 'old')
        const code = 'ERR_CACHE_SERIALIZATION'
        const error = await rejection(() => cache.set('k', value), code)
        expect([error.op, error.key]).toEqual(['set', 'k'])
        await rejection(() => cache.set('k', value, { onError: 'open' }), code)
        await rejection(() => cache.replace('k', value), code)
        await rejection(() => cache.add('absent', value), code)
        await rejection(
          () =>
            cache.setMany([
              ['k', 'new'],
              ['other', value],
            ]),
          code,
        )
        if (limits.cas) {
          const entry = await cache.getEntry('k')
          await rejection(() => cache.compareAndSet('k', value, entry!.casToken), code)
          await rejection(() => cache.update('k', () => value), code)
        }
        expect(await cache.get('k')).toBe('old')
        expect(await cache.getMany(['absent', 'other'])).toEqual(new Map())
      },
    })),
    {
      title: 'a loaded value that cannot be stored is returned all the same, and reported',
      async run({ cache }) {
        const errors: string[] = []
        cache.on('error', ({ error }) => errors.push(error.code))
        const value = { run: () => 1 }
        expect(await cache.getOrSet('k', () => value)).toBe(value)
        expect(errors).toEqual(['ERR_CACHE_SERIALIZATION'])
        expect(await cache.has('k')).toBe(false)
      },
    },
    {
      title: 'undefined cannot be stored',
      async run({ cache, limits }) {
        await cache.set('k', 'old')
        const code = 'ERR_CACHE_INVALID_ARGUMENT'
        await rejection(() => cache.set('k', undefined), code)
        await rejection(() => cache.add('absent', undefined), code)
        await rejection(() => cache.replace('k', undefined), code)
        await rejection(
          () =>
            cache.setMany([
              ['absent', 1],
              ['k', undefined],
            ]),
          code,
        )
        if (limits.cas) {
          const entry = await cache.getEntry('k')
          await rejection(() => cache.compareAndSet('k', undefined, entry!.casToken), code)
        }
        expect(await cache.get('k')).toBe('old')
        expect(await cache.has('absent')).toBe(false)
      },
    },
  ],
}
