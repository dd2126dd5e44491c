import { type Cache, type Call, ClosedError, cacheOver, remembering, type Space } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { nativeFormat } from '@anycache/serializer'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { IllStore } from './ill-store.js'

const patient: Call = { deadline: Number.POSITIVE_INFINITY, asks: true }
const entry = { key: 'k', item: { flags: 0, data: 'new' }, ttl: 1000 } as const

let store: IllStore
let cache: Cache

beforeEach(() => {
  store = new IllStore()
  cache = cacheOver(store, { namespace: 'shop' })
})

/** Until the replay has paid everything back. */
async function replayed(key: string): Promise<void> {
  await vi.waitFor(async () => {
    const raw = await store.space(['shop'], nativeFormat).get(key, { deadline: Number.POSITIVE_INFINITY })
    expect(raw).toBeUndefined()
  })
}

describe.each([
  ['set', () => cache.set('k', 'new')],
  ['setMany', () => cache.setMany([['k', 'new']])],
  ['delete', () => cache.delete('k')],
  ['deleteMany', () => cache.deleteMany(['k'])],
  ['touch', () => cache.touch('k', '1m')],
])('a %s that an outage left undone', (_verb, run) => {
  test.each(['down', 'frozen'] as const)(
    'hides the old value once a server that was %s answers again',
    async illness => {
      await cache.set('k', 'old')
      store.illness = illness
      await run()
      store.illness = 'well'
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.has('k')).toBe(false)
      expect(await cache.getMany(['k'])).toEqual(new Map())
      expect(await cache.getEntry('k')).toBeUndefined()
      const listed: string[] = []
      for await (const key of cache.keys()) listed.push(key)
      expect(listed).toEqual([])
    },
  )

  test('is replayed as a delete, so that no process reads the old value', async () => {
    await cache.set('k', 'old')
    store.illness = 'down'
    await run()
    store.illness = 'well'
    await replayed('k')
    expect(await cache.set('k', 'newer')).toBe(true)
    expect(await cache.get('k')).toBe('newer')
  })

  test('is remembered under onError "throw" too', async () => {
    const strict = cacheOver(store, { namespace: 'shop', onError: 'throw' })
    await strict.set('k', 'old')
    store.illness = 'down'
    await expect(strict.set('k', 'new')).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', op: 'set', key: 'k' })
    store.illness = 'well'
    expect(await strict.get('k')).toBeUndefined()
  })
})

describe('while a delete is owed', () => {
  beforeEach(async () => {
    await cache.setMany([
      ['k', 'old'],
      ['n', 41],
    ])
    store.illness = 'down'
    await cache.deleteMany(['k', 'n'])
    store.illness = 'well'
  })

  test('add finds nothing there', async () => {
    expect(await cache.add('k', 'mine')).toBe(true)
    expect(await cache.get('k')).toBe('mine')
  })

  test('replace finds nothing there', async () => {
    expect(await cache.replace('k', 'mine')).toBe(false)
  })

  test('increment starts from nothing', async () => {
    expect(await cache.increment('n')).toBe(1)
  })

  test('take finds nothing', async () => {
    expect(await cache.take('k')).toBeUndefined()
  })

  test('touch and delete find nothing', async () => {
    expect(await cache.touch('k', '1m')).toBe(false)
    expect(await cache.delete('k')).toBe(false)
    expect(await cache.deleteMany(['k', 'n'])).toBe(0)
  })

  test('update sees nothing and writes over nothing', async () => {
    expect(await cache.update<string>('k', current => (current === undefined ? 'fresh' : 'seen'))).toBe('fresh')
  })

  test('a set is read at once, and no late replay deletes it', async () => {
    expect(await cache.set('k', 'new')).toBe(true)
    expect(await cache.get('k')).toBe('new')
    await new Promise(resolve => setTimeout(resolve, 600))
    expect(await cache.get('k')).toBe('new')
  })

  test('calls made in one breath keep their order', async () => {
    const answers = await Promise.all([cache.add('k', 1), cache.set('k', 2), cache.get('k'), cache.increment('k')])
    expect(answers).toEqual([true, true, 2, 3])
  })

  test('batches and single calls made in one breath see the same', async () => {
    const answers = await Promise.all([cache.set('k', 'new'), cache.getMany(['k']), cache.deleteMany(['k'])])
    expect(answers).toEqual([true, new Map([['k', 'new']]), 1])
  })

  test('of two sets in one breath the one that fails is remembered, though the other one was done', async () => {
    const first = cache.set('k', 'first')
    store.illness = 'refusing writes'
    const second = cache.set('k', 'second')
    store.illness = 'well'
    expect(await Promise.all([first, second])).toEqual([true, false])
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.add('k', 'mine')).toBe(true)
  })

  test('a namespace beside it is not touched', async () => {
    const other = cache.namespace('other')
    await other.set('k', 'theirs')
    await replayed('k')
    expect(await other.get('k')).toBe('theirs')
  })

  test('clear pays for all of it', async () => {
    await cache.clear()
    await cache.set('k', 'new')
    expect(await cache.get('k')).toBe('new')
  })
})

test('a set that the server refused hides the old value from a read sent right behind it', async () => {
  await cache.set('k', 'old')
  store.illness = 'refusing writes'
  const [stored, read] = await Promise.all([cache.set('k', 'new'), cache.get('k')])
  expect(stored).toBe(false)
  expect(read).toBeUndefined()
})

