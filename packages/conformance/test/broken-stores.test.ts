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
import type { Store } from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { describe, expect, test } from 'vitest'
import { brokenStore, type Defect } from './broken-store.js'
import { defects } from './defects.js'
import { storeDefects } from './store-defects.js'

type Run<T> = (each: Case<T>, store: Store, backend: Backend) => Promise<void>

function backendWith(defect: Defect): Backend {
  const clock = fakeClock()
  return { store: () => brokenStore(new MemoryStore({ clock, maxBytes: '4mb' }), defect), clock }
}

async function expectNoticed<T>(
  { noticedBy, ...defect }: Defect & { readonly noticedBy: string },
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

describe('the suite of the cache', () => {
  test.each(Object.keys(defects))('notices that %s', name => expectNoticed(defects[name]!, capabilities, runCase))

  test('finds no fault with the store that the broken ones are made of', () => expectSound({}, capabilities, runCase))
})

describe('the suite of the store', () => {
  test.each(Object.keys(storeDefects))('notices that %s', name =>
    expectNoticed(storeDefects[name]!, storeCapabilities, runStoreCase),
  )

  test.each([{}, { isRemote: true }] as const)('finds no fault with a sound store: %o', defect =>
    expectSound(defect, storeCapabilities, runStoreCase),
  )
})
