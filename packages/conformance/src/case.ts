import type { Limits } from '@anycache/core'
import type { StoreTrial } from './store-trial.js'
import type { Trial } from './trial.js'

/** One promise, and how it is put to the test: of the contract with a {@link Trial}, of the SPI with a {@link StoreTrial}. */
export interface Case<T = Trial> {
  /** A sentence that is true of every store. */
  readonly title: string
  /** Rejects where the sentence is not true. */
  readonly run: (trial: T) => Promise<void>
  /** For which stores the sentence is meant, by their limits. Default: all. */
  readonly only?: (limits: Limits) => boolean
  /** The case lets time pass. With real time all such cases run at once, so that the suite waits once. Default false. */
  readonly waits?: boolean
  /** The case empties the whole backend. Default false. */
  readonly flushes?: boolean
}

/** The cases of one capability. */
export interface Capability<T = Trial> {
  readonly name: string
  readonly cases: readonly Case<T>[]
}

/** The cases of one capability of a store by itself, without a cache above it. */
export type StoreCapability = Capability<StoreTrial>
