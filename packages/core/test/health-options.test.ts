import { type HealthOptions, resolveHealth } from '@anycache/core'
import { expect, test } from 'vitest'

test('without options a server has 500 ms and 64 MiB', () => {
  expect(resolveHealth('Store', {})).toEqual({ timeout: 500, breaker: undefined, maxInFlightBytes: 64 * 2 ** 20 })
})

test('options are durations and sizes', () => {
  const options: HealthOptions = { timeout: '2s', breaker: false, maxInFlightBytes: '1mb' }
  expect(resolveHealth('Store', options)).toEqual({ timeout: 2000, breaker: false, maxInFlightBytes: 2 ** 20 })
})

test.each([
  [{ timeout: 0 }, /^Store: timeout must be positive/],
  [{ breaker: { failures: 0 } }, /^Store: breaker.failures must be a whole number from 1, got 0/],
  [{ breaker: { tries: 1 } }, /^Store: breaker: unknown option "tries"/],
  [{ maxInFlightBytes: 'lots' }, /^Store: maxInFlightBytes must be a whole number/],
  [{ maxInFlightBytes: 0 }, /^Store: maxInFlightBytes must be at least 1, got 0/],
])('%j is refused', (options, message) => {
  expect(() => resolveHealth('Store', options as HealthOptions)).toThrow(message)
})
