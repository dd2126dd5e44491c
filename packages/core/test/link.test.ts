import { ConnectionError, Link, type StoreEvent, TimeoutError } from '@anycache/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

// Core keeps the timers that it finds when it is loaded: here fake ones.
vi.hoisted(() => vi.useFakeTimers())

const late = new TimeoutError('late')
let events: string[]
let alive: boolean
let probes: number
let link: Link

beforeEach(() => {
  events = []
  alive = false
  probes = 0
  link = make({})
})
afterEach(() => {
  link.close()
})

function make(breaker: false | { failures?: number }): Link {
  return new Link({
    server: 'a:1',
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
  for (let i = 0; i < 4; i++) link.failed(late)
  expect(link.refusal()).toBeUndefined()
  link.failed(late)
  expect(link.refusal()).toMatchObject({
    code: 'ERR_CACHE_CONNECTION',
    server: 'a:1',
    outcome: 'not-sent',
    cause: late,
  })
  expect(events).toEqual(['open'])
})

test('an answer between failures starts the count anew', () => {
  for (let i = 0; i < 20; i++) {
    link.failed(late)
    if (i % 4 === 3) link.succeeded()
  }
  expect(link.refusal()).toBeUndefined()
})

test('opens at once when nobody listens', () => {
  link.failed(new ConnectionError('refused'), true)
  expect(link.refusal()).toBeDefined()
})

test('probes until the server answers, at most 700 ms apart', async () => {
  link.failed(late, true)
  await vi.advanceTimersByTimeAsync(7000)
  expect(probes).toBeGreaterThanOrEqual(9)
  expect(link.refusal()).toBeDefined()
  alive = true
  await vi.advanceTimersByTimeAsync(700)
  expect(link.refusal()).toBeUndefined()
  expect(events.slice(-2)).toEqual(['half-open', 'closed'])
  const settled = probes
  await vi.advanceTimersByTimeAsync(5000)
  expect(probes).toBe(settled)
})

test('the time that a probe waits in vain is part of the delay to the next', async () => {
  const starts: number[] = []
  link = new Link({
    server: 'a:1',
    probe: () => {
      starts.push(performance.now())
      return new Promise((_, reject) => setTimeout(() => reject(late), 500))
    },
    report: () => {},
  })
  link.failed(late, true)
  await vi.advanceTimersByTimeAsync(7000)
  const gaps = starts.slice(1).map((start, i) => start - (starts[i] as number))
  expect(gaps.length).toBeGreaterThanOrEqual(8)
  // A rest of 100 ms at least.
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(600)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(701)
})

test('turned off, it never refuses', () => {
  link = make(false)
  for (let i = 0; i < 100; i++) link.failed(late, true)
  expect(link.refusal()).toBeUndefined()
})

test('closed, it probes no more', async () => {
  link.failed(late, true)
  link.close()
  await vi.advanceTimersByTimeAsync(5000)
  expect(probes).toBe(0)
})
