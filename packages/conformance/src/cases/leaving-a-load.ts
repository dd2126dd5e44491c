import { expect } from 'vitest'
import type { Capability } from '../case.js'
import { outcomeOf } from '../expectations.js'
import { observedLoader, whenCalled } from '../observed-loader.js'

export const cancellation: Capability = {
  name: 'leaving a load',
  cases: [
    {
      title: 'a signal that has fired already rejects with its reason and loads nothing',
      async run({ cache }) {
        const reason = new Error('too late')
        let loads = 0
        const outcome = await outcomeOf(cache.getOrSet('k', () => ++loads, { signal: AbortSignal.abort(reason) }))
        expect((outcome as { error: unknown }).error).toBe(reason)
        expect(loads).toBe(0)
      },
    },
    {
      title: 'one that leaves is rejected with its own reason at once, and the load goes on for the others',
      async run({ cache }) {
        const { load, called, finish } = observedLoader(() => 'v')
        const leaving = new AbortController()
        const left = outcomeOf(cache.getOrSet('k', load, { signal: leaving.signal }))
        const staying = cache.getOrSet('k', load)
        const { signal } = await whenCalled(called, staying)
        const reason = new Error('no longer wanted')
        leaving.abort(reason)
        expect(((await left) as { error: unknown }).error).toBe(reason)
        expect(signal.aborted).toBe(false)
        finish()
        expect(await staying).toBe('v')
        expect(await cache.get('k')).toBe('v')
      },
    },
    {
      title: "when the last one left the loader's signal fires, nothing is stored, and the next caller loads again",
      async run({ cache }) {
        const { load, called, finish } = observedLoader(() => 'of the load they left')
        const controllers = Array.from({ length: 3 }, () => new AbortController())
        const waits = controllers.map(({ signal }) => outcomeOf(cache.getOrSet('k', load, { signal })))
        const { signal } = await whenCalled(called, Promise.all(waits))
        for (const [i, controller] of controllers.entries()) {
          expect(signal.aborted).toBe(false)
          controller.abort(new Error(`reason ${i}`))
          await waits[i]
        }
        const reasons = (await Promise.all(waits)).map(outcome => (outcome as { error: Error }).error.message)
        expect(reasons).toEqual(['reason 0', 'reason 1', 'reason 2'])
        expect(signal.aborted).toBe(true)
        expect(await cache.getOrSet('k', () => 'new')).toBe('new')
        finish()
        await new Promise(resolve => setTimeout(resolve, 20))
        expect(await cache.get('k')).toBe('new')
      },
    },
  ],
}
