import { type Duration, InvalidArgumentError, ttlMs } from '@anycache/core'

/** A clock that stands still until a test moves it. */
export interface FakeClock {
  /** Milliseconds, as `MemoryStore`'s `clock` option wants them. */
  now(): number
  /** Moves on by ms or `'5m'`. Throws `InvalidArgumentError` for 0, a negative or no duration: time does not go back. */
  advance(by: Duration): void
}

/** A clock for tests: `new MemoryStore({ clock })` expires by it, so that no test waits. `start` in ms, default 0. */
export function fakeClock(start = 0): FakeClock {
  if (!Number.isFinite(start)) throw new InvalidArgumentError(`fakeClock starts at a number of ms, got ${start}`)
  let time = start
  return {
    now: () => time,
    advance(by) {
      const ms = ttlMs(by)
      if (ms === Number.POSITIVE_INFINITY) throw new InvalidArgumentError('fakeClock advances by a finite time')
      time += ms
    },
  }
}
