import type { Store } from '@anycache/core'
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest'
import { capabilities } from './capabilities.js'
import type { Case } from './case.js'
import { type Backend, Trial } from './trial.js'

/** What {@link describeCache} needs to know of a store. */
export interface ConformanceOptions extends Backend {
  /**
   * Whether the cases of `flush()`, which empties the whole backend, may run on a shared server. Only on a server that
   * is this suite's own. A store that is not shared is always flushed. Default false.
   */
  readonly mayFlush?: boolean
}

// A case that waits may wait for all of them; vitest's own default would be too short on a busy machine.
const timeout = 30_000

/** Runs one case on a trial of its own. Rejects where the store does not keep the case's promise. */
export async function runCase(each: Case, store: Store, backend: Backend): Promise<void> {
  const trial = new Trial(store, backend)
  try {
    await each.run(trial)
  } finally {
    await trial.end()
  }
}

/**
 * Registers the whole suite with vitest: every promise of the contract as a test of its own, each in a namespace of its own.
 * All cases share one store and its connections; those of several processes and of closing open stores of their own.
 */
export function describeCache(name: string, options: ConformanceOptions): void {
  describe(`${name} keeps the contract`, () => {
    let store: Store
    const waiting = new Map<Case, Promise<void>>()

    beforeAll(async () => {
      store = await options.store()
      if (options.clock !== undefined) return
      // In real time all cases that wait do so together, while the others run.
      for (const { cases } of capabilities) {
        for (const each of cases) {
          if (each.waits !== true || each.only?.(store.limits) === false) continue
          const run = runCase(each, store, options)
          run.catch(() => {})
          waiting.set(each, run)
        }
      }
    }, timeout)

    afterAll(async () => {
      await Promise.allSettled(waiting.values())
      await store?.close({ deadline: performance.now() + 5000 })
    }, timeout)

    const runOrSkip = async (each: Case, { skip }: TestContext): Promise<void> => {
      if (each.only?.(store.limits) === false) skip('not for a store with these limits')
      if (each.flushes === true) {
        if (store.limits.shared && options.mayFlush !== true) skip('would empty a server that others may use')
        await Promise.allSettled(waiting.values())
      }
      await (waiting.get(each) ?? runCase(each, store, options))
    }

    for (const { name: capability, cases } of capabilities) {
      describe(capability, () => {
        for (const each of cases) test(each.title, { timeout }, context => runOrSkip(each, context))
      })
    }
  })
}
