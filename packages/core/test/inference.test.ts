import { MemoryStore } from '@anycache/memory'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  type CacheError,
  type CacheEvents,
  type CasToken,
  cacheOver,
  type Duration,
  type ErrorCode,
  type Loader,
  type LoaderContext,
  type TypedCache,
} from '../src/index.js'

const cache = cacheOver(new MemoryStore())

// What the compiler says is checked by `npm run types`, where a line that is wrong, or an expected error that is missing, fails.
describe('types', () => {
  test('getOrSet gives what the loader gives, awaited', async () => {
    expectTypeOf(await cache.getOrSet('a', async () => ({ a: 1 }))).toEqualTypeOf<{ a: number }>()
    expectTypeOf(await cache.getOrSet('b', () => 'b')).toEqualTypeOf<string>()
    const perhaps = async (): Promise<Date | undefined> => undefined
    expectTypeOf(await cache.getOrSet('c', perhaps)).toEqualTypeOf<Date | undefined>()
    await cache.getOrSet('d', () => 'd', {
      shouldCache: value => value.length > 0,
      onOutcome: ({ source }) => expectTypeOf(source).toEqualTypeOf<'hit' | 'load' | 'joined' | 'stale'>(),
    })
  })

  test('a loader that looks at its context says what getOrSet gives all the same', async () => {
    const named = cache.getOrSet('e', async ({ key, setTtl }) => {
      setTtl('5m')
      return { name: key }
    })
    expectTypeOf(await named).toEqualTypeOf<{ name: string }>()
    expectTypeOf(await cache.getOrSet('f', context => context.key.length)).toEqualTypeOf<number>()
    const options = { shouldCache: (length: number) => length > 0 }
    expectTypeOf(await cache.getOrSet('g', ({ key }) => key.length, options)).toEqualTypeOf<number>()
    await cache.getOrSet('h', ({ key }) => key, { shouldCache: text => text.length > 0 })
    const many = cache.getOrSetMany(['i'], async (missing, { setTags }) => {
      setTags('letters')
      return new Map(missing.map(key => [key, key.length]))
    })
    expectTypeOf(await many).toEqualTypeOf<Map<string, number>>()
    const lengths = cache.getOrSetMany(['j'], missing => Object.fromEntries(missing.map(key => [key, key.length])))
    expectTypeOf(await lengths).toEqualTypeOf<Map<string, number>>()
  })

  test('the value that is being replaced has the type that the call or the loader names', async () => {
    const page = async (etag: string | undefined): Promise<{ etag: string } | undefined> =>
      etag === '1' ? undefined : { etag: '1' }
    type Page = { etag: string }
    const named = cache.getOrSet<Page>(
      'a',
      async ({ stale, notModified }) => (await page(stale?.etag)) ?? notModified(),
    )
    expectTypeOf(await named).toEqualTypeOf<Page>()
    const load = async ({ stale, notModified }: LoaderContext<Page>) => (await page(stale?.etag)) ?? notModified()
    expectTypeOf(await cache.getOrSet('b', load)).toEqualTypeOf<Page>()
    const loader: Loader<Page> = load
    expectTypeOf(await cache.getOrSet('b', loader, { ttl: '1m' })).toEqualTypeOf<Page>()
    expectTypeOf(
      await cache.getOrSet('c', async ({ notModified }) => (await page(undefined)) ?? notModified()),
    ).toEqualTypeOf<Page>()
    await cache.getOrSet('d', ({ stale }) => {
      expectTypeOf(stale).toEqualTypeOf<unknown>()
      return 1
    })
    const many = cache.getOrSetMany<Page>(['e'], (missing, { stale, notModified }) => {
      expectTypeOf(stale).toEqualTypeOf<ReadonlyMap<string, Page>>()
      return new Map(missing.map(key => [key, stale.has(key) ? notModified(key) : { etag: '1' }]))
    })
    expectTypeOf(await many).toEqualTypeOf<Map<string, Page>>()
    const wrong = () => [
      // @ts-expect-error the loader gives a number
      cache.getOrSet<string>('a', ({ key }) => key.length),
      // @ts-expect-error what it replaces is a Page
      cache.getOrSet<Page>('a', ({ stale }) => stale?.body ?? { etag: '1' }),
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  test('wrap keeps parameters, and awaits the result', async () => {
    const find = async (country: string, id: number) => ({ country, id })
    const found = cache.wrap(find, { key: (country, id) => `${country.toUpperCase()}:${id.toFixed()}` })
    expectTypeOf(found).toEqualTypeOf<(country: string, id: number) => Promise<{ country: string; id: number }>>()
    const loud = async (text: string, options?: { loud: boolean }) => (options?.loud ? `${text}!` : text)
    const shouted = cache.wrap(loud, { key: text => text })
    expectTypeOf(shouted).toEqualTypeOf<(text: string, options?: { loud: boolean }) => Promise<string>>()
    const doubled = cache.wrap((n: number) => n * 2, { key: n => `double:${n}` })
    expectTypeOf(await doubled(2)).toEqualTypeOf<number>()
  })

  test('reads give unknown until told', async () => {
    expectTypeOf(await cache.get('a')).toEqualTypeOf<unknown>()
    expectTypeOf(await cache.get<string>('a')).toEqualTypeOf<string | undefined>()
    expectTypeOf(await cache.getMany<number>(['a'])).toEqualTypeOf<Map<string, number>>()
    expectTypeOf(await cache.getEntry<number>('a')).toEqualTypeOf<{ value: number; casToken: CasToken } | undefined>()
  })

  test('a count is a number unless an absent counter may stay absent', async () => {
    const create = false as boolean
    expectTypeOf(await cache.increment('n')).toEqualTypeOf<number>()
    expectTypeOf(await cache.decrement('n', 2, { initial: 5, ttl: '1m' })).toEqualTypeOf<number>()
    expectTypeOf(await cache.increment('n', 1, { create: true })).toEqualTypeOf<number>()
    expectTypeOf(await cache.increment('m', 1, { create: false })).toEqualTypeOf<number | undefined>()
    expectTypeOf(await cache.decrement('m', 1, { create })).toEqualTypeOf<number | undefined>()
  })

  test('update gives the type that its function takes', async () => {
    const cart = await cache.update('cart', (now: string[] | undefined) => [...(now ?? []), 'tea'])
    expectTypeOf(cart).toEqualTypeOf<string[] | undefined>()
  })

  test('events tell their own details', () => {
    cache.on('error', ({ error }) => {
      expectTypeOf(error).toEqualTypeOf<CacheError>()
      expectTypeOf(error.code).toEqualTypeOf<ErrorCode>()
    })
    cache.on('breaker', detail => expectTypeOf(detail).toEqualTypeOf<CacheEvents['breaker']>())
  })

  test('an option may be undefined, as in an object made of variables', async () => {
    const ttl = undefined as Duration | undefined
    const signal = undefined as AbortSignal | undefined
    await cache.set('a', 1, { ttl, timeout: undefined, onError: undefined })
    await cache.increment('n', 1, { ttl, initial: undefined, create: undefined })
    await cache.getOrSet('a', () => 1, { ttl, signal, jitter: undefined, force: undefined, skipNull: undefined })
  })

  test('a typed cache takes the input of its schema and gives the output, of whichever library', () => {
    type Input = { name: string; since: string; tags?: string[] | undefined }
    type Output = { name: string; since: Date; tags: string[] }
    const fromZod = z.object({
      name: z.string(),
      since: z.string().transform(text => new Date(text)),
      tags: z.array(z.string()).default([]),
    })
    const fromValibot = v.object({
      name: v.string(),
      since: v.pipe(
        v.string(),
        v.transform(text => new Date(text)),
      ),
      tags: v.optional(v.array(v.string()), []),
    })
    expectTypeOf(cache.typed(fromZod)).toEqualTypeOf<TypedCache<Input, Output>>()
    expectTypeOf(cache.typed(fromValibot)).toEqualTypeOf<TypedCache<Input, Output>>()
    const fromArktype = type({ name: 'string', age: 'string.numeric.parse' })
    expectTypeOf(cache.typed(fromArktype)).toEqualTypeOf<
      TypedCache<{ name: string; age: string }, { name: string; age: number }>
    >()
    expectTypeOf(cache.typed(z.number(), { version: 2 })).toEqualTypeOf<TypedCache<number>>()
  })

  test('the verbs of a typed cache', async () => {
    const lengths = cache.typed(z.string().transform(text => text.length))
    expectTypeOf(await lengths.get('a')).toEqualTypeOf<number | undefined>()
    expectTypeOf(await lengths.getMany(['a'])).toEqualTypeOf<Map<string, number>>()
    expectTypeOf(await lengths.getEntry('a')).toEqualTypeOf<{ value: number; casToken: CasToken } | undefined>()
    expectTypeOf(await lengths.take('a')).toEqualTypeOf<number | undefined>()
    expectTypeOf(await lengths.getOrSet('b', ({ stale }) => 'b'.repeat(stale ?? 1))).toEqualTypeOf<number>()
    expectTypeOf(await lengths.wrap((n: number) => 'c'.repeat(n), { key: n => `c:${n}` })(3)).toEqualTypeOf<number>()
    expectTypeOf(await lengths.update('a', now => 'd'.repeat(now ?? 0))).toEqualTypeOf<number | undefined>()
    expectTypeOf(lengths.namespace('nested')).toEqualTypeOf<TypedCache<string, number>>()
    expectTypeOf(lengths.typed(z.boolean())).toEqualTypeOf<TypedCache<boolean>>()
    expectTypeOf(await lengths.increment('n')).toEqualTypeOf<number>()
    expectTypeOf(await cache.getOrSet('d', () => 'd', { schema: z.string() })).toEqualTypeOf<string>()
    const wrong = () => [
      // A loader that finds nothing newer gives what `notModified` gives, whatever the schema makes of it.
      lengths.getOrSet('b', ({ stale, notModified }) => (stale === undefined ? 'b' : notModified())),
      lengths.getOrSetMany(['b'], (missing, { notModified }) => new Map(missing.map(key => [key, notModified(key)]))),
      lengths.setMany([['a', 'text']]),
      // @ts-expect-error a number is what is read, not what is written
      lengths.set('a', 5),
      // @ts-expect-error it is text
      lengths.setMany([['a', 5]]),
      // @ts-expect-error it is text
      lengths.add('a', 5),
      // @ts-expect-error it is text
      lengths.getOrSet('a', () => 5),
      // @ts-expect-error it is text
      lengths.update('a', () => 5),
      // @ts-expect-error the cache has a schema
      lengths.getOrSet('a', () => 'a', { schema: z.string() }),
      // @ts-expect-error the loader gives text
      cache.getOrSet('a', () => 'a', { schema: z.number() }),
      // @ts-expect-error it is version
      cache.typed(z.number(), { verison: 1 }),
      // @ts-expect-error it is no schema
      cache.typed({ type: 'string' }),
    ]
    expectTypeOf(wrong).toBeFunction()
  })

  test('a wrong parameter, a misspelt option, a ttl in words and an unknown event do not compile', () => {
    const shout = cache.wrap((text: string) => text.toUpperCase(), { key: text => text })
    const wrong = () => [
      // @ts-expect-error it is text
      shout(5),
      // @ts-expect-error it is ttl
      cache.set('a', 1, { tll: 5 }),
      // @ts-expect-error it is '5m'
      cache.set('a', 1, { ttl: '5 minutes' }),
      // @ts-expect-error it is hit
      cache.on('hits', () => {}),
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})
