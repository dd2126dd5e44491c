import type { CasToken, StoredItem, StoreEvent, VersionedItem, Write } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { FLAG_METADATA, nativeFormat, writeMetadata } from '@anycache/serializer'
import { describe, expect, test } from 'vitest'

const forever = Number.POSITIVE_INFINITY
const call = { deadline: forever }
const text = (key: string, data: string, ttl = forever): Write => ({
  key,
  item: { flags: 0, data },
  ttl,
  when: 'always',
})

function clockAt(time: number) {
  return {
    time,
    now() {
      return this.time
    },
  }
}

describe('the bounds', () => {
  test('hold 10 000 entries and 64 MiB where none is given', () => {
    const store = new MemoryStore()
    expect(store.client.max).toBe(10_000)
    expect(store.client.maxSize).toBe(64 * 2 ** 20)
    const space = store.space([], nativeFormat)
    for (let i = 0; i < 10_001; i++) space.write(text(`k${i}`, 'v'), call)
    expect(space.get('k0', call)).toBeUndefined()
    expect(space.get('k1', call)).toBeDefined()
    expect(store.client.size).toBe(10_000)
  })

  test('are only the one that is given', () => {
    expect(new MemoryStore({ maxEntries: 7 }).client).toMatchObject({ max: 7, maxSize: 0 })
    expect(new MemoryStore({ maxBytes: '1mb' }).client).toMatchObject({ max: 0, maxSize: 2 ** 20 })
  })

  test('evict the least recently used entry, of whichever namespace, and report which', () => {
    const store = new MemoryStore({ maxEntries: 2 })
    const events: StoreEvent[] = []
    const stop = store.listen(event => events.push(event))
    const [a, b] = [store.space(['a'], nativeFormat), store.space(['b'], nativeFormat)]
    a.write(text('1', 'x'), call)
    b.write(text('1', 'x'), call)
    a.get('1', call)
    a.write(text('2', 'x'), call)
    expect(events).toEqual([{ type: 'evict', key: 'b:1' }])
    expect(a.get('1', call)).toBeDefined()
    stop()
    a.write(text('3', 'x'), call)
    expect(events).toHaveLength(1)
    expect(store.serverStats()[0]?.stats).toMatchObject({ entries: 2, evictions: 2, maxEntries: 2 })
  })

  test('count keys and payloads as UTF-8, metadata, and the overhead of an entry', () => {
    const store = new MemoryStore({ maxBytes: 100_000 })
    const space = store.space([], nativeFormat)
    space.write(text('é', '€'), call)
    const empty = store.client.calculatedSize - 2 - 3
    space.write(text('é', '€€'), call)
    expect(store.client.calculatedSize).toBe(empty + 2 + 6)
    const metadata = writeMetadata({ softDeadline: 1 })
    space.write({ ...text('é', ''), item: { flags: FLAG_METADATA, data: '€', metadata } }, call)
    expect(store.client.calculatedSize).toBe(empty + 2 + 3 + metadata.length)
    for (let i = 0; i < 2000; i++) space.write(text(`k${i}`, 'x'.repeat(i % 500)), call)
    expect(store.client.calculatedSize).toBeLessThanOrEqual(100_000)
    expect(store.serverStats()[0]?.stats.bytes).toBe(store.client.calculatedSize)
  })

  test('refuse an entry that is larger than all of them by itself', () => {
    const store = new MemoryStore({ maxBytes: 2000 })
    const space = store.space([], nativeFormat)
    space.write(text('k', 'old'), call)
    const large = { flags: 0, data: 'x'.repeat(2000) }
    expect(space.write({ key: 'k', item: large, ttl: forever, when: 'present' }, call)).toEqual({
      outcome: 'too-large',
    })
    expect((space.get('k', call) as StoredItem).data).toBe('old')
    expect(space.write({ key: 'k', item: large, ttl: forever, when: 'always' }, call)).toEqual({ outcome: 'too-large' })
    expect(space.get('k', call)).toBeUndefined()
    expect(store.limits.maxItemBytes).toBeLessThan(2000)
  })

  test('do not count an expired entry as evicted', () => {
    const clock = clockAt(0)
    const store = new MemoryStore({ maxEntries: 1, clock })
    const events: StoreEvent[] = []
    store.listen(event => events.push(event))
    const space = store.space([], nativeFormat)
    space.write(text('a', 'x', 10), call)
    clock.time = 10
    space.write(text('b', 'x'), call)
    expect(events).toEqual([])
  })

  test('let a listener write while it is called', () => {
    const store = new MemoryStore({ maxEntries: 2 })
    const space = store.space([], nativeFormat)
    let rounds = 0
    store.listen(() => {
      if (rounds++ < 5) space.write(text(`again${rounds}`, 'x'), call)
    })
    for (const key of ['a', 'b', 'c']) space.write(text(key, 'x'), call)
    expect(rounds).toBe(6)
    expect([...store.client.keys()]).toEqual(['again5', 'again4'])
  })
})

