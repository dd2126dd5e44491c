import { nativeFormat } from '@anycache/serializer'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { expect, test } from 'vitest'
import { anySpace, commandCounts, eventsOf, failure, read, server, store, text, until, within } from './opened.js'

test('a full server refuses writes and still reads and deletes; its breaker stays closed', async () => {
  const redis = await server()
  const opened = store({ port: redis.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'old'), within())
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  for (let i = 0; i < 10; i++) {
    const error = await failure(() => space.write(text('k', 'new'), within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused', server: `localhost:${redis.port}` })
    expect(error.message).toMatch(/out of memory.*maxmemory.*OOM/)
  }
  const count = await failure(() => space.count('n', 1, { value: 1, ttl: 1000 }, within()))
  expect(count).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(await read(space, 'k')).toBe('old')
  expect(await space.remove('k', undefined, within())).toBe(true)
  expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
  const many = await space.writeMany([text('a', 'v'), text('b', 'v')], within())
  expect(many).toMatchObject([{ failure: { code: 'ERR_CACHE_SERVER' } }, { failure: { code: 'ERR_CACHE_SERVER' } }])
})

test('a replica refuses writes, and everything once it lost its master', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port }))
  await space.write(text('k', 'v'), within())
  const gone = await startRedis()
  await gone.stop()
  await redis.command('REPLICAOF', '127.0.0.1', gone.port)
  expect((await failure(() => space.write(text('k', 'w'), within()))).message).toMatch(/is a replica.*READONLY/)
  expect((await failure(() => space.remove('k', undefined, within()))).message).toMatch(/READONLY/)
  expect(await read(space, 'k')).toBe('v')
  await redis.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
  expect(await failure(() => read(space, 'k'))).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect((await failure(() => read(space, 'k'))).message).toMatch(/lost its master.*MASTERDOWN/)
  await redis.command('REPLICAOF', 'NO', 'ONE')
  expect(await space.write(text('k', 'w'), within())).toEqual({ outcome: 'stored' })
})

test('a server that loads its data refuses at once, and answers when it is done', async () => {
  const args = ['--key-load-delay', '0', '--loading-process-events-interval-bytes', '1024']
  const redis = await server({ args: [...args, '--enable-debug-command', 'yes'] })
  const opened = store({ port: redis.port })
  const space = anySpace(opened)
  await space.writeMany(
    Array.from({ length: 40 }, (_, i) => text(`k${i}`, `${i} `.repeat(1000))),
    within(),
  )
  await redis.command('CONFIG', 'SET', 'rdbcompression', 'no', 'key-load-delay', '50000')
  const reloaded = redis.command('DEBUG', 'RELOAD')
  const error = await until(() => failure(() => read(space, 'k1')))
  expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(error.message).toMatch(/loading its data.*LOADING/)
  // A new connection gets the same answer, and does not wait in the client.
  expect((await failure(() => store({ port: redis.port }).ping(within()))).message).toMatch(/LOADING/)
  await redis.command('CONFIG', 'SET', 'key-load-delay', '0').catch(() => {})
  await reloaded
  expect(await read(space, 'k1')).toBe('1 '.repeat(1000))
})

test('a server that has been given a password asks for it', async () => {
  const redis = await server()
  await redis.command('CONFIG', 'SET', 'requirepass', 'later')
  const error = await failure(() => store({ port: redis.port }).ping(within()))
  expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(error.message).toMatch(/asks for a password.*NOAUTH/)
})

test('a key that an ACL forbids costs no other key of its batch', async () => {
  const redis = await server({ users: { shop: { password: 'pw', rules: ['~shop:*', '+@all'] } } })
  await redis.command('MSET', 'shop:a', 'A', 'shop:b', 'B', 'other:c', 'C')
  const bare = store({ port: redis.port, username: 'shop', password: 'pw' }).space([], nativeFormat)
  const answers = await Promise.allSettled(['shop:a', 'other:c', 'shop:b', 'other:c'].map(key => read(bare, key)))
  expect(answers.map(answer => (answer.status === 'fulfilled' ? answer.value : answer.reason.outcome))).toEqual([
    'A',
    'refused',
    'B',
    'refused',
  ])
  const many = await bare.getMany(['shop:a', 'other:c', 'shop:b'], within())
  expect(many[0]).toMatchObject({ flags: 0 })
  expect(many[1]).toMatchObject({ failure: { code: 'ERR_CACHE_SERVER', outcome: 'refused' } })
  expect(many[2]).toMatchObject({ flags: 0 })
  const error = await failure(() => bare.write(text('other:c', 'X'), within()))
  expect(error.message).toMatch(/ACL.*NOPERM/)
})

test('neither a value nor a key is on the error of a refused command', async () => {
  const redis = await server({ args: ['--maxmemory', '1'] })
  const space = anySpace(store({ port: redis.port }))
  const error = await failure(() => space.write(text('the-key', 'the-value'), within()))
  const cause = error.cause as Error
  const shown = [error, cause].flatMap(each =>
    Object.getOwnPropertyNames(each).map(name => String((each as unknown as Record<string, unknown>)[name])),
  )
  expect(shown.join()).not.toMatch(/the-(key|value)/)
})

test('a node of a cluster says that it is one', async () => {
  const redis = await server({ args: ['--cluster-enabled', 'yes'] })
  const space = anySpace(store({ port: redis.port }))
  const error = await failure(() => read(space, 'k'))
  expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(error.message).toMatch(/node of a Redis Cluster, which is not supported yet.*CLUSTERDOWN/)
})

test('more bytes than maxInFlightBytes are refused unsent, and taken again when the first are answered', async () => {
  const redis = await server()
  const space = anySpace(store({ port: redis.port, maxInFlightBytes: '64kb' }))
  await space.write(text('k', 'v'), within())
  await redis.pause()
  const value = 'x'.repeat(10_000)
  const writes = Array.from({ length: 20 }, (_, i) => failure(() => space.write(text(`k${i}`, value), within(300))))
  const errors = await Promise.all(writes)
  expect(errors.filter(({ code, outcome }) => code === 'ERR_CACHE_OVERLOADED' && outcome === 'not-sent').length).toBe(
    14,
  )
  // Late, or lost with the connection that was closed for the first late one.
  expect(errors.filter(({ outcome }) => outcome === 'unknown').length).toBe(6)
  redis.resume()
  await until(() => space.write(text('k', 'w'), within()))
  // One command by itself may be larger.
  expect(await space.write(text('big', 'x'.repeat(200_000)), within())).toEqual({ outcome: 'stored' })
  const counts = await commandCounts(redis)
  expect(counts.set).toBeLessThan(20)
})

test('a server of another kind is reported as one', async () => {
  await using memcached = await startMemcached()
  const error = await failure(() => store({ port: memcached.port }).ping(within()))
  expect(error).toMatchObject({
    code: 'ERR_CACHE_CONNECTION',
    outcome: 'not-sent',
    message: `localhost:${memcached.port} sent bytes that are not Redis' protocol; see to it that host and port are those of a Redis`,
  })
})
