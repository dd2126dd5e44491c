import { expect, test } from 'vitest'
import { Unsettled } from '../src/server/unsettled.js'
import { now } from '../src/timers.js'

const soon = (ms: number): number => now() + ms
const inAnHour = (): number => soon(3_600_000)

test('says at once that nothing is under way', async () => {
  expect(await new Unsettled().none(inAnHour())).toBe(true)
})

test('waits for the last one, for everyone who asked', async () => {
  const unsettled = new Unsettled()
  for (let i = 0; i < 3; i++) unsettled.began()
  const told: string[] = []
  const waits = ['first', 'second'].map(async name => {
    expect(await unsettled.none(inAnHour())).toBe(true)
    told.push(name)
  })
  unsettled.ended(2)
  await new Promise(setImmediate)
  expect([told, unsettled.isEmpty]).toEqual([[], false])
  unsettled.ended()
  await Promise.all(waits)
  expect([told, unsettled.isEmpty]).toEqual([['first', 'second'], true])
})

test('gives up at the deadline, and can be asked again', async () => {
  const unsettled = new Unsettled()
  unsettled.began()
  expect(await unsettled.none(soon(10))).toBe(false)
  const none = unsettled.none(inAnHour())
  unsettled.ended()
  expect(await none).toBe(true)
})
