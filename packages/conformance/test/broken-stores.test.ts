import {
  type Backend,
  type Capability,
  type Case,
  capabilities,
  runCase,
  runStoreCase,
  storeCapabilities,
} from '@anycache/conformance'
import { fakeClock } from '@anycache/conformance/testing'
import { NotSupportedError, type Store, type Written } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { nativeFormat } from '@anycache/serializer'
import { describe, expect, test } from 'vitest'
import { brokenStore, type Defect, type NoticedDefect } from './broken-store.js'
import { itemDefects } from './defects/items.js'
import { leaseDefects } from './defects/leases.js'
import { lockDefects } from './defects/locks.js'
import { sharedDefects, staleDefects } from './defects/read-through.js'
import { spaceDefects } from './defects/spaces.js'
import { tagDefects } from './defects/tags.js'
import { valueDefects } from './defects/values.js'
import { verbDefects } from './defects/verbs.js'

const cacheDefects = { ...verbDefects, ...valueDefects, ...tagDefects, ...lockDefects, ...staleDefects }
const storeDefects = { ...itemDefects, ...leaseDefects, ...spaceDefects }

const sharedPromises = new Set(Object.values(sharedDefects).map(({ noticedBy }) => noticedBy))

type Run<T> = (each: Case<T>, store: Store, backend: Backend) => Promise<void>

function backendWith(defect: Defect): Backend {
  if (defect.isShared === true) {
    // Real time: what is renewed by timers must not expire before they run.
    const memory = new MemoryStore({ maxBytes: '4mb' })
    return { store: () => brokenStore(memory, defect) }
  }
  const clock = fakeClock()
  return { store: () => brokenStore(new MemoryStore({ clock, maxBytes: '4mb' }), defect), clock }
}

async function expectNoticed<T>(
  { noticedBy, ...defect }: NoticedDefect,
  all: readonly Capability<T>[],
  run: Run<T>,
): Promise<void> {
  const backend = backendWith(defect)
  const store = await backend.store()
  const capability = all.find(each => each.name === noticedBy)
  expect(capability).toBeDefined()
  const failed: string[] = []
  for (const each of capability?.cases ?? []) {
    if (each.only?.(store.limits) === false) continue
    await run(each, store, backend).catch(() => failed.push(each.title))
    if (failed.length > 0) break
  }
  expect(failed).toHaveLength(1)
}

async function expectSound<T>(defect: Defect, all: readonly Capability<T>[], run: Run<T>): Promise<void> {
  const backend = backendWith(defect)
  const store = await backend.store()
  for (const { cases } of all) {
    for (const each of cases) if (each.only?.(store.limits) !== false) await run(each, store, backend)
  }
}

/** Defects that a cache shows as well. */
const shownByCaches = [
  'metadata is dropped',
  'a lease is present to a write',
  'a stale entry is present to a write',
  'deleting a lease is true',
  'a lease is not deleted',
  'deleting many stale entries is true',
  'take leaves a lease there',
  'touching a lease is true',
  'a lease is no counter',
  'a stale number is counted on',
  'leases are listed',
  'stale entries are listed',
  'all that has metadata counts as absent',
  'touch never says that there is metadata',
]

/** Defects that show in other cases of a cache as well, by what they are about. */
const shownElsewhere: [string, string][] = [
  ['metadata is dropped', 'typed values'],
  ['metadata is dropped', 'tagged writes'],
  ['touch never says that there is metadata', 'tagged entries'],
  ['a write under a token keeps the ttl that was there', 'locks'],
  ['stale entries are hidden from reads', 'why a read was a miss'],
  ['what cannot be read is hidden from reads', 'why a read was a miss'],
]

/** Stores without a defect, however little they can do. */
const soundStores: Record<string, Defect> = {
  'the store that the broken ones are made of': {},
  'a store with a server before it': { isRemote: true },
  'a store without versions, whose keys cannot be listed and which opens one format only': {
    store: sound => ({ limits: { ...sound.limits, cas: false, keys: false } }),
    space: sound => ({
      write(write, call) {
        if (typeof write.when === 'object') throw noVersions()
        return sound.write(write, call)
      },
      writeMany: (writes, call) =>
        writes.map(write =>
          typeof write.when === 'object' ? { failure: noVersions() } : (sound.write(write, call) as Written),
        ),
      claim() {
        throw noVersions()
      },
      remove(key, only, call) {
        if (only !== undefined) throw noVersions()
        return sound.remove(key, undefined, call)
      },
      keys() {
        throw new Error('keys was called, though limits.keys is false')
      },
    }),
    format(format) {
      if (format !== nativeFormat) throw new NotSupportedError('the store keeps the native format only')
      return format
    },
  },
}

function noVersions(): NotSupportedError {
  return new NotSupportedError('the store has no versions')
}

describe('the suite of the cache', () => {
  test.each(Object.keys(cacheDefects))('notices that %s', name =>
    expectNoticed(cacheDefects[name]!, capabilities, runCase),
  )

  test.each(shownByCaches)('notices that %s, by leases and metadata', name =>
    expectNoticed({ ...storeDefects[name]!, noticedBy: 'leases and metadata' }, capabilities, runCase),
  )

  test.each(shownElsewhere)('notices that %s, by %s', (name, noticedBy) =>
    expectNoticed({ ...(storeDefects[name] ?? cacheDefects[name]!), noticedBy }, capabilities, runCase),
  )

  test(
    'finds no fault with the store that the broken ones are made of',
    () => expectSound({}, capabilities, runCase),
    60_000,
  )

  test.each(Object.keys(sharedDefects))('notices that %s, where processes share the store', name =>
    expectNoticed({ ...sharedDefects[name]!, isShared: true }, capabilities, runCase),
  )

  test('finds no fault with a store that processes share', { timeout: 60_000 }, () => {
    const about = capabilities.filter(({ name }) => sharedPromises.has(name))
    expect(about).toHaveLength(sharedPromises.size)
    return expectSound({ isShared: true }, about, runCase)
  })
})

describe('the suite of the store', () => {
  test.each(Object.keys(storeDefects))('notices that %s', name =>
    expectNoticed(storeDefects[name]!, storeCapabilities, runStoreCase),
  )

  test.each(Object.keys(soundStores))('finds no fault with %s', name =>
    expectSound(soundStores[name]!, storeCapabilities, runStoreCase),
  )
})
