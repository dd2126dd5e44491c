import { expect, test, vi } from 'vitest'
import { Flight, type Landed, type Waiting } from '../src/read-through/flight.js'
import { Run } from '../src/read-through/run.js'

const landed: Landed = { stored: true, isFound: false, age: 0, isOvertaken: false, validUntil: 0 }
const foreground = { old: undefined, tags: [], isBackground: false }
const patient: Waiting<string> = {
  op: 'getOrSet',
  hardTimeout: Number.POSITIVE_INFINITY,
  throws: false,
  retry: () => Promise.reject(new Error('the call was made once more')),
}

function until({ signal }: AbortController): Waiting<string> {
  return { ...patient, signal }
}

/** One loader for two keys, as a batch has it. */
function batch(load: () => Promise<string>) {
  const deserted = vi.fn()
  const purpose = {
    load,
    deserted,
    loaded(value: string): void {
      run.over()
      for (const flight of flights) flight.land(landed, () => `${value} ${flight.key}`)
    },
    failed(error: unknown): void {
      run.over()
      for (const flight of flights) flight.fail(error)
    },
  }
  const run = new Run(purpose) as Run
  const flights = [
    new Flight<string>('shop:', 'a', run, foreground),
    new Flight<string>('shop:', 'b', run, foreground),
  ] as const
  return { run, flights, deserted }
}

test('one run fills the slots of many keys', async () => {
  const load = vi.fn(async () => 'loaded')
  const { run, flights } = batch(load)
  const values = Promise.all(flights.flatMap(flight => [flight.join(true, patient), flight.join(false, patient)]))
  run.begin()
  expect(await values).toEqual(['loaded a', 'loaded a', 'loaded b', 'loaded b'])
  expect(load).toHaveBeenCalledTimes(1)
})

test('a failed run fails every slot with the same error', async () => {
  const error = new Error('no database')
  const { run, flights } = batch(() => Promise.reject(error))
  const values = flights.map(flight => flight.join(true, patient))
  run.begin()
  for (const value of values) await expect(value).rejects.toBe(error)
})

test('a run stops when nobody waits for any of its keys, and not before', async () => {
  const { run, flights, deserted } = batch(() => new Promise(() => {}))
  const [a, b] = [new AbortController(), new AbortController()]
  const values = [flights[0].join(true, until(a)), flights[1].join(true, until(b))]
  run.begin()
  a.abort('tired')
  await expect(values[0]).rejects.toBe('tired')
  expect(deserted).not.toHaveBeenCalled()
  expect(run.signal.aborted).toBe(false)
  b.abort('tired too')
  await expect(values[1]).rejects.toBe('tired too')
  expect(deserted).toHaveBeenCalledTimes(1)
  expect(run.signal.reason).toBe('tired too')
})

test('a run that waits for another, by any of its keys, needs it', async () => {
  const inner = batch(() => new Promise(() => {}))
  let needs: boolean | undefined
  const outer = batch(async () => {
    void inner.flights[1].join(false, patient)
    needs = outer.run.needs(inner.run)
    return 'loaded'
  })
  const value = outer.flights[0].join(true, patient)
  outer.run.begin()
  await value
  expect(needs).toBe(true)
  expect(inner.run.needs(outer.run)).toBe(false)
})

test('a loader that never looks at its signal costs none, and one that looks late finds it fired', async () => {
  const { run, flights } = batch(() => new Promise(() => {}))
  const leave = new AbortController()
  const value = flights[0].join(true, until(leave))
  run.begin()
  leave.abort('tired')
  await expect(value).rejects.toBe('tired')
  expect(run.signal.aborted).toBe(true)
})
