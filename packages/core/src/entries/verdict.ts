/**
 * What the answer to a read means. Only a `hit` has a value. To writes, `unreadable` and `invalidated` are present, the others absent;
 * nothing is known of what is `owed`.
 */
export type Verdict = 'hit' | 'stale' | 'absent' | 'invalidated' | 'unreadable' | 'owed'

/** A read without a value, and why. One object for each reason: a miss allocates nothing. */
export class Miss {
  static readonly stale: Miss = new Miss('stale')
  static readonly absent: Miss = new Miss('absent')
  static readonly invalidated: Miss = new Miss('invalidated')
  static readonly unreadable: Miss = new Miss('unreadable')
  static readonly owed: Miss = new Miss('owed')

  readonly verdict: Exclude<Verdict, 'hit'>
  /** Nothing is known of the entry: an outage left its delete undone. */
  readonly isOutage: boolean
  /** Whether the key counts as taken to a write. */
  readonly isPresent: boolean

  private constructor(verdict: Exclude<Verdict, 'hit'>) {
    this.verdict = verdict
    this.isOutage = verdict === 'owed'
    this.isPresent = verdict === 'unreadable' || verdict === 'invalidated'
  }
}

/** The value of a hit, or why there is none. */
export type Judged<T> = T | Miss
