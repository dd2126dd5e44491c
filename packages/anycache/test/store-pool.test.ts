import { type Call, cacheOver, hold, type Store } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { beforeEach, expect, test } from 'vitest'
import type { CheckedConfig } from '../src/schema.js'
import { type OpenStore, StorePool } from '../src/store-pool.js'

/** Stands for a server's store: which config made it, and how often it was closed. */
class Served extends MemoryStore {
  closings = 0
  readonly config: CheckedConfig

  constructor(config: CheckedConfig) {
    super()
    this.config = config
    made.push(this)
  }

  override close(): void {
    this.closings++
    super.close()
  }
}

/** A store over two others, which shows the first. */
function pairOf(first: Store, second: Store): Store {
  const releases = [hold(first), hold(second)]
  return new Proxy(first, {
    get(target, name) {
      if (name === 'close') return (call: Call) => Promise.all(releases.map(release => release(call)))
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const front: CheckedConfig = { driver: 'redis', host: 'front' }
const back: CheckedConfig = { driver: 'redis', host: 'back' }
const own: CheckedConfig = { driver: 'redis', host: 'back', timeout: '2s', namespace: 'own' }
const pair: CheckedConfig = { driver: 'null', name: 'pair' }
/** Opens `pair` over the stores of `front` and `back`. */
const open: OpenStore = async (config, acquire) =>
  config === pair ? pairOf(await acquire(front), await acquire(back)) : new Served(config)

let made: Served[]
beforeEach(() => {
  made = []
})

test('a store over pooled stores shares them with the caches over one of them', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    made = []
    const configs = [pair, front, back, own]
    const pool = new StorePool(configs, open)
    const caches = [
      cacheOver(await pool.acquire(pair)),
      cacheOver(await pool.acquire(own), { namespace: 'own' }),
    ] as const
    await pool.release()
    // The most patient of the configs made it.
    expect(made.map(({ config }) => config)).toEqual([front, own])
    await caches[order[0]].close()
    expect(made.map(({ closings }) => closings)).toEqual(order[0] === 0 ? [1, 0] : [0, 0])
    expect(await caches[order[1]].set('k', 'v')).toBe(true)
    await caches[order[1]].close()
    expect(made.map(({ closings }) => closings)).toEqual([1, 1])
  }
})

test('stores of one identity are one, also where they are acquired at once; memory never is', async () => {
  const memory: CheckedConfig = { driver: 'memory' }
  const pool = new StorePool([back, own, memory], open)
  const [first, second, third, fourth] = await Promise.all([back, own, memory, memory].map(one => pool.acquire(one)))
  expect(first).toBe(second)
  expect(third).not.toBe(fourth)
  expect(made.length).toBe(3)
})

test('what no cache and no store holds is closed when the pool lets go', async () => {
  const pool = new StorePool([front, back], open)
  const cache = cacheOver(await pool.acquire(front))
  await pool.acquire(back)
  await pool.release()
  await pool.release()
  expect(made.map(({ closings }) => closings)).toEqual([0, 1])
  await cache.close()
  expect(made.map(({ closings }) => closings)).toEqual([1, 1])
})

test('a store that is still being made when another one fails is closed as well', async () => {
  const slow: OpenStore = async (config, acquire) => {
    if (config === pair) {
      const [first, second] = await Promise.all([acquire(front), acquire(back)])
      return pairOf(first, second)
    }
    if (config === front) throw new Error('this driver is not installed')
    await new Promise(setImmediate)
    return new Served(config)
  }
  const pool = new StorePool([pair, front, back], slow)
  await expect(pool.acquire(pair)).rejects.toThrow('not installed')
  await pool.release()
  expect(made.map(({ closings }) => closings)).toEqual([1])
})

test('a store that cannot be closed does not keep the pool from letting go', async () => {
  const pool = new StorePool([front, back], async config => {
    const store = new Served(config)
    if (config === front) store.close = () => Promise.reject(new Error('stuck')) as never
    return store
  })
  await pool.acquire(front)
  await pool.acquire(back)
  await pool.release()
  expect(made.map(({ closings }) => closings)).toEqual([0, 1])
})
