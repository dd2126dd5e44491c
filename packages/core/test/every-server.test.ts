import { type CacheError, ClosedError, ConnectionError, everyServer, ServerError, TimeoutError } from '@anycache/core'
import { expect, test } from 'vitest'

const servers = ['a:1', 'b:2', 'c:3'].map(server => ({ server }))

/** What is thrown for a flush that failed so on these servers. */
async function failure(failures: Readonly<Record<string, Error>>, over = servers): Promise<CacheError> {
  const done: string[] = []
  const flush = ({ server }: { server: string }): void => {
    done.push(server)
    if (failures[server] !== undefined) throw failures[server]
  }
  const error = await everyServer('flush', over, flush).catch(error => error)
  expect(done).toEqual(over.map(({ server }) => server))
  return error
}

const refused = (server: string): ConnectionError => new ConnectionError('is down', { server, outcome: 'not-sent' })

test('resolves when every server has done it', async () => {
  expect(await failure({})).toBeUndefined()
})

test('one error names the servers it failed on, and may have been done on the others', async () => {
  const cause = refused('a:1')
  const error = await failure({ 'a:1': cause, 'c:3': new TimeoutError('late', { outcome: 'unknown' }) })
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error).toMatchObject({
    message: 'flush missed 2 of 3 servers (a:1, c:3): is down',
    server: 'a:1',
    outcome: 'unknown',
    cause,
  })
})

test.each([
  ['the same outcome on every server is the outcome of the whole', ['not-sent', 'not-sent', 'not-sent'], 'not-sent'],
  ['outcomes that differ are unknown', ['not-sent', 'refused', 'not-sent'], 'unknown'],
] as const)('%s', async (_, outcomes, expected) => {
  const failures = servers.map(({ server }, i) => [server, new ServerError('no', { server, outcome: outcomes[i] })])
  expect(await failure(Object.fromEntries(failures))).toMatchObject({ outcome: expected })
})

test('the error of a single server, of a closed store, and one that is not ours, are thrown as they are', async () => {
  const error = refused('a:1')
  expect(await failure({ 'a:1': error }, servers.slice(0, 1))).toBe(error)
  const closed = new ClosedError('the store is closed')
  expect(await failure({ 'a:1': closed, 'b:2': closed, 'c:3': closed })).toBe(closed)
  const bug = new TypeError('a mistake')
  expect(await failure({ 'b:2': bug })).toBe(bug)
})
