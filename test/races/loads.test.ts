import { type ChaosStore, chaosStore } from '@anycache/conformance/testing'
import { type Cache, cacheOver, type LoadOutcome, type Space, type Store } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, onTestFinished, test } from 'vitest'

/** Two caches that see the same entries, each as a process of its own has it. */
function twoProcesses(): { one: Cache; other: Cache; store: ChaosStore; otherStore: ChaosStore } {
  const memory = new MemoryStore()
  const [store, otherStore] = [chaosStore(memory), chaosStore(memory)]
  const options = { namespace: 'races', timeout: '10s' } as const
  const [one, other] = [cacheOver(store, options), cacheOver(otherStore, options)]
  onTestFinished(async () => {
    await Promise.all([one.close(), other.close()])
  })
  return { one, other, store, otherStore }
}

function gate<T>(): { opened: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** The store, whose leases of this key are asked for only when `when` has settled. */
function claimingLate(store: Store, key: string, when: Promise<void>): Store {
  return new Proxy(store, {
    get(_, name) {
      if (name !== 'space') return bound(store, name)
      return (...at: Parameters<Store['space']>): Space => {
        const space = store.space(...at)
        const claim: Space['claim'] = async (of, ...rest) => {
          if (of === key) await when
          return space.claim(of, ...rest)
        }
        return new Proxy(space, { get: (_, verb) => (verb === 'claim' ? claim : bound(space, verb)) })
      }
    },
  })
}

function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target)
  return typeof value === 'function' ? value.bind(target) : value
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
/** Rejects where the promise does not settle: without it the test would only time out. */
const settled = <T>(promise: Promise<T>): Promise<T | string> => Promise.race([promise, wait(5000).then(() => 'hangs')])

test('a load that everyone left while it asked for the key leaves no lease behind', async () => {
  const { one, other, store } = twoProcesses()
  await one.get('k')
  const leaving = new AbortController()
  let loads = 0
  const left = one.getOrSet('k', () => ++loads, { signal: leaving.signal, lease: '1h' })
  while (store.calls.claim === 0) {
    await nextTurn()
    store.freeze()
  }
  leaving.abort(new Error('left'))
  await expect(left).rejects.toThrow('left')
  store.up()
  expect(await settled(other.getOrSet('k', () => 'loaded'))).toBe('loaded')
  expect(await one.get('k')).toBe('loaded')
  expect(loads).toBe(0)
})

test('a call that waits for another process settles when its cache is closed', async () => {
  const { one, other } = twoProcesses()
  const loading = gate<string>()
  const first = other.getOrSet('k', () => loading.opened)
  await wait(20)
  const waiting = one.getOrSet('k', () => 'own', { lease: '1m' })
  await wait(20)
  void one.close()
  expect(await settled(waiting)).toBe('own')
  loading.open('theirs')
  expect(await first).toBe('theirs')
})

test('no loader runs for a getOrSetMany that everyone left while it asked for one of its keys', async () => {
  const { store } = twoProcesses()
  const asking = gate<void>()
  const cache = cacheOver(claimingLate(store, 'b', asking.opened), { namespace: 'races', timeout: '10s' })
  let loads = 0
  const leaving = new AbortController()
  const { signal } = leaving
  const loader = (keys: readonly string[]): Map<string, string> => {
    loads++
    return new Map(keys.map(key => [key, key]))
  }
  const many = cache.getOrSetMany(['a', 'b'], loader, { signal })
  await wait(30)
  leaving.abort(new Error('left'))
  await expect(many).rejects.toThrow('left')
  asking.open()
  await wait(30)
  expect(loads).toBe(0)
})

test('no stale value is served once another process deleted it, though a refresh still runs', async () => {
  const { one, other } = twoProcesses()
  const windows = { ttl: 20, staleWhileRevalidate: '1h', staleIfError: '1h' } as const
  await one.getOrSet('k', () => 'old', windows)
  await wait(40)
  const loading = gate<string>()
  expect(await one.getOrSet('k', () => loading.opened, windows)).toBe('old')
  await wait(20)
  await other.delete('k')
  const after = one.getOrSet('k', () => 'new', windows)
  await wait(20)
  loading.open('refreshed')
  expect(await after).not.toBe('old')
})

test('no stale value is served to those who join a load once another process deleted it', async () => {
  const { one, other } = twoProcesses()
  const windows = { ttl: 20, staleIfError: '1h' } as const
  await one.getOrSet('k', () => 'old', windows)
  await wait(40)
  const loading = gate<string>()
  const first = one.getOrSet('k', () => loading.opened.then(() => Promise.reject(new Error('source down'))), windows)
  await wait(20)
  await other.delete('k')
  const after = one.getOrSet('k', () => 'new', windows)
  const outcome = after.catch((error: Error) => error.message)
  await wait(20)
  loading.open('')
  await first.catch(() => {})
  expect(await outcome).not.toBe('old')
})

test.each([true, false])(
  'a refresh in the background and a forced load are one load of the key (shared: %s)',
  async isShared => {
    const one = isShared ? twoProcesses().one : cacheOver(new MemoryStore(), { namespace: 'races' })
    const windows = { ttl: 20, staleWhileRevalidate: '1h' } as const
    await one.getOrSet('k', () => 'old', windows)
    await wait(40)
    const loading = gate<string>()
    expect(await one.getOrSet('k', () => loading.opened, { ...windows, ttl: '1h' })).toBe('old')
    await wait(20)
    const forced = one.getOrSet('k', () => 'forced', { ...windows, ttl: '1h', force: true })
    await wait(20)
    await one.delete('k')
    loading.open('refreshed')
    await forced
    await wait(20)
    expect(await one.get('k')).toBeUndefined()
  },
)

test('onOutcome is called once where softTimeout serves the stale value', async () => {
  const { one } = twoProcesses()
  const windows = { ttl: 20, staleIfError: '1h', softTimeout: 20 } as const
  await one.getOrSet('k', () => 'old', windows)
  await wait(40)
  const loading = gate<string>()
  const outcomes: LoadOutcome['source'][] = []
  const onOutcome = ({ source }: LoadOutcome): unknown => outcomes.push(source)
  expect(await one.getOrSet('k', () => loading.opened, { ...windows, onOutcome })).toBe('old')
  loading.open('new')
  await wait(30)
  expect(outcomes).toEqual(['stale'])
})
