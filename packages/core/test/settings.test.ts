import { cacheOver } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { createSerializer } from '@anycache/serializer'
import { expect, test } from 'vitest'

/** A serializer whose format is the native one but for this. */
function formatted(format: object): object {
  return { ...createSerializer(), format: { metadata: true, plainKeys: false, ...format } }
}

test.each([
  [{ namespaces: 'shop' }, /unknown option "namespaces"; did you mean "namespace"/],
  [{ namespace: 'a/b' }, /a namespace holds only/],
  [{ namespace: '' }, /a namespace holds only/],
  [{ ttl: 0 }, /ttl must be positive, got 0; pass Infinity/],
  [{ ttl: '5 minutes' }, /ttl must be ms, a string like/],
  [{ jitter: 2 }, /jitter must be a share/],
  [{ timeout: -1 }, /timeout must be positive/],
  [{ timeout: Number.POSITIVE_INFINITY }, /timeout must be positive/],
  [{ onError: 'ignore' }, /onError must be "open" or "throw", got "ignore"/],
  [{ maxValueBytes: 0 }, /maxValueBytes must be a positive number/],
  [{ allowFlush: 'yes' }, /allowFlush must be true or false/],
  [{ serializer: { encode() {} } }, /encode but no decode/],
  [{ serializer: { compresion: false } }, /compression/],
  [{ serializer: null }, /serializer/],
  [{ serializer: formatted({}) }, /format must be \{ counterFlags: one or more flags/],
  [{ serializer: formatted({ counterFlags: [] }) }, /counterFlags: one or more/],
  [{ serializer: formatted({ counterFlags: [-1] }) }, /counterFlags: one or more/],
  [{ serializer: formatted({ counterFlags: [2 ** 12] }) }, /with metadata, bits 12 and 13 of the flags are 0/],
  [{ serializer: formatted({ counterFlags: [2], metadata: 'no' }) }, /metadata: true or false/],
  [{ name: 7 }, /name must be a string/],
])('cacheOver refuses %j and says why', (options, message) => {
  expect(() => cacheOver(new MemoryStore(), options as never)).toThrow(
    expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  )
})

test('cacheOver wants a store', () => {
  expect(() => cacheOver('redis://localhost' as never)).toThrow(/cacheOver needs a store, such as new MemoryStore\(\)/)
})

test.each([
  'redis://user:hunter2@localhost:6379/2',
  { driver: 'redis', password: 'hunter2' },
  [{ url: 'redis://:hunter2@localhost' }],
])('a config where a store belongs is refused without its password', config => {
  expect(() => cacheOver(config as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_CACHE_INVALID_ARGUMENT',
      message: expect.not.stringContaining('hunter2'),
    }),
  )
})

test.each([{ serializer: { compression: false } }, { maxValueBytes: 100 }] as const)(
  'a store that encodes values its own way refuses %j',
  options => {
    expect(() => cacheOver(new MemoryStore({ isolation: 'reference' }), options)).toThrow(
      /has no meaning over this store/,
    )
  },
)

test.each([{ tiemout: 5 }, { timeout: 0 }, { onError: 'ignore' }])(
  '%j in a call is told with its verb',
  async options => {
    const cache = cacheOver(new MemoryStore())
    await expect(cache.get('k', options as never)).rejects.toMatchObject({
      code: 'ERR_CACHE_INVALID_ARGUMENT',
      op: 'get',
    })
  },
)

test.each([new String('abc'), { [Symbol.iterator]: 1 }, 'abc', () => []])('many keys are not %o', async keys => {
  const cache = cacheOver(new MemoryStore())
  const refusal = { code: 'ERR_CACHE_INVALID_ARGUMENT' }
  await expect(cache.getMany(keys as never)).rejects.toMatchObject({ ...refusal, op: 'getMany' })
  await expect(cache.setMany(keys as never)).rejects.toMatchObject({ ...refusal, op: 'setMany' })
  await expect(cache.deleteMany(keys as never)).rejects.toMatchObject({ ...refusal, op: 'deleteMany' })
})

test('info tells what was resolved', () => {
  const cache = cacheOver(new MemoryStore(), {
    namespace: 'shop',
    ttl: '5m',
    timeout: '1s',
    onError: 'throw',
    name: 'main',
  })
  expect(cache.namespace('carts').info()).toMatchObject({
    name: 'main',
    driver: 'memory',
    servers: [],
    namespace: 'shop/carts',
    ttl: 300_000,
    timeout: 1000,
    onError: 'throw',
    source: undefined,
  })
})

test('jitter only shortens', async () => {
  let now = 0
  const cache = cacheOver(new MemoryStore({ clock: { now: () => now } }), { ttl: 1000, jitter: 0.5 })
  await cache.setMany(Array.from({ length: 200 }, (_, i) => [`k${i}`, i]))
  const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
  now = 499
  expect((await cache.getMany(keys)).size).toBe(200)
  now = 750
  const some = (await cache.getMany(keys)).size
  expect(some).toBeGreaterThan(40)
  expect(some).toBeLessThan(160)
  now = 1000
  expect((await cache.getMany(keys)).size).toBe(0)
})

