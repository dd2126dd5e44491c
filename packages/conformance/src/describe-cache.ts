import type { Store } from '@anycache/core'
import { capabilities } from './capabilities.js'
import type { Case } from './case.js'
import type { Backend } from './store-trial.js'
import { type ConformanceOptions, describeSuite } from './suite.js'
import { Trial } from './trial.js'

/** Runs one case on a trial of its own. Rejects where the store does not keep the case's promise. */
export async function runCase(each: Case, store: Store, backend: Backend): Promise<void> {
  const trial = new Trial(store, backend)
  try {
    await each.run(trial)
  } finally {
    await trial.end()
  }
}

/** Registers the whole suite of the `Cache` with vitest: every promise of the contract as a test of its own, kept over this store. */
export function describeCache(name: string, options: ConformanceOptions): void {
  describeSuite(`${name} keeps the contract`, options, capabilities, runCase)
}
