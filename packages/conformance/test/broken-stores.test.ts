import { capabilities, runCase } from '@anycache/conformance'
import { fakeClock } from '@anycache/conformance/testing'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'
import { brokenStore } from './broken-store.js'
import { defects } from './defects.js'

test.each(Object.keys(defects))('the suite notices that %s', async name => {
  const { noticedBy, ...defect } = defects[name]!
  const clock = fakeClock()
  const backend = { store: () => brokenStore(new MemoryStore({ clock, maxBytes: '4mb' }), defect), clock }
  const store = backend.store()
  const capability = capabilities.find(each => each.name === noticedBy)
  expect(capability).toBeDefined()
  const failed: string[] = []
  for (const each of capability!.cases) {
    if (each.only?.(store.limits) === false) continue
    await runCase(each, store, backend).catch(() => failed.push(each.title))
    if (failed.length > 0) break
  }
  expect(failed).toHaveLength(1)
})

test('the suite finds no fault with the store that the broken ones are made of', async () => {
  const clock = fakeClock()
  const backend = { store: () => brokenStore(new MemoryStore({ clock, maxBytes: '4mb' }), {}), clock }
  const store = backend.store()
  for (const { cases } of capabilities) {
    for (const each of cases) {
      if (each.only?.(store.limits) !== false) await runCase(each, store, backend)
    }
  }
})
