import { ConnectionError, failNextTurn, refusal } from '@anycache/core'
import { expect, test } from 'vitest'

const error = new ConnectionError('refused')

test('refused calls fail in the next turn of the event loop, in their order', async () => {
  const failed: number[] = []
  for (const n of [1, 2, 3]) failNextTurn({ fail: () => failed.push(n) }, error)
  await Promise.resolve()
  await new Promise(process.nextTick)
  expect(failed).toEqual([])
  await new Promise(setImmediate)
  expect(failed).toEqual([1, 2, 3])
})

test('a loop that tries again at once leaves timers their turn', async () => {
  let isOver = false
  setTimeout(() => {
    isOver = true
  }, 20)
  const end = performance.now() + 10_000
  while (!isOver && performance.now() < end) await expect(refusal(error)).rejects.toBe(error)
  expect(isOver).toBe(true)
})

test('a call that is refused while others are failed has its own turn', async () => {
  let turns = 0
  const again = (): void => {
    if (turns++ < 3) failNextTurn({ fail: again }, error)
  }
  again()
  await new Promise(setImmediate)
  expect(turns).toBe(2)
  await new Promise(setImmediate)
  expect(turns).toBe(3)
})
