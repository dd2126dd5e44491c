import { Admission, Breaker, TimeoutError } from '@anycache/core'
import { beforeEach, expect, test } from 'vitest'
import { now } from '../src/timers.js'

/** A small call counts so many bytes beside its own. */
const overhead = 256
const inAnHour = (): number => now() + 3_600_000

let breaker: Breaker
let admission: Admission

beforeEach(() => {
  breaker = new Breaker({ server: 'a:1', timeout: 500, probe: () => Promise.reject(new Error('dead')), report() {} })
  admission = new Admission(breaker, 10_000)
  return () => breaker.close()
})

test('lets calls in up to the bound, each with its overhead, and refuses the next one unsent', () => {
  const bytes = 2500 - overhead
  for (let i = 0; i < 4; i++) expect(admission.admit(bytes)).toBeUndefined()
  expect(admission.admit(0)).toMatchObject({
    code: 'ERR_CACHE_OVERLOADED',
    server: 'a:1',
    outcome: 'not-sent',
    message: 'a:1 has 10000 bytes queued or unanswered, and maxInFlightBytes is 10000; nothing was sent',
  })
  admission.release(bytes)
  expect(admission.admit(bytes)).toBeUndefined()
  expect(admission.admit(0)).toBeDefined()
  admission.release(4 * bytes, 4)
  expect(admission.admit(9_000)).toBeUndefined()
})

test('one call may be larger than the bound, by itself', () => {
  expect(admission.admit(1_000_000)).toBeUndefined()
  expect(admission.admit(1)).toMatchObject({ code: 'ERR_CACHE_OVERLOADED' })
  admission.release(1_000_000)
  admission.admit(1)
  expect(admission.admit(1_000_000)).toMatchObject({ code: 'ERR_CACHE_OVERLOADED' })
})

test('refuses while the breaker is open', () => {
  breaker.failed(new TimeoutError('late'), true)
  expect(admission.admit(1)?.message).toMatch(/^a:1 is not asked: its breaker is open after late/)
  expect(admission.admitStep(1)?.message).toMatch(/breaker is open/)
})

test('a step of a call that was let in is stopped by neither the bound nor closing', async () => {
  admission.admit(10_000)
  expect(admission.admitStep(10_000)).toBeUndefined()
  const closed = admission.close(inAnHour())
  expect(admission.admitStep(10_000)).toBeUndefined()
  admission.settled(3)
  await closed
})

test('once closed, a call is told so, whatever else stands in its way', async () => {
  breaker.failed(new TimeoutError('late'), true)
  await admission.close(inAnHour())
  expect(admission.isClosed).toBe(true)
  expect(admission.admit(1)).toMatchObject({ code: 'ERR_CACHE_CLOSED', server: 'a:1', outcome: 'not-sent' })
  await expect(admission.during(async () => 'done')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' })
})

test('closing waits for callers, not for bytes whose callers gave up', async () => {
  admission.admit(1)
  let finish = (_: string): void => {}
  const work = admission.during(() => new Promise<string>(resolve => (finish = resolve)))
  let isClosed = false
  const closed = admission.close(inAnHour()).then(() => (isClosed = true))
  admission.settled()
  await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  finish('done')
  expect(await work).toBe('done')
  await closed
})

test('closing waits no longer than its deadline', async () => {
  admission.admit(1)
  await admission.close(now() + 10)
  expect(admission.isClosed).toBe(true)
})
