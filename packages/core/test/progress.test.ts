import { type Exchange, now, Progress, type Wire } from '@anycache/core'
import { expect, test, vi } from 'vitest'

// Core keeps the clock that it finds when it is loaded: here a fake one.
vi.hoisted(() => vi.useFakeTimers())

const wait = (ms: number): unknown => vi.advanceTimersByTime(ms)
const megabyte = 1_000_000
/** How long the callers of a write wait, and a store's timeout, where a test is not about them. */
const patient = 3_600_000

/** A socket's figures: what the kernel took, what it did not, and whether a write is pending. */
class Figures implements Wire {
  bytesWritten = 0
  writeQueueSize = 0
  get writableLength(): number {
    return this.writeQueueSize
  }
  get _handle(): NonNullable<Wire['_handle']> {
    return this
  }
}

function connection(timeout: number): { wire: Figures; progress: Progress<Figures> } {
  const wire = new Figures()
  return { wire, progress: new Progress(wire, timeout) }
}

/** Writes so many bytes at once, of which the kernel takes all but `unsent`. */
function write(progress: Progress<Figures>, bytes: number, { patience = patient, unsent = 0 } = {}): Exchange<Figures> {
  const exchange = progress.begin()
  progress.sent(exchange, bytes, now() + patience)
  progress.wire.bytesWritten += bytes
  progress.wire.writeQueueSize += unsent
  progress.wrote()
  return exchange
}

test('is late while silence is short, and silent once nothing moved for three quarters of the timeout', () => {
  const { progress } = connection(500)
  const exchange = write(progress, 100)
  wait(374)
  expect(progress.judge(exchange)).toBe('late')
  wait(1)
  expect(progress.judge(exchange)).toBe('silent')
})

test('calls with little patience add up to silence', () => {
  const { progress } = connection(40)
  write(progress, 100)
  wait(40)
  // Its caller waited for nearly nothing.
  expect(progress.judge(write(progress, 100))).toBe('silent')
})

test('a call that saw a byte come, or was not sent, finds the connection silent after the whole timeout', () => {
  for (const isSent of [true, false]) {
    const { progress } = connection(500)
    const exchange = write(progress, 100)
    wait(100)
    progress.arrived(1)
    wait(499)
    expect(progress.judge(isSent ? exchange : undefined)).toBe('late')
    wait(1)
    expect(progress.judge(isSent ? exchange : undefined)).toBe('silent')
  }
})

test('while nothing is unanswered silence tells nothing', () => {
  const { progress } = connection(500)
  const exchange = write(progress, 100)
  wait(1000)
  progress.answered(exchange)
  expect(progress.isIdle).toBe(true)
  expect(progress.judge(exchange)).toBe('late')
})

test('a write of 64 KiB or more in the kernel is given the time of 1 Mbit/s, a smaller one is not', () => {
  const { progress } = connection(500)
  const large = write(progress, megabyte)
  const behind = write(progress, 100)
  wait(375 + 7999)
  expect(progress.judge(behind)).toBe('busy')
  wait(1)
  expect(progress.judge(behind)).toBe('silent')
  const { progress: other } = connection(500)
  const small = write(other, 60_000)
  wait(375)
  expect(other.judge(small)).toBe('silent')
  progress.answered(large)
  progress.arrived(10)
  const last = write(progress, 100)
  wait(375)
  expect(progress.judge(last)).toBe('silent')
})

test('many requests of one exchange are as heavy as one', () => {
  const { progress } = connection(20)
  const exchange = progress.begin()
  for (let i = 0; i < 100; i++) progress.sent(exchange, 10_000, now() + patient)
  wait(25)
  expect(progress.judge(exchange)).toBe('busy')
})

test('a heavy write has time for as long as its caller waits, and of several the oldest counts', () => {
  const { progress } = connection(20)
  const first = write(progress, megabyte, { patience: 15 })
  wait(25)
  expect(progress.judge(first)).toBe('silent')
  write(progress, megabyte)
  expect(progress.judge(first)).toBe('silent')
})

