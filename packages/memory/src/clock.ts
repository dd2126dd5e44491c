/** Tells the time by which entries expire. The default is `performance.now()`, which no change of the system's clock moves. */
export interface Clock {
  /** Milliseconds since any fixed moment. Never goes back. */
  now(): number
}
