import { type Cache, type CacheError, type Call, cacheOver, type Space } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import type { Format } from '@anycache/serializer'
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

/** The calls that reach the store until `run` has resolved, and how many keys the batches among them named. */
async function asked(run: () => Promise<unknown>): Promise<[calls: string[], sizes: number[]]> {
  store.calls.length = 0
  store.sizes.length = 0
  await run()
  return [[...store.calls], [...store.sizes]]
}

const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)

describe('what tags cost', () => {
  test('without tags, nothing', async () => {
    await cache.set('tagged', 1, { tags: 't' })
    expect(await asked(() => cache.set('k', 1))).toEqual([['write'], []])
    expect(await asked(() => cache.get('k'))).toEqual([['get'], []])
    expect(await asked(() => cache.setMany([['k', 1]]))).toEqual([['writeMany'], [1]])
    expect(await asked(() => cache.getMany(['k']))).toEqual([['getMany'], [1]])
    expect(await asked(() => cache.update('k', () => 2))).toEqual([['get', 'write'], []])
  })

  test('a write one read of all its tags, and a claim for each tag that has no version', async () => {
    const tags = ['a', 'b']
    expect(await asked(() => cache.set('k', 1, { tags }))).toEqual([['getMany', 'claim', 'claim', 'write'], [2]])
    expect(await asked(() => cache.set('k', 1, { tags }))).toEqual([['getMany', 'write'], [2]])
    expect(await asked(() => cache.replace('k', 1, { tags }))).toEqual([['getMany', 'write'], [2]])
    const entries = keys.map(key => [key, 1] as const)
    expect(await asked(() => cache.setMany(entries, { tags }))).toEqual([
      ['getMany', 'writeMany'],
      [2, 1000],
    ])
    // With the versions that it writes the entry is judged as well.
    expect(await asked(() => cache.update('k', () => 2, { tags }))).toEqual([['getMany', 'get', 'write'], [2]])
    expect(await asked(() => cache.update('k', () => 2))).toEqual([['get', 'getMany', 'write'], [2]])
  })

  test('a read one look for all tags of all its entries', async () => {
    await cache.setMany(
      keys.map(key => [key, 1]),
      { tags: 'all' },
    )
    expect(await asked(() => cache.get('k1'))).toEqual([['get', 'getMany'], [1]])
    expect(await asked(() => cache.getMany(keys))).toEqual([
      ['getMany', 'getMany'],
      [1000, 1],
    ])
    await Promise.all(keys.map(key => cache.set(key, 1, { tags: ['all', key] })))
    expect(await asked(() => cache.getMany(keys))).toEqual([
      ['getMany', 'getMany'],
      [1000, 1001],
    ])
  })

  test('reads and writes that come together look together', async () => {
    // Without deadlines, which on a busy machine may lie too far apart to be shared.
    store = new IllStore()
    store.limits.remote = false
    cache = cacheOver(store, { namespace: 'shop' })
    await Promise.all(keys.map(key => cache.set(key, 1, { tags: ['all', key] })))
    const some = keys.slice(0, 10)
    const [gets, sizes] = await asked(() => Promise.all(some.map(key => cache.get(key))))
    expect(gets).toEqual([...some.map(() => 'get'), 'getMany'])
    expect(sizes).toEqual([11])
    const [sets] = await asked(() => Promise.all(some.map(key => cache.set(key, 2, { tags: 'all' }))))
    expect(sets).toEqual(['getMany', ...some.map(() => 'write')])
  })

  test('calls whose patience differs look apart, so that none gives up too early or too late', async () => {
    await cache.set('k', 1, { tags: 't' })
    const reads = [cache.get('k'), cache.get('k', { timeout: '1h' }), cache.get('k', { onError: 'throw' })]
    const [calls] = await asked(() => Promise.all(reads))
    expect(calls.filter(verb => verb === 'getMany')).toHaveLength(3)
  })

  test('an invalidation two writes, however many tags it names, in bounded chunks', async () => {
    const some = keys.slice(0, 50)
    expect(await asked(() => cache.invalidateTags([...some, ...some]))).toEqual([['write', 'writeMany'], [50]])
    const many = Array.from({ length: 2500 }, (_, i) => `t${i}`)
    expect((await asked(() => cache.invalidateTags(many)))[1]).toEqual([1024, 1024, 452])
    expect(await asked(() => cache.invalidateTags([]))).toEqual([[], []])
  })

  test('a look for very many tags asks for them in bounded chunks', async () => {
    await Promise.all(keys.map(key => cache.set(key, 1, { tags: ['all', key, `${key} too`] })))
    expect((await asked(() => cache.getMany(keys)))[1]).toEqual([1000, 1024, 977])
  })

  test('no look is remembered: each read sees what another cache has invalidated meanwhile', async () => {
    const other = cacheOver(store, { namespace: 'shop' })
    for (let round = 0; round < 5; round++) {
      await cache.set('k', round, { tags: 't' })
      expect(await cache.get('k')).toBe(round)
      await other.invalidateTags('t')
      expect(await cache.get('k')).toBeUndefined()
    }
  })
})

describe('a server that keeps no versions', () => {
  test('has tags all the same', async () => {
    store.limits.cas = false
    await Promise.all([cache.set('a', 1, { tags: 't' }), cache.set('b', 2, { tags: 't' })])
    await cache.set('c', 3, { tags: 't' })
    expect(store.calls).not.toContain('claim')
    expect(await cache.get('c')).toBe(3)
    await cache.invalidateTags('t')
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(new Map())
  })
})

