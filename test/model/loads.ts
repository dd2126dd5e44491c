import type { Cache, LoaderContext, LoadOptions, LoadOutcome } from '@anycache/core'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Depth, Entry, Model, Value } from './model.js'
import { type Kind, kind } from './values.js'
import { key, short, tags, ttl } from './verbs.js'

const window = 20_000

/** One call of `getOrSet`: its options, and what its loader does. */
export interface LoadPlan {
  readonly key: string
  readonly kind: Kind
  readonly ttl: number
  readonly tags: readonly string[]
  /** Whether the loader names the tags. */
  readonly late: boolean
  readonly stale: 'none' | 'staleWhileRevalidate' | 'staleIfError'
  readonly force: boolean
  readonly gives: 'a value' | 'nothing' | 'an error' | 'noStore' | 'notModified'
}

export const loadPlan: fc.Arbitrary<LoadPlan> = fc.record({
  key,
  kind,
  ttl: fc.oneof(ttl, fc.constant(short)),
  tags,
  late: fc.boolean(),
  stale: fc.constantFrom('none', 'staleWhileRevalidate', 'staleIfError'),
  force: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  gives: fc.oneof(
    { weight: 6, arbitrary: fc.constant('a value' as const) },
    { weight: 4, arbitrary: fc.constantFrom('nothing', 'an error', 'noStore', 'notModified') },
  ),
})

export function optionsOf(plan: LoadPlan): LoadOptions<unknown> {
  return {
    ...(plan.ttl !== Number.POSITIVE_INFINITY && { ttl: plan.ttl }),
    ...(plan.tags.length > 0 && !plan.late && { tags: plan.tags }),
    ...(plan.stale !== 'none' && { [plan.stale]: window }),
    ...(plan.force && { force: true }),
  }
}

class LoaderFailed extends Error {}

/** What came of a call: its value, or that its loader's error reached it, and how often the loader ran. */
export interface Loaded {
  readonly value: unknown
  readonly failed: boolean
  readonly source: LoadOutcome['source'] | undefined
  readonly calls: number
  /** Whether the loader kept a stale value, as `notModified` does. */
  readonly kept: boolean
}

/** Calls `getOrSet`. `opened`: the loader waits for it; `onCalled`: the loader runs. */
export async function load(
  cache: Cache,
  plan: LoadPlan,
  value: Value,
  opened?: Promise<void>,
  onCalled?: () => void,
): Promise<Loaded> {
  let calls = 0
  let kept = false
  const sources: LoadOutcome['source'][] = []
  const loader = async (context: LoaderContext<unknown>): Promise<unknown> => {
    calls++
    onCalled?.()
    if (opened !== undefined) await opened
    if (plan.late && plan.tags.length > 0) context.setTags(plan.tags)
    if (plan.gives === 'an error') throw new LoaderFailed()
    if (plan.gives === 'nothing') return undefined
    if (plan.gives === 'noStore') context.noStore()
    if (plan.gives === 'notModified' && context.stale !== undefined) {
      kept = true
      return context.notModified()
    }
    return value
  }
  const onOutcome = ({ source }: LoadOutcome): unknown => sources.push(source)
  try {
    const given = await cache.getOrSet(plan.key, loader, { ...optionsOf(plan), onOutcome })
    // What runs in the background on a backend with a clock needs no time but the turns of the loop.
    if (sources[0] === 'stale') for (let i = 0; i < 8; i++) await new Promise(resolve => setImmediate(resolve))
    expect(sources).toHaveLength(1)
    return { value: given, failed: false, source: sources[0], calls, kept }
  } catch (error) {
    if (!(error instanceof LoaderFailed)) throw error
    return { value: undefined, failed: true, source: undefined, calls, kept }
  }
}

/** What a call finds when it begins: whether its loader runs for it. */
export function findsHit(model: Model, depth: Depth, plan: LoadPlan): boolean {
  return !plan.force && model.readable(depth, plan.key) !== undefined
}

/** What the loader may keep or the call may be given if the loader fails: an entry past its ttl. */
export function staleEntry(model: Model, depth: Depth, plan: LoadPlan): Entry | undefined {
  if (plan.force) return undefined
  const entry = model.kept(depth, plan.key)
  if (entry === undefined || entry.freshUntil > model.now || !model.isValid(entry)) return undefined
  return entry
}

/** Checks what came of a call that nothing came in between, and does the same to the model. True: what lies there must be found out. */
export function settle(model: Model, depth: Depth, plan: LoadPlan, value: Value, loaded: Loaded): boolean {
  const before = model.kept(depth, plan.key)
  if (findsHit(model, depth, plan)) {
    expect(loaded).toMatchObject({ value: before?.value, failed: false, source: 'hit', calls: 0 })
    return false
  }
  const stale = staleEntry(model, depth, plan)
  const staleFor = stale === undefined ? Number.POSITIVE_INFINITY : model.now - stale.freshUntil
  if (plan.stale === 'staleWhileRevalidate' && staleFor < window) {
    expect(loaded).toMatchObject({ value: stale?.value, failed: false, source: 'stale' })
    if (stale?.rests) expect(loaded.calls).toBeLessThanOrEqual(1)
    else expect(loaded.calls).toBe(1)
  } else if (stale?.rests && plan.stale === 'staleIfError' && staleFor < window && loaded.calls === 0) {
    expect(loaded).toMatchObject({ value: stale.value, failed: false, source: 'stale' })
  } else {
    expect(loaded.calls).toBe(1)
    if (plan.gives === 'an error') {
      if (plan.stale === 'staleIfError' && staleFor < window) {
        expect(loaded).toMatchObject({ value: stale?.value, failed: false, source: 'stale' })
      } else expect(loaded.failed).toBe(true)
    } else {
      expect(loaded).toMatchObject({ value: givenBy(plan, value, stale), failed: false, source: 'load' })
    }
  }
  if (loaded.calls === 0) return false
  if (plan.gives === 'an error' && stale !== undefined) stale.rests = true
  expect(loaded.kept).toBe(plan.gives === 'notModified' && stale !== undefined)
  store(model, depth, plan, value, stale)
  // Bytes that nobody can read may have made room for the lease.
  return before !== undefined && !model.isValid(before) && model.kept(depth, plan.key) === before
}

export function givenBy({ gives }: LoadPlan, value: Value, stale: Entry | undefined): Value | undefined {
  if (gives === 'nothing') return undefined
  return gives === 'notModified' && stale !== undefined ? stale.value : value
}

/** What a load leaves, whose loader ran. */
export function store(model: Model, depth: Depth, plan: LoadPlan, value: Value, stale: Entry | undefined): void {
  const versions = plan.late && plan.gives === 'an error' ? new Map() : model.versions(plan.tags)
  if (!isStored(plan)) return
  const keeps = plan.gives === 'notModified' && stale !== undefined
  const noted = keeps && plan.tags.length === 0 ? stale.tags : versions
  const kept = plan.stale === 'none' || plan.ttl === Number.POSITIVE_INFINITY ? 0 : window
  model.write(depth, plan.key, keeps ? stale.value : value, plan.ttl, noted, kept).hasWindow = kept > 0
}

export function isStored({ gives }: LoadPlan): boolean {
  return gives === 'a value' || gives === 'notModified'
}
