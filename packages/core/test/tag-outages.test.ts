import { type Cache, type CacheError, cacheOver } from '@anycache/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

let store: IllStore
let cache: Cache
let errors: CacheError[]

beforeEach(() => {
  store = new IllStore()
  cache = cacheOver(store, { namespace: 'shop' })
  errors = []
  cache.on('error', ({ error }) => errors.push(error))
})

describe('tags that cannot be looked up', () => {
  beforeEach(async () => {
    await cache.setMany([
      ['k', 'old'],
      ['other', 'old'],
    ])
    await cache.set('tagged', 'v', { tags: 't' })
    store.illKeys.add('t')
  })

  test('make a set "not done", and the old value is not the answer any more', async () => {
    expect(await cache.set('k', 'new', { tags: 't' })).toBe(false)
    expect(errors).toMatchObject([{ code: 'ERR_CACHE_CONNECTION', op: 'set', key: 'k' }])
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.stats().outageMisses).toBe(1)
    // Asked for: the delete that is owed goes first.
    expect(await cache.get('k', { onError: 'throw' })).toBeUndefined()
    expect(await cache.add('k', 'added')).toBe(true)
    await expect(cache.set('other', 'new', { tags: 't', onError: 'throw' })).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
    })
    expect(await cache.get('other')).toBeUndefined()
  })

  test('make a setMany list all its keys', async () => {
    const entries = [
      ['k', 'new'],
      ['other', 'large '.repeat(30_000)],
    ] as const
    expect(await cache.setMany(entries, { tags: 't' })).toEqual(['k', 'other'])
    expect(errors).toMatchObject([{ code: 'ERR_CACHE_CONNECTION', op: 'setMany' }])
    expect(await cache.getMany(['k', 'other'])).toEqual(new Map())
    await expect(cache.setMany(entries, { tags: 't', onError: 'throw' })).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
    })
  })

  test('have a set forget the old value in its turn, behind a value that is still being encoded', async () => {
    const earlier = cache.set('k', 'large '.repeat(30_000))
    const failed = cache.set('k', 'new', { tags: 't' })
    expect(await Promise.all([earlier, failed])).toEqual([true, false])
    expect(await cache.get('k')).toBeUndefined()
    const again = [cache.set('k', 'new', { tags: 't' }), cache.set('k', 'newest')]
    expect(await Promise.all(again)).toEqual([false, true])
    expect(await cache.get('k')).toBe('newest')
  })

  test('leave a set of a value that cannot be encoded alone', async () => {
    await expect(cache.set('k', Symbol('none'), { tags: 't' })).rejects.toMatchObject({
      code: 'ERR_CACHE_SERIALIZATION',
    })
    expect(await cache.get('k')).toBe('old')
  })

  test('reject what a program acts on, and leave the entry alone', async () => {
    const options = { tags: 't' }
    const refused = { code: 'ERR_CACHE_CONNECTION' }
    await expect(cache.add('new', 1, options)).rejects.toMatchObject(refused)
    await expect(cache.replace('k', 1, options)).rejects.toMatchObject(refused)
    await expect(cache.update('k', () => 1, options)).rejects.toMatchObject(refused)
    await expect(cache.append('k', '+', options)).rejects.toMatchObject(refused)
    await expect(cache.update('tagged', () => 1)).rejects.toMatchObject(refused)
    await expect(cache.prepend('tagged', '+')).rejects.toMatchObject(refused)
    const entry = await cache.getEntry('k')
    await expect(cache.compareAndSet('k', 1, entry!.casToken, options)).rejects.toMatchObject(refused)
    expect(await cache.get('k')).toBe('old')
    expect(errors.map(({ op, key }) => `${op} ${key}`)).toEqual([
      'add new',
      'replace k',
      'update k',
      'append k',
      'update tagged',
      'prepend tagged',
      'compareAndSet k',
    ])
  })

  test('make reads of their entries an outage, and no others', async () => {
    expect(await cache.get('tagged')).toBeUndefined()
    expect(await cache.has('tagged')).toBe(false)
    expect(await cache.getEntry('tagged')).toBeUndefined()
    expect(await cache.getMany(['k', 'tagged', 'other'])).toEqual(
      new Map([
        ['k', 'old'],
        ['other', 'old'],
      ]),
    )
    expect(cache.stats()).toMatchObject({ outageMisses: 4, invalidatedMisses: 0, hits: 2 })
    expect(errors.map(({ op, key }) => `${op} ${key}`)).toEqual([
      'get tagged',
      'has tagged',
      'getEntry tagged',
      'getMany tagged',
    ])
    const options = { onError: 'throw' } as const
    const reads = [
      () => cache.get('tagged', options),
      () => cache.has('tagged', options),
      () => cache.getEntry('tagged', options),
      () => cache.getMany(['tagged', 'k'], options),
      () => cache.take('tagged'),
    ]
    for (const read of reads) await expect(read()).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION' })
  })

  test('are an outage for entries whose other tags are known', async () => {
    store.illKeys.clear()
    await cache.set('two', 'v', { tags: ['t', 'u'] })
    await cache.set('one', 'v', { tags: 'u' })
    store.illKeys.add('t')
    expect([...(await cache.getMany(['one', 'two'])).keys()]).toEqual(['one'])
  })
})

describe('an invalidation in an outage', () => {
  const invalidating: [string, () => void][] = [
    ['of the server', () => (store.illness = 'down')],
    ['of a server that is frozen', () => (store.illness = 'frozen')],
    ['of a server that refuses writes', () => (store.illness = 'refusing writes')],
    ['of one tag', () => store.illKeys.add('t')],
    ['of the mark of all invalidations', () => store.illKeys.add('epoch')],
  ]

  test.each(invalidating)('%s rejects, and what it meant is never a hit again', async (_, fallIll) => {
    await cache.set('k', 'v', { tags: 't' })
    await cache.set('plain', 'v')
    fallIll()
    for (const onError of ['open', 'throw'] as const) {
      await expect(cache.invalidateTags(['t', 'u'], { onError })).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_CACHE_(CONNECTION|TIMEOUT|SERVER)/),
      })
    }
    expect(errors).toMatchObject([{ op: 'invalidateTags' }, { op: 'invalidateTags' }])
    expect(cache.stats().invalidations).toBe(0)
    store.illness = 'well'
    store.illKeys.clear()
    // Before the owed delete of the version is replayed: nothing is known of the tag.
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.stats().outageMisses).toBe(1)
    expect(await cache.get('k', { onError: 'throw' })).toBeUndefined()
    store.tell({ type: 'connect', server: 'ill:1' })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(await cache.get('k')).toBeUndefined()
    expect(await cacheOver(store, { namespace: 'shop' }).get('k')).toBeUndefined()
    expect(await cache.get('plain')).toBe('v')
    await cache.set('k', 'new', { tags: 't' })
    expect(await cache.get('k')).toBe('new')
  })
})
