import { type Cache, cacheOver, type StandardSchema } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { createSerializer, nativeFormat } from '@anycache/serializer'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Shape, Unfit } from '../src/entries/shape.js'
import { promisesOf } from './promises-of.js'

const open = (): Cache => cacheOver(new MemoryStore(), { namespace: 'shop' })

interface Line {
  sku: string
  count: number
}

/** The same shape in each library: a date from text, a default, a number from text. */
const libraries: Record<string, { cart: StandardSchema<unknown, unknown>; strict: StandardSchema<Line> }> = {
  zod: {
    cart: z.object({
      at: z.string().transform(text => new Date(text)),
      lines: z.array(z.string()).default([]),
      total: z.coerce.number(),
    }) as StandardSchema<unknown, unknown>,
    strict: z.object({ sku: z.string(), count: z.number() }),
  },
  valibot: {
    cart: v.object({
      at: v.pipe(
        v.string(),
        v.transform(text => new Date(text)),
      ),
      lines: v.optional(v.array(v.string()), []),
      total: v.pipe(v.string(), v.transform(Number)),
    }),
    strict: v.object({ sku: v.string(), count: v.number() }),
  },
  arktype: {
    cart: type({ at: 'string.date.parse', lines: type('string[]').default(() => []), total: 'string.numeric.parse' }),
    strict: type({ sku: 'string', count: 'number' }),
  },
}

describe.each(Object.entries(libraries))('a schema of %s', (_, { cart, strict }) => {
  test('transforms, fills in and converts what is read, and leaves what is stored as it was written', async () => {
    await using cache = open()
    const carts = cache.typed(cart, { version: 1 })
    const written = { at: '2026-01-02T03:04:05.000Z', total: '12.5' }
    const read = { at: new Date('2026-01-02T03:04:05Z'), lines: [], total: 12.5 }
    await carts.set('a', written)
    expect(await carts.get('a')).toEqual(read)
    expect(await cache.get('a')).toEqual(written)
    expect(await carts.getOrSet('b', () => written)).toEqual(read)
    expect(await carts.getOrSet('b', () => written)).toEqual(read)
    expect(await carts.update('a', () => ({ ...written, lines: ['tea'] }))).toEqual({ ...read, lines: ['tea'] })
    expect(await cache.get('a')).toEqual({ ...written, lines: ['tea'] })
  })

  test('says what does not fit, to the caller in words, in the event by place alone', async () => {
    await using cache = open()
    const lines = cache.typed(strict)
    const wrong = { sku: 'tea', count: 'a secret' } as never
    await expect(lines.set('a', wrong)).rejects.toMatchObject({
      code: 'ERR_CACHE_INVALID_ARGUMENT',
      message: expect.stringMatching(/^the value does not fit the schema: count: .*number/),
    })
    await cache.set('a', wrong)
    const events: unknown[] = []
    cache.on('error', ({ error }) => events.push(error.message))
    expect(await lines.get('a')).toBeUndefined()
    expect(events).toEqual(['the entry does not fit the schema and counts as a miss: at count'])
  })
})

test('a schema of zod that can only be asked by a promise works, too', async () => {
  await using cache = open()
  const known = new Set(['tea'])
  const skus = cache.typed(z.string().refine(async sku => known.has(sku), 'not sold'))
  expect(await skus.set('a', 'tea')).toBe(true)
  await expect(skus.set('b', 'sand')).rejects.toThrow('the value does not fit the schema: not sold')
  expect(await skus.get('a')).toBe('tea')
  known.clear()
  expect(await skus.get('a')).toBeUndefined()
})

test('the schema is asked about what a reader gets: an instance of a class is plain data by then', async () => {
  class Money {
    readonly cents: number
    constructor(cents: number) {
      this.cents = cents
    }
  }
  await using cache = open()
  const instances = cache.typed(z.instanceof(Money))
  await expect(instances.set('a', new Money(5))).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_ARGUMENT' })
  await expect(instances.getOrSet('a', () => new Money(5))).rejects.toMatchObject({
    code: 'ERR_CACHE_INVALID_ARGUMENT',
  })
  expect(await cache.has('a')).toBe(false)
  const prices = cache.typed(z.object({ cents: z.number() }).transform(({ cents }) => new Money(cents)))
  await prices.set('a', new Money(5))
  expect(await prices.get('a')).toEqual(new Money(5))
  expect(await prices.getOrSet('b', () => new Money(6))).toEqual(new Money(6))
})

test('a value that fits and cannot be stored is returned, as the schema makes it', async () => {
  await using cache = open()
  const errors: string[] = []
  cache.on('error', ({ error }) => errors.push(error.code))
  const named = cache.typed(z.object({ name: z.string().toUpperCase(), call: z.any() }))
  expect(await named.getOrSet('a', () => ({ name: 'tea', call: () => {} }))).toMatchObject({ name: 'TEA' })
  expect(errors).toEqual(['ERR_CACHE_SERIALIZATION'])
  expect(await cache.has('a')).toBe(false)
})

test('a version is refused where the format has no place for it', async () => {
  const serializer = { ...createSerializer(), format: { ...nativeFormat, metadata: false } }
  await using cache = cacheOver(new MemoryStore(), { serializer })
  expect(() => cache.typed(z.string(), { version: 1 })).toThrow(
    expect.objectContaining({ code: 'ERR_CACHE_NOT_SUPPORTED' }),
  )
  const texts = cache.typed(z.string())
  await texts.set('a', 'text')
  expect(await texts.get('a')).toBe('text')
})

test('a cache by reference checks, too, and keeps versions', async () => {
  await using cache = cacheOver(new MemoryStore({ isolation: 'reference' }))
  const lines = cache.typed(z.object({ sku: z.string() }), { version: 1 })
  const tea = { sku: 'tea' }
  await lines.set('a', tea)
  expect(await lines.get('a')).toEqual(tea)
  expect(await cache.get('a')).toBe(tea)
  expect(await cache.typed(z.object({ sku: z.string() }), { version: 2 }).get('a')).toBeUndefined()
  tea.sku = 5 as never
  expect(await lines.get('a')).toBeUndefined()
})

test('a schema that answers at once costs no promise', async () => {
  await using cache = open()
  const texts = cache.typed(v.string(), { version: 1 })
  expect(await promisesOf(() => texts.set('k', 'v'))).toBe(1)
  expect(await promisesOf(() => texts.get('k'))).toBe(1)
  expect(await promisesOf(() => texts.getOrSet('k', () => 'never'))).toBe(1)
})

test('a schema that keeps to nothing fails as a check, and is never a crash', () => {
  for (const answer of [undefined, null, 5, { issues: true }, { issues: [null] }]) {
    const shape = new Shape({ '~standard': { version: 1, vendor: 'x', validate: () => answer as never } }, undefined)
    expect(shape.check('v')).toBeInstanceOf(Unfit)
  }
})