test('a second cache over the same store shares the memory of what is owed', async () => {
  const second = cacheOver(store, { namespace: 'shop' })
  await cache.set('k', 'old')
  store.illness = 'down'
  await cache.delete('k')
  store.illness = 'well'
  expect(await second.get('k')).toBeUndefined()
})

test('of many keys only those of the failing server are owed', async () => {
  await cache.setMany([
    ['a', 1],
    ['b', 2],
  ])
  store.illKeys.add('a')
  expect(
    await cache.setMany([
      ['a', 10],
      ['b', 20],
    ]),
  ).toEqual(['a'])
  expect(await cache.getMany(['a', 'b'])).toEqual(new Map([['b', 20]]))
})

test('more keys than can be remembered make the namespace read as misses until it was cleared', async () => {
  await cache.set('kept', 'old')
  store.illness = 'down'
  const keys = Array.from({ length: 100_001 }, (_, i) => `k${i}`)
  await cache.deleteMany(keys)
  store.illness = 'well'
  expect(await cache.get('kept')).toBeUndefined()
  await vi.waitFor(async () => {
    await cache.set('kept', 'new')
    expect(await cache.get('kept')).toBe('new')
  })
})

test('past that, what a program acts on is true as soon as the server answers: a lock is taken once, a counter counts', async () => {
  // Without a namespace nothing is cleared, and what is owed is only forgotten with time.
  const bare = cacheOver(store)
  await bare.set('lock', 'old')
  await bare.set('kept', 'old')
  store.illness = 'down'
  await bare.deleteMany(Array.from({ length: 100_001 }, (_, i) => `k${i}`))
  store.illness = 'well'
  expect([await bare.add('lock', 1), await bare.add('lock', 2)]).toEqual([true, false])
  expect([await bare.increment('n'), await bare.increment('n')]).toEqual([1, 2])
  expect(await bare.get('lock')).toBe(1)
  expect(await bare.set('kept', 'new')).toBe(true)
  expect(await bare.get('kept')).toBe('new')
  expect(await bare.get('other')).toBeUndefined()
  store.illness = 'down'
  await bare.delete('kept')
  store.illness = 'well'
  expect(await bare.get('kept')).toBeUndefined()
})

test('what is written while a long replay is under way is not deleted by it', async () => {
  const keys = Array.from({ length: 1200 }, (_, i) => `k${i}`)
  store.illness = 'down'
  await cache.deleteMany(keys)
  let answer = (): void => {}
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  const replaying = new Promise<void>(resolve => {
    store.slowness = verb => {
      if (verb !== 'removeMany') return undefined
      resolve()
      return answered
    }
  })
  store.illness = 'well'
  await replaying
  expect(await cache.add('k1100', 'lock')).toBe(true)
  expect(await cache.set('k1101', 'new')).toBe(true)
  answer()
  await replayed('k1199')
  await vi.waitFor(() => expect(store.calls.filter(verb => verb === 'removeMany').length).toBeGreaterThanOrEqual(4))
  expect(await cache.getMany(['k1100', 'k1101'])).toEqual(
    new Map([
      ['k1100', 'lock'],
      ['k1101', 'new'],
    ]),
  )
})

test('a delete that fails while a clear is under way stays owed', async () => {
  let answer = (): void => {}
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  store.slowness = verb => (verb === 'clear' ? answered : undefined)
  const cleared = cache.clear()
  await cache.set('k', 'old')
  store.illness = 'down'
  await cache.delete('k')
  store.illness = 'well'
  answer()
  await cleared
  expect(await cache.get('k')).toBeUndefined()
})

test('a read under onError "throw" waits for a write under way, which gets its turn', async () => {
  store.illness = 'down'
  expect(await cache.set('k', 'lost')).toBe(false)
  store.illness = 'well'
  store.slowness = verb => (verb === 'write' ? new Promise(resolve => setTimeout(resolve, 50)) : undefined)
  const strict = { onError: 'throw' } as const
  // The store answers reads in microtasks: asked again and again in those alone, it would never end the write.
  const [stored, one, many] = await Promise.all([
    cache.set('k', 'new'),
    cache.get('k', strict),
    cache.getMany(['k', 'other'], strict),
  ])
  expect([stored, one, many]).toEqual([true, 'new', new Map([['k', 'new']])])
})

describe.each([
  ['conditional writes', (space: Space) => space.writeMany([{ ...entry, when: 'absent' }], patient)],
  ['reads', (space: Space) => space.getMany(['k'], patient)],
])('a batch of %s that the store refuses as a whole', (_verb, run) => {
  test.each(['throws', 'rejects'] as const)('rejects once where the store %s', async way => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    try {
      await cache.set('k', 'old')
      store.illness = 'down'
      await cache.delete('k')
      const closed = new ClosedError('the store is closed', { server: 'ill:1' })
      store.slowness = () => {
        if (way === 'throws') throw closed
        return Promise.reject(closed)
      }
      await expect(run(remembering(store).space(['shop'], nativeFormat))).rejects.toBe(closed)
      await new Promise(setImmediate)
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unhandled)
    }
  })
})

test('values of a store with a serializer of its own go through it', async () => {
  const byReference = new MemoryStore({ isolation: 'reference' })
  const value = { shared: true }
  const over = cacheOver(remembering(byReference))
  await over.set('k', value)
  expect(await over.get('k')).toBe(value)
})
