import type { MissReason } from '../events/events.js'
import type { TagVersions } from './tags.js'

/** A read without a value, and why. One object for each reason: a miss allocates nothing. */
export class Miss {
  static readonly absent: Miss = new Miss('absent', 'absentMisses')
  static readonly stale: Miss = new Miss('stale', 'staleMisses')
  static readonly invalidated: Miss = new Miss('invalidated', 'invalidatedMisses')
  static readonly undecodable: Miss = new Miss('undecodable', 'undecodableMisses')
  static readonly unfit: Miss = new Miss('unfit', 'unfitMisses')
  /** The server did not answer, or an outage left the key's delete undone: nothing is known of the entry. */
  static readonly outage: Miss = new Miss('outage', 'outageMisses')

  readonly reason: MissReason
  /** Where such misses are counted. */
  readonly count: `${MissReason}Misses`
  readonly isOutage: boolean
  /** Whether the key counts as taken to a write. */
  readonly isPresent: boolean

  private constructor(reason: MissReason, count: `${MissReason}Misses`) {
    this.reason = reason
    this.count = count
    this.isOutage = reason === 'outage'
    this.isPresent = reason === 'undecodable' || reason === 'unfit' || reason === 'invalidated'
  }
}

/** The value of a hit, or why there is none. */
export type Judged<T> = T | Miss

/** What read-through knows or wants of an answer beyond other reads. */
export interface Judging {
  /** Versions of tags that were read with the entry: a look less. */
  readonly versions?: TagVersions | undefined
  /** An entry past its soft deadline is judged as if it were fresh. */
  readonly allowsStale?: boolean | undefined
  /** The value as it was stored, where a schema makes another one of it; one that does not fit is a miss all the same. */
  readonly asStored?: boolean | undefined
}
