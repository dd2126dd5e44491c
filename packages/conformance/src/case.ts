import type { Limits } from '@anycache/core'
import type { Trial } from './trial.js'

/** One promise of the contract, and how it is put to the test. */
export interface Case {
  /** A sentence that is true of every store. */
  readonly title: string
  /** Rejects where the sentence is not true. */
  readonly run: (trial: Trial) => Promise<void>
  /** For which stores the sentence is meant, by their limits. Default: all. */
  readonly only?: (limits: Limits) => boolean
  /** The case lets time pass. With real time all such cases run at once, so that the suite waits once. Default false. */
  readonly waits?: boolean
  /** The case empties the whole backend. Default false. */
  readonly flushes?: boolean
}

/** The cases of one capability. */
export interface Capability {
  readonly name: string
  readonly cases: readonly Case[]
}
