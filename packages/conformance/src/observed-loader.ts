import type { LoaderContext, ManyLoaderContext } from '@anycache/core'
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

type ManyLoad = (missing: readonly string[], context: ManyLoaderContext) => Promise<ReadonlyMap<string, unknown>>

/** A loader of many keys that waits until it is let go, and tells what it was called with. */
export function observedMany(): {
  load: ManyLoad
  calls: (readonly string[])[]
  called: Promise<ManyLoaderContext>
  finish: () => void
} {
  const calls: (readonly string[])[] = []
  const finish = gate()
  let announce: (context: ManyLoaderContext) => void = () => {}
  const called = new Promise<ManyLoaderContext>(resolve => {
    announce = resolve
  })
  const load: ManyLoad = async (missing, context) => {
    calls.push(missing)
    announce(context)
    await finish.opened
    return new Map(missing.map(key => [key, `loaded ${key}`]))
  }
  return { load, calls, called, finish: finish.open }
}

/** What `called` gives; a rejection when the call settles without its loader. */
export function whenCalled<T>(called: Promise<T>, call: Promise<unknown>): Promise<T> {
  const settled = call.then(() => {
    throw new Error('the call settled, and its loader was never called')
  })
  return Promise.race([called, settled])
}

/** The error of a loader that fails. */
export const failure: Error = new Error('no database')

/** A loader that must not be called. */
export function never(): never {
  throw new Error('the loader was called')
}
