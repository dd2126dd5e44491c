import type { LoaderContext } from '@anycache/core'
import { gate } from './gate.js'

/** Waits until a loader was called and hands out its context. */
export function observedLoader<T>(value: () => T): {
  load: (context: LoaderContext) => Promise<T>
  called: Promise<LoaderContext>
  finish: () => void
} {
  const finish = gate()
  let announce: (context: LoaderContext) => void = () => {}
  const called = new Promise<LoaderContext>(resolve => {
    announce = resolve
  })
  const load = async (context: LoaderContext): Promise<T> => {
    announce(context)
    await finish.opened
    return value()
  }
  return { load, called, finish: finish.open }
}

/** What `called` gives; a rejection when the call settles without its loader. */
export function whenCalled<T>(called: Promise<T>, call: Promise<unknown>): Promise<T> {
  const settled = call.then(() => {
    throw new Error('the call settled, and its loader was never called')
  })
  return Promise.race([called, settled])
}