describe('expiry', () => {
  test('is exact, on a clock that starts at 0 too', () => {
    const clock = clockAt(0)
    const space = new MemoryStore({ clock }).space([], nativeFormat)
    space.write(text('k', 'x', 100), call)
    clock.time = 99.999
    expect(space.get('k', call)).toBeDefined()
    clock.time = 100
    expect(space.get('k', call)).toBeUndefined()
  })

  test('is moved by touch and left alone by count', () => {
    const clock = clockAt(5)
    const space = new MemoryStore({ clock }).space([], nativeFormat)
    space.count('n', 1, { value: 1, ttl: 100 }, call)
    clock.time = 100
    expect(space.count('n', 1, undefined, call)).toEqual({ value: 2 })
    clock.time = 105
    expect(space.count('n', 1, undefined, call)).toEqual({ refused: 'missing' })
    space.write(text('k', 'x', 10), call)
    expect(space.touch('k', forever, call)).toBe('touched')
    clock.time = 1e9
    expect(space.get('k', call)).toBeDefined()
    expect(space.touch('gone', 10, call)).toBe('missing')
  })

  test('makes an entry absent to every verb before it is swept', async () => {
    const clock = clockAt(1)
    const space = new MemoryStore({ clock }).space(['n'], nativeFormat)
    const token = () => (space.get('k', call) as VersionedItem).casToken
    const expired = (): CasToken => {
      space.write(text('k', 'x', 10), call)
      const casToken = token()
      clock.time += 10
      return casToken
    }
    expired()
    expect(space.remove('k', undefined, call)).toBe(false)
    expired()
    expect(space.take('k', call)).toBeUndefined()
    expired()
    expect(space.touch('k', 10, call)).toBe('missing')
    expired()
    expect(space.write({ ...text('k', 'y'), when: 'present' }, call)).toEqual({ outcome: 'missing' })
    const casToken = expired()
    expect(space.write({ ...text('k', 'y'), when: { casToken } }, call)).toEqual({ outcome: 'missing' })
    expired()
    const listed: string[] = []
    for await (const key of space.keys('*', () => call)) listed.push(key)
    expect(listed).toEqual([])
    expired()
    expect(space.write({ ...text('k', 'y'), when: 'absent' }, call)).toEqual({ outcome: 'stored' })
  })
})

describe('versions', () => {
  test('are of one store and never used twice', () => {
    const space = new MemoryStore().space([], nativeFormat)
    const other = new MemoryStore().space([], nativeFormat)
    const write = (to: typeof space) => {
      to.write(text('k', 'same'), call)
      return (to.get('k', call) as VersionedItem).casToken
    }
    const first = write(space)
    const second = write(space)
    expect(second).not.toBe(first)
    expect(space.write({ ...text('k', 'y'), when: { casToken: write(other) } }, call)).toEqual({ outcome: 'conflict' })
    expect(space.remove('k', first, call)).toBe(false)
    expect(space.touch('k', 1000, call)).toBe('touched')
    expect(space.remove('k', second, call)).toBe(true)
  })
})

describe('clear', () => {
  test('takes the namespace and those in it, and no key that only looks like them', () => {
    const store = new MemoryStore()
    const bare = store.space([], nativeFormat)
    const kept = ['shop', 'shop2:1', 'shop/', 'shop/a b:1', 'shop/ü:1', 'workshop:1', 'shopXb:1', 'SHOP:1']
    for (const key of kept) bare.write(text(key, 'x'), call)
    for (const path of [['shop'], ['shop', 'carts'], ['shop', 'carts', 'old'], ['shop.b']]) {
      store.space(path, nativeFormat).write(text('1', 'x'), call)
    }
    store.space(['shop.b'], nativeFormat).clear(() => call)
    store.space(['shop'], nativeFormat).clear(() => call)
    expect([...store.client.keys()].sort()).toEqual([...kept].sort())
    bare.clear(() => call)
    expect(store.client.size).toBe(0)
  })
})

