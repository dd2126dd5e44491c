import { FLAG_LEASE } from '@anycache/serializer'
import type { Case } from '../case.js'
import { eventually } from '../eventually.js'
import type { Trial } from '../trial.js'

/** So long that a case which waits for its end does not end in time. */
export const endless: { readonly lease: '1h' } = { lease: '1h' }

/** That nothing of a lease is left, neither under the key nor under the one that refreshes have. */
export async function expectFree({ raw }: Trial, key = 'k'): Promise<void> {
  const own = raw.nested('~lease')
  const isFree = async (): Promise<boolean> => {
    if ((await raw.get(key, own)) !== undefined) return false
    const item = await raw.get(key)
    return item === undefined || item.flags !== FLAG_LEASE
  }
  await eventually(isFree, Boolean)
}

/** The cases, for stores by which processes leave loads to each other. */
export function amongProcesses(cases: readonly Case[]): Case[] {
  return cases.map(each => ({
    ...each,
    only: limits => limits.shared && limits.cas && (each.only?.(limits) ?? true),
  }))
}
