import { Breaker, ConnectionError, type StoreEvent, TimeoutError } from '@anycache/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

// Core keeps the timers that it finds when it is loaded: here fake ones.
vi.hoisted(() => vi.useFakeTimers())

const late = new TimeoutError('late')
let events: string[]
let alive: boolean
let probes: number
let breaker: Breaker

beforeEach(() => {
  events = []
  alive = false
  probes = 0
  breaker = make({})
})
afterEach(() => {
  breaker.close()
})

function make(breaker: false | { failures?: number }): Breaker {
  return new Breaker({
    server: 'a:1',
    timeout: 500,
    breaker,
    probe: async () => {
      probes++
      if (!alive) throw late
    },
    report: (event: StoreEvent) => {
      if (event.type === 'breaker') events.push(event.state)
    },
  })
}

test('opens after five failures in a row, not before', () => {
  for (let i = 0; i < 4; i++) breaker.failed(late)
  expect(breaker.refusal()).toBeUndefined()
  breaker.failed(late)
  expect(breaker.refusal()).toMatchObject({
    code: 'ERR_CACHE_CONNECTION',
    server: 'a:1',
    outcome: 'not-sent',
    cause: late,
  })
  expect(events).toEqual(['open'])
})

test('an answer between failures starts the count anew', () => {
  for (let i = 0; i < 20; i++) {
    breaker.failed(late)
    if (i % 4 === 3) breaker.succeeded()
  }
  expect(breaker.refusal()).toBeUndefined()
})

test('opens at once when nobody listens', () => {
  breaker.failed(new ConnectionError('refused'), true)
  expect(breaker.refusal()).toBeDefined()
})

test('probes until the server answers, at most 700 ms apart', async () => {
  breaker.failed(late, true)
  await vi.advanceTimersByTimeAsync(7000)
  expect(probes).toBeGreaterThanOrEqual(9)
  expect(breaker.refusal()).toBeDefined()
  alive = true
  await vi.advanceTimersByTimeAsync(700)
  expect(breaker.refusal()).toBeUndefined()
  expect(events.slice(-2)).toEqual(['half-open', 'closed'])
  const settled = probes
  await vi.advanceTimersByTimeAsync(5000)
  expect(probes).toBe(settled)
})

test('the time that a probe waits in vain is part of the delay to the next', async () => {
  const starts: number[] = []
  breaker = new Breaker({
    server: 'a:1',
    timeout: 500,
    probe: () => {
      starts.push(performance.now())
      return new Promise((_, reject) => setTimeout(() => reject(late), 500))
    },
    report: () => {},
  })
  breaker.failed(late, true)
  await vi.advanceTimersByTimeAsync(7000)
  const gaps = starts.slice(1).map((start, i) => start - (starts[i] as number))
  expect(gaps.length).toBeGreaterThanOrEqual(8)
  // A rest of 100 ms at least.
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(600)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(701)
})

test('turned off, it never refuses', () => {
  breaker = make(false)
  for (let i = 0; i < 100; i++) breaker.failed(late, true)
  expect(breaker.refusal()).toBeUndefined()
})

test('closed, it probes no more', async () => {
  breaker.failed(late, true)
  breaker.close()
  await vi.advanceTimersByTimeAsync(5000)
  expect(probes).toBe(0)
})

test.each([
  ['a long timeout: half a second and the whole of it, by turns', 2000, [500, 2000, 500, 2000]],
  ['a short one: the whole of it each time', 300, [300, 300, 300, 300]],
])('a probe is as patient as %s', async (_, timeout, expected) => {
  const patiences: number[] = []
  breaker = new Breaker({
    server: 'a:1',
    timeout,
    probe: async patience => {
      patiences.push(patience)
      throw late
    },
    report: () => {},
  })
  breaker.failed(late, true)
  await vi.advanceTimersByTimeAsync(7000)
  expect(patiences.slice(0, 4)).toEqual(expected)
})

test('an exchange is one failure, however many of its calls fail', () => {
  const exchange = { isCounted: false }
  for (let i = 0; i < 20; i++) breaker.failedIn(exchange, late)
  expect(breaker.refusal()).toBeUndefined()
  for (let i = 0; i < 4; i++) breaker.failedIn({ isCounted: false }, late)
  expect(breaker.refusal()).toBeDefined()
})
