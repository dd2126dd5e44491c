import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RedisStoreOptions } from '../src/index.js'
import { anySpace, eventsOf, failure, read, server, store, text, until, within } from './opened.js'

const unhandled = vi.fn()
beforeEach(() => {
  process.on('unhandledRejection', unhandled)
})
afterEach(async () => {
  await new Promise(setImmediate)
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

test('a password function is asked at each connection, and may promise its answer', async () => {
  const redis = await server({ users: { shop: { password: 'first', rules: ['~*', '+@all'] } } })
  let current = 'first'
  const password = vi.fn(async () => {
    await new Promise(resolve => setTimeout(resolve, 5))
    return current
  })
  const space = anySpace(store({ port: redis.port, username: 'shop', password, db: 1 }))
  expect(password).not.toHaveBeenCalled()
  await space.write(text('k', 'v'), within())
  await Promise.all([read(space, 'k'), read(space, 'k')])
  expect(password).toHaveBeenCalledTimes(1)
  await redis.command('ACL', 'SETUSER', 'shop', 'resetpass', '>second')
  current = 'second'
  await redis.command('CLIENT', 'KILL', 'USER', 'shop')
  expect(await until(() => read(space, 'k'))).toBe('v')
  expect(password.mock.calls.length).toBeGreaterThan(1)
})

test.each([2, 3] as const)(
  'one that answers at once serves the default user too, under protocol %d',
  async protocol => {
    const redis = await server({ password: 'right' })
    const opened = store({ port: redis.port, password: () => 'right', protocol })
    await opened.ping(within())
    // Its own commands, and those of a duplicate, log in the same way.
    const other = opened.client.duplicate({ retryStrategy: () => null })
    expect(await opened.client.ping()).toBe('PONG')
    expect(await other.ping()).toBe('PONG')
    other.disconnect()
  },
)

test.each<[name: string, password: () => unknown, reason: RegExp]>([
  [
    'throws',
    () => {
      throw new Error('no token service')
    },
    /failed: no token service/,
  ],
  ['rejects', () => Promise.reject(new Error('no token service')), /failed: no token service/],
  ['throws what is no error', () => Promise.reject('s3cret'), /failed: it threw a string/],
  ['never answers', () => new Promise(() => {}), /gave nothing within 270 ms/],
  ['gives a number', () => 5309, /must give a non-empty string, and gave a value of type number/],
  ['gives nothing', () => undefined, /gave a value of type undefined/],
  ['gives an empty string', () => '', /gave an empty string/],
])('one that %s is a failure to connect, and is asked again', async (_, password, reason) => {
  const redis = await server({ password: 'right' })
  let broken = true
  const options = { port: redis.port, timeout: 300, password: () => (broken ? password() : 'right') }
  const opened = store(options as RedisStoreOptions)
  const events = eventsOf(opened)
  const error = await failure(() => anySpace(opened).get('k', within(5000)))
  expect(error).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent', server: `localhost:${redis.port}` })
  expect(error.message).toMatch(reason)
  expect(inspect([error, events], { depth: 10 })).not.toMatch(/s3cret|5309/)
  broken = false
  await until(() => opened.ping(within()))
})

test('a password that the server refuses is on no error', async () => {
  const redis = await server({ password: 'right' })
  const opened = store({ port: redis.port, password: async () => 's3cret' })
  const error = await failure(() => opened.ping(within()))
  expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(error.message).toMatch(/WRONGPASS/)
  expect(inspect([error, opened.client.options], { depth: 10, showHidden: true })).not.toMatch(/s3cret/)
})

test('closing does not wait for a password, and nothing connects with one that comes later', async () => {
  const redis = await server({ password: 'right' })
  let answer: ((password: string) => void) | undefined
  const password = (): Promise<string> =>
    new Promise(given => {
      answer = given
    })
  const opened = store({ port: redis.port, password, timeout: '20s' })
  expect(await failure(() => opened.ping(within(300)))).toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
  const began = performance.now()
  await opened.close(within(100))
  expect(performance.now() - began).toBeLessThan(5000)
  expect(answer).toBeDefined()
  answer?.('right')
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(opened.client.status).toBe('end')
  expect(await redis.command('CLIENT', 'LIST')).not.toMatch(/lib-name=ioredis|cmd=hello/)
})