describe('isolation by reference', () => {
  test('hands back the very value', () => {
    const { serializer } = new MemoryStore({ isolation: 'reference' })
    for (const value of [{ a: 1 }, () => 1, Symbol('s'), null, 'x', -0, 0.5, new Map()]) {
      const { flags, data } = serializer!.encode(value) as { flags: number; data: string }
      expect(serializer!.decode(flags, data)).toBe(value)
    }
  })

  test('keeps whole numbers countable', () => {
    const store = new MemoryStore({ isolation: 'reference' })
    const space = store.space([], store.serializer?.format ?? nativeFormat)
    const item = store.serializer!.encode(41) as StoredItem
    space.write({ key: 'n', item, ttl: forever, when: 'always' }, call)
    expect(space.count('n', 1, undefined, call)).toEqual({ value: 42 })
    const { flags, data } = space.get('n', call) as StoredItem
    expect(store.serializer!.decode(flags, data)).toBe(42)
    space.write({ key: 'n', item: store.serializer!.encode('41') as StoredItem, ttl: forever, when: 'always' }, call)
    expect(space.count('n', 1, undefined, call)).toEqual({ refused: 'not-a-counter' })
  })
})

describe('options', () => {
  test.each([
    [{ maxEntrees: 5 }, /did you mean "maxEntries"/],
    [{ maxEntries: 0 }, /maxEntries must be a whole number from 1/],
    [{ maxEntries: 1.5 }, /maxEntries/],
    [{ maxEntries: Number.POSITIVE_INFINITY }, /maxEntries/],
    [{ maxEntries: '10' }, /maxEntries/],
    [{ maxBytes: 0 }, /maxBytes must be at least 1024/],
    [{ maxBytes: -1 }, /maxBytes/],
    [{ maxBytes: '64 megs' }, /maxBytes/],
    [{ isolation: 'none' }, /isolation must be/],
    [{ isolation: 'reference', maxBytes: '1mb' }, /maxBytes needs isolation "copy"/],
    [{ clock: {} }, /clock must have a now/],
    [null, /options must be an object/],
  ])('refuse %o', (options, message) => {
    expect(() => new MemoryStore(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  test('may be frozen', () => {
    expect(new MemoryStore(Object.freeze({ maxEntries: 5 })).client.max).toBe(5)
  })
})

test('keeps metadata as it is, without a copy, by value and by reference', () => {
  const metadata = writeMetadata({ tags: new Map([['a', Buffer.from('version1')]]) })
  for (const isolation of ['copy', 'reference'] as const) {
    const store = new MemoryStore({ isolation })
    const space = store.space([], nativeFormat)
    const encoded = store.serializer?.encode({ a: 1 }) as StoredItem | undefined
    const { flags, data } = encoded ?? { flags: 0, data: 'x' }
    const item = { flags: flags | FLAG_METADATA, data, metadata }
    expect(space.write({ key: 'k', item, ttl: forever, when: 'always' }, call)).toEqual({ outcome: 'stored' })
    const found = space.get('k', call) as StoredItem
    expect(found.metadata).toBe(metadata)
    expect(found.data).toBe(data)
    expect(space.touch('k', 1000, call)).toBe('has-metadata')
  }
})

test('does not hold the pool that a small payload was cut from', () => {
  const store = new MemoryStore()
  const pool = new Uint8Array(8192)
  store
    .space([], nativeFormat)
    .write({ key: 'k', item: { flags: 64, data: pool.subarray(0, 10) }, ttl: forever, when: 'always' }, call)
  expect((store.client.get('k')!.data as Uint8Array).buffer.byteLength).toBe(10)
})

test('lets go of everything when it is flushed or closed, twice too', () => {
  const store = new MemoryStore()
  for (const end of [() => store.flush(), () => store.close(), () => store.close()]) {
    store.space(['a'], nativeFormat).write(text('k', 'x'), call)
    end()
    expect(store.client.size).toBe(0)
  }
})
