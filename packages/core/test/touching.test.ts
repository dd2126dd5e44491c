import { type Call, ConnectionError, cacheOver, type Space } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { FLAG_METADATA, nativeFormat, readMetadata, writeMetadata } from '@anycache/serializer'
import { expect, test } from 'vitest'
import { IllStore } from './ill-store.js'

const hour = 3_600_000
const patient: Call = { deadline: Number.POSITIVE_INFINITY }

/** Writes an entry that becomes stale in a minute. */
async function put(space: Space, data: string): Promise<void> {
  const metadata = writeMetadata({ softDeadline: Date.now() + 60_000 })
  await space.write({ key: 'k', item: { flags: FLAG_METADATA, data, metadata }, ttl: hour, when: 'always' }, patient)
}

test('a touch that loses against another write came before it, and ends', async () => {
  const store = new MemoryStore()
  const space = store.space(['shop'], nativeFormat)
  await put(space, 'old')
  let conflicts = 0
  store.space = () =>
    new Proxy(space, {
      get(target, verb: keyof Space) {
        if (verb !== 'write') return target[verb]?.bind(target)
        return (...args: Parameters<Space['write']>) => {
          // Another process is always faster.
          if (++conflicts > 100) throw new Error('too many')
          void put(target, 'new')
          return target.write(...args)
        }
      },
    })
  expect(await cacheOver(store, { namespace: 'shop' }).touch('k', hour)).toBe(true)
  expect(conflicts).toBe(1)
  const item = await space.get('k', patient)
  expect(item).toMatchObject({ data: 'new' })
  expect(readMetadata((item as { metadata: Uint8Array }).metadata).softDeadline).toBeLessThan(Date.now() + hour / 2)
})

test('a touch whose second step an outage left undone is remembered as a delete', async () => {
  for (const failing of ['get', 'write']) {
    const store = new IllStore()
    const cache = cacheOver(store, { namespace: 'shop' })
    await put(store.space(['shop'], nativeFormat), 'old')
    store.calls.length = 0
    store.slowness = verb => {
      if (verb !== failing) return undefined
      return Promise.reject(new ConnectionError('ill:1 is gone', { server: 'ill:1', outcome: 'unknown' }))
    }
    expect(await cache.touch('k', hour)).toBe(false)
    store.slowness = () => undefined
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.stats()).toMatchObject({ errors: 1, outageMisses: 1 })
  }
})

test('a set that is called while a touch rewrites comes after it, without versions as well', async () => {
  const store = new IllStore()
  Object.assign(store.limits, { cas: false })
  const cache = cacheOver(store, { namespace: 'shop' })
  await put(store.space(['shop'], nativeFormat), 'old')
  let set: Promise<boolean> | undefined
  store.slowness = verb => {
    if (verb !== 'get' || set !== undefined) return undefined
    return new Promise(resolve => {
      setImmediate(() => {
        set = cache.set('k', 'new')
        setImmediate(resolve)
      })
    })
  }
  expect(await cache.touch('k', hour)).toBe(true)
  expect(await set).toBe(true)
  expect(await cache.get('k')).toBe('new')
})
