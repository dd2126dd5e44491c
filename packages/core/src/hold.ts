import { beneath, closeWithMemory } from './outage/remembering.js'
import type { Call, Store } from './store.js'

/** How many hold each store. */
const holders = new WeakMap<Store, number>()

/**
 * Keeps a store open, and returns the function that lets go of it: the last holder to let go closes the store, within the call's deadline.
 * Every cache holds its store while it is open. A store over other stores holds each of them, and lets go of them in its own `close`: a cache may
 * stand over one of them alone. Letting go twice is fine.
 */
export function hold(store: Store): (call: Call) => Promise<void> {
  const held = beneath(store)
  holders.set(held, (holders.get(held) ?? 0) + 1)
  let isHolding = true
  return async call => {
    if (!isHolding) return
    isHolding = false
    const left = (holders.get(held) as number) - 1
    holders.set(held, left)
    if (left === 0) await closeWithMemory(held, call)
  }
}
