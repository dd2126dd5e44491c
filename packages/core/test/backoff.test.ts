import { expect, test } from 'vitest'
import { Backoff } from '../src/server/backoff.js'

/** The bounds of the delay at each step: half of it is fixed, half random. */
function expectSteps(backoff: Backoff, steps: readonly number[]): void {
  for (const step of steps) {
    const delay = backoff.next()
    expect(delay).toBeGreaterThanOrEqual(step / 2)
    expect(delay).toBeLessThanOrEqual(step)
  }
}

test('doubles from 100 ms to 700 ms', () => {
  expectSteps(new Backoff(), [100, 200, 400, 700, 700, ...Array(2000).fill(700)])
})

test('begins with the first delay after a success', () => {
  const backoff = new Backoff(1000, 4000)
  expectSteps(backoff, [1000, 2000, 4000, 4000])
  backoff.reset()
  expectSteps(backoff, [1000, 2000])
})

test('spreads a fleet over half of the step', () => {
  const delays = Array.from({ length: 1000 }, () => new Backoff(100).next())
  expect(Math.min(...delays)).toBeLessThan(60)
  expect(Math.max(...delays)).toBeGreaterThan(90)
})

test('a first delay over the longest one is kept', () => {
  expectSteps(new Backoff(2000, 700), [2000, 2000])
})
