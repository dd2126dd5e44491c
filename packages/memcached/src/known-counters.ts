/** A counter as this process last counted it. */
export class KnownCounter {
  incarnation = ''
  casHigh = 0
  casLow = 0
  /** Counts on their way that compare nothing: others were, or had just come, when they were sent. */
  underWay = 0
  /** A count has come this very moment. */
  isFresh = false
  /** One of those under way met something else. */
  isSpoiled = false
}
