import * as core from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import { expect, test } from 'vitest'

const classes = new Map<string, unknown>(Object.entries(core))

const expected = {
  InvalidArgumentError: 'ERR_CACHE_INVALID_ARGUMENT',
  ConfigError: 'ERR_CACHE_CONFIG',
  NotSupportedError: 'ERR_CACHE_NOT_SUPPORTED',
  ClosedError: 'ERR_CACHE_CLOSED',
  ConnectionError: 'ERR_CACHE_CONNECTION',
  TimeoutError: 'ERR_CACHE_TIMEOUT',
  ServerError: 'ERR_CACHE_SERVER',
  ValueTooLargeError: 'ERR_CACHE_VALUE_TOO_LARGE',
  SerializationError: 'ERR_CACHE_SERIALIZATION',
  NotACounterError: 'ERR_CACHE_NOT_A_COUNTER',
  NotAppendableError: 'ERR_CACHE_NOT_APPENDABLE',
  ConflictError: 'ERR_CACHE_CONFLICT',
  OverloadedError: 'ERR_CACHE_OVERLOADED',
  CounterRangeError: 'ERR_CACHE_COUNTER_RANGE',
} as const

test.each(Object.entries(expected))('%s carries its code, its name and where it happened', (name, code) => {
  const Class = classes.get(name) as typeof core.ServerError
  const cause = new Error('below')
  const error = new Class('fact; way out', { op: 'get', key: 'k', server: 'a:1', cause })
  expect(error).toBeInstanceOf(core.CacheError)
  expect(error).toMatchObject({ name, code, op: 'get', key: 'k', server: 'a:1', cause, message: 'fact; way out' })
})

test.each(Object.keys(expected))('%s seen from elsewhere is another error of its kind', name => {
  const Class = classes.get(name) as typeof core.ServerError
  const cause = new Error('below')
  const error = new Class('fact; way out', { op: 'get', key: 'k', server: 'a:1', outcome: 'refused' })
  const located = error.at({ op: 'set', key: undefined })
  expect(located).toBeInstanceOf(Class)
  expect(located).not.toBe(error)
  expect(located).toMatchObject({ message: 'fact; way out', op: 'set', key: undefined, server: 'a:1', cause: error })
  expect(located.outcome).toBe('refused')
  const whole = new Class('fact', { cause }).at({ server: 'b:2', outcome: 'unknown' }, 'another fact')
  expect(whole).toMatchObject({ name, message: 'another fact', server: 'b:2', outcome: 'unknown', cause })
  expect(error.at({ cause }).cause).toBe(cause)
})

test('the nearest name is offered only when it is near', () => {
  expect(core.nearest('tll', ['ttl', 'timeout'])).toBe('ttl')
  expect(core.nearest('nameSpace', ['namespace', 'name'])).toBe('namespace')
  expect(core.nearest('whatever', ['ttl', 'timeout'])).toBeUndefined()
})

test.each<[string, (cache: core.Cache) => Promise<unknown>]>([
  ['set', cache => cache.set('k', 1, { ttl: 0 })],
  ['add', cache => cache.add('k', 1, { ttl: 0 })],
  ['compareAndSet', cache => cache.compareAndSet('k', 1, 'token' as core.CasToken, { ttl: 0 })],
  ['update', cache => cache.update('k', () => 1, { ttl: 0 })],
  ['append', cache => cache.append('k', 'x', { ttl: 0 })],
  ['increment', cache => cache.increment('k', 1, { initial: -1 })],
  ['getOrSet', cache => cache.getOrSet('k', () => 1, { ttl: 0 })],
])('a refused option of %s names the key of the call', async (op, call) => {
  await expect(call(core.cacheOver(new MemoryStore()))).rejects.toMatchObject({ op, key: 'k' })
})
