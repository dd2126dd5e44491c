import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { CODEC_JSON, CODEC_V8, createSerializer, type Encoded } from '@anycache/serializer'
import { describe, expect, it } from 'vitest'
import { JSON_CARRIES, survey, UNSURE, V8_CARRIES } from '../src/survey.js'

class Row {
  readonly id: number
  readonly name: string
  #secret = 1
  constructor(id: number) {
    this.id = id
    this.name = `Product ${id}`
  }
  get double() {
    return this.id * 2 * this.#secret
  }
}

class SpecialRow extends Row {
  readonly tags = ['a', 'b']
}

const rows = <T>(count: number, make: (id: number) => T): T[] => Array.from({ length: count }, (_, id) => make(id))
const plain = (id: number) => ({ id, name: `Product ${id}`, price: id / 8, tags: ['red', null], stock: { A1: 3 } })

// UNSURE costs a copy of the whole value, several times the price of its JSON.
describe('a value of any size needs no copy', () => {
  const shared = { currency: 'EUR' }
  const large = { list: rows(20_000, plain) }
  const values: [string, unknown, number][] = [
    ['plain rows', rows(200_000, plain), JSON_CARRIES],
    ['rows with a Date each', rows(100_000, id => ({ ...plain(id), at: new Date(id) })), V8_CARRIES],
    ['rows with bytes each', rows(60_000, id => ({ id, hash: Buffer.from([id]) })), V8_CARRIES],
    ['rows of a class', rows(60_000, id => new Row(id)), JSON_CARRIES],
    ['rows of a class that extends another', rows(60_000, id => new SpecialRow(id)), JSON_CARRIES],
    [
      'rows of a class with a Date each',
      rows(60_000, id => Object.assign(new Row(id), { at: new Date(id) })),
      V8_CARRIES,
    ],
    ['a Map of rows', new Map(rows(60_000, id => [id, plain(id)])), V8_CARRIES],
    ['rows that name one small object', rows(60_000, id => ({ id, shared })), JSON_CARRIES],
    ['rows that name one large object', rows(60_000, id => ({ id, large })), V8_CARRIES],
    ['one row of a class', new Row(1), JSON_CARRIES],
  ]

  it.each(values)('such as %s', (_name, value, verdict) => {
    expect(survey(value as object)).toBe(verdict)
    const { flags, data } = createSerializer({ compression: false }).encode(value) as Encoded
    expect(flags).toBe(verdict === JSON_CARRIES ? CODEC_JSON : CODEC_V8)
    if (!Array.isArray(value)) return
    const back = createSerializer().decode(flags, data) as unknown[]
    expect(back.length).toBe(value.length)
    for (const index of [0, value.length - 1]) {
      const row = value[index]
      expect(isDeepStrictEqual(back[index], row instanceof Row ? { ...row } : row)).toBe(true)
    }
  })

  it('nor in a cycle, even at the end of many rows', () => {
    const root: { list: object[]; first: object | undefined } = { list: [], first: undefined }
    root.list = rows(60_000, id => ({ id, tags: ['a'] }))
    root.list.push({ root })
    expect(survey(root)).toBe(V8_CARRIES)
    const children = { list: [] as object[] }
    children.list = rows(1000, id => ({ id, parent: children }))
    expect(survey(children)).toBe(V8_CARRIES)
  })

  it('and is not looked at more often than it has parts', () => {
    let looks = 0
    const leaf = Object.defineProperty({}, 'a', { enumerable: true, get: () => ++looks })
    let value: object = leaf
    for (let level = 0; level < 400; level++) value = [value, value]
    expect(survey(value)).toBe(V8_CARRIES)
    expect(looks).toBeLessThan(200_000)
  })
})

describe('a cheap look cannot tell what carries', () => {
  class Stamp extends Date {}
  class Registry extends Map {}
  class Emitter extends EventEmitter {
    id = 1
  }
  class Tagged {
    id = 1
    get [Symbol.toStringTag]() {
      return 'Tagged'
    }
  }
  class Money {
    cents = 1
    toJSON() {
      return this.cents
    }
  }
  it.each([
    ['a subclass of a builtin', Object.assign(new Stamp(), { id: 1 })],
    ['a subclass of a collection', Object.assign(new Registry(), { id: 1 })],
    ['an error', Object.assign(new Error('x'), { id: 1 })],
    ['an event emitter', new Emitter()],
    ['an object of the platform', Object.assign(new URLSearchParams('a=1'), { id: 1 })],
    ['an object with a tag', new Tagged()],
    ['an object without properties', new (class Empty {})()],
    ['an object with a toJSON', new Money()],
    ['an object without a prototype', Object.assign(Object.create(null), { id: 1 })],
    [
      'a class with methods that are enumerable',
      Object.create({ id: 1, run() {} }, { a: { value: 1, enumerable: true } }),
    ],
  ])('%s', (_name, value) => {
    expect(survey(value)).toBe(UNSURE)
    expect(survey([value])).toBe(UNSURE)
  })

  it('the last of many rows', () => {
    expect(survey([...rows(60_000, plain), { run() {} }])).toBe(UNSURE)
    expect(() => createSerializer().encode({ list: [...rows(60_000, plain), { run() {} }] })).toThrow(
      'value.list[60000].run is a function',
    )
  })
})
