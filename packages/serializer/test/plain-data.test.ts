import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { CODEC_JSON, createSerializer, type Encoded } from '@anycache/serializer'
import { describe, expect, it } from 'vitest'

const { encode, decode } = createSerializer()

function stored(value: unknown): unknown {
  const { flags, data } = encode(value) as Encoded
  return decode(flags, data)
}

class Money {
  #secret = 1
  readonly amount: number
  readonly at = new Date(5)
  constructor(amount: number) {
    this.amount = amount
  }
  get double() {
    return this.amount * 2 * this.#secret
  }
}

class Id {
  readonly #hex: string
  constructor(hex: string) {
    this.#hex = hex
  }
  toJSON() {
    return this.#hex
  }
}

describe('what becomes plain data', () => {
  it('stores the own enumerable properties of class instances', () => {
    const back = stored({ price: new Money(5) })
    expect(isDeepStrictEqual(back, { price: { amount: 5, at: new Date(5) } })).toBe(true)
  })

  it('stores a class instance of JSON data as JSON', () => {
    class Point {
      x = 1
    }
    expect(encode([new Point()])).toEqual({ flags: CODEC_JSON, data: '[{"x":1}]' })
  })

  it('honours toJSON at every level, and stores its text as text', () => {
    expect(stored(new URL('http://example.org/a'))).toBe('http://example.org/a')
    expect(encode(new Id('41'))).toEqual(encode('41'))
    expect(stored({ id: new Id('ab'), ids: new Map([['a', new Id('cd')]]) })).toEqual({
      id: 'ab',
      ids: new Map([['a', 'cd']]),
    })
    expect(stored({ a: 1, toJSON: (key: string) => ({ b: key }) })).toEqual({ b: '' })
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => ({ at: new Date(1) }) })
    expect(stored(hidden)).toEqual({ at: new Date(1) })
  })

  it('does not loop on a toJSON that answers its own object', () => {
    class Self {
      x = 1
      toJSON() {
        return this
      }
    }
    expect(stored(new Self())).toEqual({ x: 1 })
  })

  it('keeps Date and Buffer though they have a toJSON', () => {
    const value = { at: new Date(7), bytes: Buffer.from('x'), row: new Money(1) }
    const back = stored(value) as typeof value
    expect(back.at).toEqual(new Date(7))
    expect(Buffer.isBuffer(back.bytes)).toBe(true)
  })

  it('stores subclasses of builtins as the builtin', () => {
    class Stamp extends Date {}
    class Registry extends Map<string, unknown> {}
    class Bytes extends Uint8Array {}
    class List extends Array<number> {}
    const back = stored({
      a: new Stamp(1),
      b: new Registry([['k', new Money(1).at]]),
      c: new Bytes([1]),
      d: List.from([1]),
    })
    const expected = { a: new Date(1), b: new Map([['k', new Date(5)]]), c: new Uint8Array([1]), d: [1] }
    expect(isDeepStrictEqual(back, expected)).toBe(true)
  })

  it('stores an error of a class with its name, message, stack, cause and own properties', () => {
    class HttpError extends TypeError {
      override name = 'HttpError'
      readonly status = 404
    }
    const error = new HttpError('no such page', { cause: new Money(1) })
    const back = stored({ error }) as { error: HttpError }
    expect(back.error).toBeInstanceOf(TypeError)
    expect({ ...back.error, message: back.error.message, stack: back.error.stack, cause: back.error.cause }).toEqual({
      name: 'HttpError',
      status: 404,
      message: 'no such page',
      stack: error.stack,
      cause: { amount: 1, at: new Date(5) },
    })
    expect(Object.keys(back.error)).toEqual(Object.keys(error))
  })

  it('stores an error of no own message, one of no stack, and a DOMException', () => {
    const bare = new Error()
    delete bare.stack
    const back = stored(bare) as Error
    expect([Object.hasOwn(back, 'message'), back.stack]).toEqual([false, undefined])
    const aborted = stored(new DOMException('gone', 'AbortError')) as Error
    expect([aborted instanceof Error, aborted.name, aborted.message]).toEqual([true, 'AbortError', 'gone'])
  })

  it('stores data and errors of another realm as those of this one', () => {
    const value = runInNewContext('({ list: [1, { a: 1 }], at: new Date(3), error: new RangeError("far") })')
    const back = stored(value) as { list: unknown; at: Date; error: Error }
    expect(isDeepStrictEqual(back.list, [1, { a: 1 }])).toBe(true)
    expect(isDeepStrictEqual(back.at, new Date(3))).toBe(true)
    expect(back.error).toBeInstanceOf(RangeError)
  })

  it('stores a Proxy of plain data as the data it shows', () => {
    expect(stored(new Proxy({ a: 1 }, {}))).toEqual({ a: 1 })
    expect(stored([new Proxy({ at: new Date(1) }, {})])).toEqual([{ at: new Date(1) }])
  })

  it('leaves out symbol keys, as JSON and structuredClone do', () => {
    expect(Reflect.ownKeys(stored({ a: 1, [Symbol('hidden')]: 2 }) as object)).toEqual(['a'])
  })
})

describe('what is refused', () => {
  const socket = new Readable()
  const refused: [string, unknown, string][] = [
    ['undefined', undefined, 'the value is undefined'],
    ['a function', () => 1, 'the value is a function'],
    ['a symbol', Symbol('s'), 'the value is a symbol'],
    ['a function in an array', { items: [1, 2, 3, { onClick() {} }] }, 'value.items[3].onClick is a function'],
    ['a symbol under an odd key', { 'a b': [Symbol('s')] }, 'value["a b"][0] is a symbol'],
    ['a function in a Map', { m: new Map([['k', () => 1]]) }, 'value.m.get("k") is a function'],
    ['a symbol as key of a Map', new Map([[Symbol('s'), 1]]), 'value<key symbol> is a symbol'],
    ['a function in a Set', new Set([1, () => 1]), 'value<item 1> is a function'],
    ['a function on an Error', Object.assign(new Error('x'), { retry: () => 1 }), 'value.retry is a function'],
    ['a function beside a Date', { at: new Date(), run() {} }, 'value.run is a function'],
    ['a WeakMap', { cache: new WeakMap() }, 'value.cache is a host object (WeakMap)'],
    ['a Promise', [Promise.resolve()], 'value[0] is a promise that was not awaited'],
    ['a WeakRef', new WeakRef({}), 'value is a host object'],
    ['a generator', (function* () {})(), 'value is a host object'],
    ['URLSearchParams', new URLSearchParams('a=1'), 'value is a host object'],
    ['a stream', { socket }, 'value.socket is an event emitter or a stream'],
    ['an event emitter', new EventEmitter(), 'value is an event emitter'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), 'value is a host object'],
    ['a boxed symbol', [Object(Symbol('s'))], 'value[0] is a host object'],
    ['a Proxy of a RegExp', { p: new Proxy(/x/, {}) }, 'value.p is a Proxy'],
    ['a toJSON without an answer', { toJSON() {} }, 'toJSON() returned undefined'],
    ['a toJSON that answers a function', { a: { toJSON: () => () => 1 } }, 'value.a is a function'],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('not now')
        },
      },
      'value.a cannot be read: not now',
    ],
  ]

  it.each(refused)('refuses %s and says where it is', (_name, value, message) => {
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_SERIALIZATION' }))
    expect(() => encode(value)).toThrow(message)
  })
})
