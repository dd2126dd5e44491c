import type { Limits } from '@anycache/core'

/** Stores that keep versions. */
export const cas = (limits: Limits): boolean => limits.cas

/** Stores that other processes see. */
export const shared = (limits: Limits): boolean => limits.shared
