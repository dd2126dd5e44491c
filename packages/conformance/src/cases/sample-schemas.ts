import type { CacheError, StandardSchema } from '@anycache/core'
import type { Trial } from '../trial.js'

type Validate<Output> = StandardSchema<unknown, Output>['~standard']['validate']

export function schemaOf<Input, Output = Input>(validate: Validate<Output>): StandardSchema<Input, Output> {
  return { '~standard': { version: 1, vendor: 'conformance', validate } }
}

export interface Town {
  name: string
  people: number
}

const checkTown: Validate<Town> = value => {
  const { name, people } = (value ?? {}) as Partial<Town>
  const issues = [
    ...(typeof name === 'string' ? [] : [{ message: 'a name is text', path: ['name'] }]),
    ...(typeof people === 'number' ? [] : [{ message: 'people are counted', path: [{ key: 'people' }] }]),
  ]
  return issues.length > 0 ? { issues } : { value: value as Town }
}

export const town: StandardSchema<Town> = schemaOf(checkTown)
/** Answers by a promise, whatever it is asked. */
export const slowTown: StandardSchema<Town> = schemaOf(async value => {
  await new Promise(resolve => setTimeout(resolve, 5))
  return checkTown(value)
})
/** Text, which reads as its length. */
export const length: StandardSchema<string, number> = schemaOf(value =>
  typeof value === 'string' ? { value: value.length } : { issues: [{ message: 'not text' }] },
)
/** Text, which reads in capitals. */
export const capitals: StandardSchema<string> = schemaOf(value =>
  typeof value === 'string' ? { value: value.toUpperCase() } : { issues: [{ message: 'not text' }] },
)
export const short: StandardSchema<string> = schemaOf(value =>
  typeof value === 'string' && value.length <= 5 ? { value } : { issues: [{ message: 'too long' }] },
)
export const anything: StandardSchema<unknown> = schemaOf(value => ({ value }))
export const broken: StandardSchema<unknown> = schemaOf(() => {
  throw new Error('of the schema')
})
export const brokenLater: StandardSchema<unknown> = schemaOf(async () => {
  throw new Error('of the schema')
})

export const kirkwall: Town = { name: 'Kirkwall', people: 10_000 }
export const ruin: object = { name: 'Skara Brae', people: 'none' }

interface Events {
  readonly errors: CacheError[]
  readonly misses: [string, string][]
}

export function eventsOf({ cache }: Pick<Trial, 'cache'>): Events {
  const events: Events = { errors: [], misses: [] }
  cache.on('error', ({ error }) => events.errors.push(error))
  cache.on('miss', ({ key, reason }) => events.misses.push([key, reason]))
  return events
}