test('the last cache over a store closes it', async () => {
  let closed = 0
  const store = new MemoryStore()
  const close = store.close.bind(store)
  store.close = () => {
    closed++
    close()
  }
  const first = cacheOver(store, { namespace: 'a' })
  const second = cacheOver(store, { namespace: 'b' })
  await first.close()
  await first.close()
  expect(closed).toBe(0)
  expect(await second.set('k', 1)).toBe(true)
  await second.close()
  expect(closed).toBe(1)
})

test('jitter shortens the ttl of a touch too', async () => {
  let now = 0
  const cache = cacheOver(new MemoryStore({ clock: { now: () => now } }), { jitter: 1 })
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
  await cache.setMany(keys.map(key => [key, 1]))
  for (const key of keys) await cache.touch(key, 1000)
  now = 500
  const left = (await cache.getMany(keys)).size
  expect(left).toBeGreaterThan(10)
  expect(left).toBeLessThan(90)
})

test('a counter of nothing and nothing is 0, not −0', async () => {
  const cache = cacheOver(new MemoryStore())
  expect(await cache.increment('k', -0, { initial: -0 })).toBe(0)
})

test.each([
  [undefined, 'undefined and data undefined'],
  [{ flags: -1, data: 'a' }, 'flags -1 and data text'],
  [{ flags: 2 ** 32, data: 'a' }, 'flags 4294967296 and data text'],
  [{ flags: 0, data: 5 }, 'flags 0 and data 5'],
  [Promise.resolve({ data: new Uint8Array(1) }), 'flags undefined and data bytes'],
])('a serializer that encodes to %j is refused at the write', async (encoded, message) => {
  const serializer = { encode: () => encoded as never, decode: () => 1 }
  await using cache = cacheOver(new MemoryStore(), { serializer })
  await expect(cache.set('k', 'text')).rejects.toMatchObject({
    code: 'ERR_CACHE_SERIALIZATION',
    message: expect.stringContaining(message),
  })
})

test('a serializer keeps its own this', async () => {
  class Sealed {
    readonly seal = 3
    encode(value: unknown) {
      return { flags: this.seal, data: JSON.stringify(value) }
    }
    decode(flags: number, data: Uint8Array | string) {
      return flags === this.seal ? JSON.parse(String(data)) : undefined
    }
  }
  await using cache = cacheOver(new MemoryStore(), { serializer: new Sealed() })
  await cache.set('k', ['a'])
  expect(await cache.get('k')).toEqual(['a'])
})

test('flags that name torn bytes are refused when they are written, not when they are read', async () => {
  const torn = { encode: () => ({ flags: 2 ** 32 - 1, data: 'x' }), decode: () => 'x' }
  const serializer = { ...torn, format: { counterFlags: [2], metadata: false, plainKeys: false } as const }
  const cache = cacheOver(new MemoryStore(), { serializer })
  await expect(cache.set('k', 'v')).rejects.toMatchObject({ code: 'ERR_CACHE_SERIALIZATION', key: 'k' })
})

test('what needs to know the age of an entry is refused where entries cannot say it', () => {
  const format = { counterFlags: [2], metadata: false, plainKeys: false } as const
  const serializer = { encode: () => ({ flags: 1, data: 'x' }), decode: () => 'x', format }
  const open = (readThrough: object) => () => cacheOver(new MemoryStore(), { serializer, readThrough })
  for (const name of ['staleWhileRevalidate', 'staleIfError', 'refreshAhead', 'earlyRefresh']) {
    const message = `readThrough.${name} needs entries with metadata, and the serializer's format has none`
    expect(open({ [name]: 0.5 })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    )
    expect(open({ [name]: 0, hardTimeout: '1s', lease: '1s', skipNull: true })).not.toThrow()
  }
})

test.each([
  [{ softTimeout: 0 }, 'softTimeout must be Infinity, positive ms or a string like "30s", got 0'],
  [{ hardTimeout: null }, 'hardTimeout must be Infinity, positive ms or a string like "30s", got null'],
  [{ lease: 0 }, 'lease must be false, positive ms or a string like "30s", got 0'],
  [{ lease: true }, 'lease must be false, positive ms or a string like "30s", got true'],
])('getOrSet refuses %j and names what the option may be', async (options, message) => {
  const cache = cacheOver(new MemoryStore())
  const refusal = { code: 'ERR_CACHE_INVALID_ARGUMENT', op: 'getOrSet', key: 'k', message }
  await expect(cache.getOrSet('k', () => 1, options as never)).rejects.toMatchObject(refusal)
})

test('a lock that waits for less than nothing is refused, and the message says that 0 is possible', async () => {
  const message = 'wait must be 0, positive ms or a string like "30s", got -1'
  await expect(cacheOver(new MemoryStore()).lock('k', { wait: -1 })).rejects.toMatchObject({ message, key: 'k' })
})

test('a call that was given up says that another process may have been at it', async () => {
  const cache = cacheOver(new MemoryStore())
  const never = (): Promise<never> => new Promise(() => {})
  const message = 'nothing was loaded within hardTimeout, 5 ms, here or by another process'
  await expect(cache.getOrSet('k', never, { hardTimeout: 5 })).rejects.toMatchObject({
    code: 'ERR_CACHE_TIMEOUT',
    message,
  })
})