test('what the buffers hide is bounded, however large the write', () => {
  const { progress } = connection(500)
  const huge = write(progress, 1000 * megabyte)
  wait(80_000)
  expect(progress.judge(huge)).toBe('busy')
  wait(5000)
  expect(progress.judge(huge)).toBe('silent')
})

test('bytes that leave a full kernel are life; those that it took at first are not', () => {
  const { wire, progress } = connection(500)
  write(progress, 10 * megabyte, { patience: 100, unsent: 6 * megabyte })
  const behind = write(progress, 100)
  wait(1000)
  wire.writeQueueSize -= megabyte
  expect(progress.judge(behind)).toBe('busy')
  wait(400)
  // Nothing of it is seen to move, and its caller has given up.
  expect(progress.judge(behind)).toBe('late')
  wait(100)
  expect(progress.judge(behind)).toBe('silent')
})

test('a reply of more than 64 KiB that is under way is busy, as soon as its size or its bytes are known', () => {
  const { progress } = connection(patient)
  const first = write(progress, 100)
  const behind = write(progress, 100)
  progress.arrived(60_000)
  expect(progress.judge(behind)).toBe('late')
  expect(progress.judge(behind, 900_000)).toBe('busy')
  progress.arrived(60_000)
  expect(progress.judge(behind)).toBe('busy')
  progress.answered(first)
  expect(progress.judge(behind)).toBe('late')
})

test('many small replies to many exchanges are late, however many bytes they are; to one exchange they are busy', () => {
  const { progress } = connection(patient)
  const small = Array.from({ length: 100 }, () => write(progress, 100))
  for (const exchange of small.slice(1)) {
    progress.arrived(2000)
    progress.answered(exchange)
  }
  expect(progress.judge(small[0])).toBe('late')
  const batch = progress.begin()
  for (let i = 0; i < 100; i++) progress.sent(batch, 100, now() + patient)
  for (let i = 0; i < 90; i++) {
    progress.arrived(2000)
    progress.answered(batch)
  }
  expect(progress.judge(batch)).toBe('busy')
})

test('once all replies to an exchange are there, a late call behind it is late, however many bytes they were', () => {
  const { progress } = connection(patient)
  const batch = progress.begin()
  for (let i = 0; i < 3; i++) progress.sent(batch, 100, now() + patient)
  for (let i = 0; i < 3; i++) {
    progress.arrived(60_000)
    progress.answered(batch)
  }
  expect(progress.judge(write(progress, 100))).toBe('late')
})

test('a connection unused for a second is doubtful until something comes', () => {
  const { progress } = connection(patient)
  const first = write(progress, 100)
  expect(progress.isDoubtful).toBe(false)
  progress.arrived(10)
  progress.answered(first)
  wait(1010)
  expect(progress.isDoubtful).toBe(false)
  write(progress, 100)
  write(progress, 100)
  expect(progress.isDoubtful).toBe(true)
  progress.arrived(1)
  expect(progress.isDoubtful).toBe(false)
})

test('one that waits for an answer for a second is not doubtful', () => {
  const { progress } = connection(patient)
  write(progress, 100)
  wait(1010)
  write(progress, 100)
  expect(progress.isDoubtful).toBe(false)
})

test('a pause in which nothing was asked is no silence', () => {
  const { progress } = connection(500)
  progress.answered(write(progress, 100))
  wait(10_000)
  const exchange = write(progress, 100)
  wait(374)
  expect(progress.judge(exchange)).toBe('late')
})

test('a step without a deadline of its own does not lengthen the time of a heavy write', () => {
  const { progress } = connection(500)
  const exchange = progress.begin()
  progress.sent(exchange, megabyte, now() + 400)
  progress.sent(exchange, 100, Number.POSITIVE_INFINITY)
  wait(500)
  expect(progress.judge(exchange)).toBe('silent')
})
