import type { Store } from '@anycache/core'
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest'
import type { Capability, Case } from './case.js'
import type { Backend } from './store-trial.js'

/** What {@link describeCache} and {@link describeStore} need to know of a store. */
export interface ConformanceOptions extends Backend {
  /**
   * Whether the cases of `flush()`, which empties the whole backend, may run on a shared server. Only on a server that
   * is this suite's own. A store that is not shared is always flushed. Default false.
   */
  readonly mayFlush?: boolean
}

// A case that waits may wait for all of them; vitest's own default would be too short on a busy machine.
const timeout = 30_000

/**
 * Registers every case with vitest as a test of its own, each in a namespace of its own. All cases share one store and its connections;
 * those about several processes and about closing open stores of their own.
 */
export function describeSuite<T>(
  title: string,
  options: ConformanceOptions,
  capabilities: readonly Capability<T>[],
  runCase: (each: Case<T>, store: Store, backend: Backend) => Promise<void>,
): void {
  describe(title, () => {
    let store: Store
    const waiting = new Map<Case<T>, Promise<void>>()

    beforeAll(async () => {
      store = await options.store()
      // A server may tell its true limits only once it has answered, and they choose the cases.
      await store.ping({ deadline: performance.now() + 10_000 })
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

    const runOrSkip = async (each: Case<T>, { skip }: TestContext): Promise<void> => {
      if (each.only?.(store.limits) === false) skip('not for a store with these limits')
      if (each.flushes === true) {
        if (store.limits.shared && options.mayFlush !== true) skip('would empty a server that others may use')
        await Promise.allSettled(waiting.values())
      }
      await (waiting.get(each) ?? runCase(each, store, options))
    }

    for (const { name, cases } of capabilities) {
      describe(name, () => {
        for (const each of cases) test(each.title, { timeout }, context => runOrSkip(each, context))
      })
    }
  })
}
