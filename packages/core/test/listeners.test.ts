import { Listeners, type StoreEvent } from '@anycache/core'
import { expect, test } from 'vitest'

const event: StoreEvent = { type: 'connect', server: 'a:1' }

test('every listener hears an event until it stops listening, and stopping twice is fine', () => {
  const listeners = new Listeners()
  const { report } = listeners
  const heard: string[] = []
  const stop = listeners.add(() => heard.push('first'))
  listeners.add(() => heard.push('second'))
  report(event)
  stop()
  stop()
  report(event)
  expect(heard).toEqual(['first', 'second', 'second'])
})
