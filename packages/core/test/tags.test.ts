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