describe('time', () => {
  /** The deadlines of the calls that reach the store. */
  function watched(): { deadlines: [string, number][]; cache: Cache } {
    const deadlines: [string, number][] = []
    const space = store.space.bind(store)
    store.space = (path: readonly string[], format: Format): Space =>
      new Proxy(space(path, format), {
        get(target, verb: keyof Space) {
          const run = target[verb] as (...args: unknown[]) => unknown
          if (verb === 'serverOf' || typeof run !== 'function') return run
          return (...args: unknown[]) => {
            deadlines.push([verb, (args.at(-1) as Call).deadline])
            return run.apply(target, args)
          }
        },
      })
    return { deadlines, cache: cacheOver(store, { namespace: 'shop', timeout: '10s' }) }
  }

  test('a tagged write and the look before it have one deadline, which begins at the call', async () => {
    const { deadlines, cache } = watched()
    store.slowness = verb => (verb === 'getMany' ? new Promise(resolve => setTimeout(resolve, 30)) : undefined)
    for (const write of [
      () => cache.set('k', 1, { tags: 't' }),
      () => cache.replace('k', 1, { tags: 't' }),
      () => cache.setMany([['k', 1]], { tags: 't' }),
      () => cache.append('text', '+', { tags: 't' }),
    ]) {
      deadlines.length = 0
      const begun = performance.now()
      await write()
      expect(deadlines.length).toBeGreaterThanOrEqual(2)
      const [, first] = deadlines[0] as [string, number]
      expect(first - begun).toBeLessThanOrEqual(10_000 + 25)
      for (const [verb, deadline] of deadlines) expect(deadline, verb).toBe(first)
    }
  })

  test('a call behind a tagged write waits for it no longer than its own deadline', async () => {
    await cache.set('k', 'old', { tags: 't' })
    let answer: () => void = () => {}
    const held = new Promise<void>(resolve => {
      answer = resolve
    })
    store.slowness = verb => (verb === 'getMany' ? held : undefined)
    const set = cache.set('k', 'new', { tags: 't', timeout: '10s' })
    expect(await cache.get('k', { timeout: 20 })).toBeUndefined()
    expect(errors).toMatchObject([{ code: 'ERR_CACHE_TIMEOUT', op: 'get' }])
    answer()
    expect(await set).toBe(true)
    expect(await cache.get('k')).toBe('new')
  })

  test('a tagged write behind a clear looks its tags up after it', async () => {
    const bare = cacheOver(new MemoryStore(), { namespace: 'shop' })
    await bare.set('k', 'old', { tags: 't' })
    const calls = [
      bare.set('other', 'large '.repeat(30_000)),
      bare.clear(),
      bare.set('k', 'new', { tags: 't' }),
      bare.setMany([['many', 'new']], { tags: 'u' }),
    ]
    await Promise.all(calls as Promise<unknown>[])
    expect([...(await bare.getMany(['other', 'k', 'many'])).keys()]).toEqual(['k', 'many'])
  })
})

describe('closing', () => {
  test('waits for an invalidation, and for a tagged write', async () => {
    await cache.set('k', 'v', { tags: 't' })
    let isClosed = false
    store.close = () => {
      isClosed = true
    }
    store.slowness = () => new Promise(resolve => setTimeout(resolve, 10))
    const calls = [cache.invalidateTags('t'), cache.set('other', 'v', { tags: ['t', 'u'] })]
    const closed = cache.close().then(() => expect(isClosed).toBe(true))
    expect(await Promise.all(calls)).toEqual([undefined, true])
    await closed
    await expect(cache.invalidateTags('t')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
  })
})

describe('a write during an invalidation of the same cache', () => {
  /** Begins an invalidation whose first step is answered only when this is called. */
  function invalidating(): { finish: () => void; invalidated: Promise<void> } {
    let finish: () => void = () => {}
    const held = new Promise<void>(resolve => {
      finish = resolve
    })
    store.slowness = () => held
    const invalidated = cache.invalidateTags('t')
    store.slowness = () => undefined
    return { finish, invalidated }
  }

  test('waits for it, so that a later invalidation by another cache is not undone by it', async () => {
    const other = cacheOver(store, { namespace: 'shop' })
    const { finish, invalidated } = invalidating()
    let isSet = false
    const set = cache.set('k', 1, { tags: 't' }).then(() => {
      isSet = true
    })
    await new Promise(resolve => setTimeout(resolve, 10))
    const wasSetBefore = isSet
    await other.invalidateTags('t')
    finish()
    await Promise.all([invalidated, set])
    expect(wasSetBefore && (await other.get('k')) !== undefined).toBe(false)
    await cache.set('k', 2, { tags: 't' })
    expect(await other.get('k')).toBe(2)
  })

  test('waits until its own deadline, and is then not done', async () => {
    await cache.set('k', 'old')
    const { finish, invalidated } = invalidating()
    expect(await cache.set('k', 'new', { tags: ['u', 't'], timeout: 20 })).toBe(false)
    expect(errors).toMatchObject([{ code: 'ERR_CACHE_TIMEOUT', op: 'set', key: 'k', outcome: 'not-sent' }])
    expect(await cache.get('k')).toBeUndefined()
    finish()
    await invalidated
  })

  test('of another tag does not wait', async () => {
    const { finish, invalidated } = invalidating()
    expect(await cache.set('k', 'v', { tags: 'u' })).toBe(true)
    expect(await cache.get('k')).toBe('v')
    finish()
    await invalidated
  })
})
