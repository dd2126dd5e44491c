import type { Store } from '@anycache/core'
import type { Case } from './case.js'
import { storeCapabilities } from './store-capabilities.js'
import { type Backend, StoreTrial } from './store-trial.js'
import { type ConformanceOptions, describeSuite } from './suite.js'

/** Runs one case of {@link storeCapabilities} on a trial of its own. Rejects where the store does not keep the case's promise. */
export async function runStoreCase(each: Case<StoreTrial>, store: Store, backend: Backend): Promise<void> {
  const trial = new StoreTrial(store, backend)
  try {
    await each.run(trial)
  } finally {
    await trial.end()
  }
}

/**
 * Registers the suite of the `Store` interface with vitest: what core relies on, asked of the store itself. It finds what no cache shows yet,
 * so a store is right when it passes this suite and that of {@link describeCache}.
 */
export function describeStore(name: string, options: ConformanceOptions): void {
  describeSuite(`${name} keeps the promises of a store`, options, storeCapabilities, runStoreCase)
}
