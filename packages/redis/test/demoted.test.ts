import { cacheOver } from '@anycache/core'
import type { FaultProxy } from '@anycache/testing/proxy'
import type { RedisServer } from '@anycache/testing/redis'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { anySpace, eventsOf, failure, proxy, read, server, store, text, until, within } from './opened.js'

interface Pair {
  readonly primary: RedisServer
  readonly other: RedisServer
  /** The stable address, which leads to the primary at first. */
  readonly address: FaultProxy
}

async function pair(): Promise<Pair> {
  const [primary, other] = await Promise.all([server(), server()])
  return { primary, other, address: await proxy({ port: primary.port }) }
}

/** The old primary lives on as a replica, and the address moves. */
async function failOver({ primary, other, address }: Pair): Promise<void> {
  await primary.command('REPLICAOF', '127.0.0.1', other.port)
  address.retarget({ port: other.port })
}

test('an open cache follows its address to the new primary, while the old server lives on as a replica', async () => {
  const servers = await pair()
  const { address, other } = servers
  const cache = cacheOver(store({ port: address.port }), { namespace: 'shop' })
  const states: string[] = []
  cache.on('breaker', ({ state }) => states.push(state))
  cache.on('disconnect', ({ error }) => states.push(`left, ${error}`))
  expect(await cache.set('k', 'old')).toBe(true)
  expect(await cache.increment('n')).toBe(1)
  await failOver(servers)
  expect(await cache.set('k', 'refused')).toBe(false)
  expect(await cache.set('k', 'new')).toBe(true)
  expect(await cache.increment('n')).toBe(1)
  expect(await other.command('GET', 'shop:k')).toBe('new')
  expect(address.connections).toBe(2)
  expect(states).toEqual(['left, undefined'])
})

test('a counter that is refused by a replica was not counted, and the next one is', async () => {
  const servers = await pair()
  const space = anySpace(store({ port: servers.address.port }))
  const create = { value: 1, ttl: Number.POSITIVE_INFINITY }
  const count = (): unknown => space.count('n', 1, create, within())
  await count()
  await failOver(servers)
  expect(await failure(count)).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
  expect(await count()).toEqual({ value: 1 })
})

test('a refused write costs no other call of the connection its answer', async () => {
  const servers = await pair()
  const { address, other } = servers
  const space = anySpace(store({ port: address.port }))
  const large = 'x'.repeat(500_000)
  await space.write(text('large', large), within(10_000))
  await other.command('SET', await space.wireKey('large', within()), large)
  await failOver(servers)
  address.delay(30)
  const before = Array.from({ length: 5 }, () => read(space, 'large'))
  const refused = failure(() => space.write(text('k', 'v'), within()))
  await new Promise(setImmediate)
  const after = Array.from({ length: 5 }, () => read(space, 'large'))
  expect((await refused).message).toMatch(/READONLY/)
  const behind = [read(space, 'large'), space.write(text('k', 'v'), within())] as const
  for (const value of await Promise.all([...before, ...after])) expect(value).toBe(large)
  expect(await behind[0]).toBe(large)
  expect(await behind[1]).toEqual({ outcome: 'stored' })
  expect(address.connections).toBe(2)
})

test('while only replicas answer, few connections are made and reads go on', async () => {
  const servers = await pair()
  const { primary, other, address } = servers
  const opened = store({ port: address.port })
  const events = eventsOf(opened)
  const space = anySpace(opened)
  await space.write(text('k', 'v'), within())
  await primary.command('REPLICAOF', '127.0.0.1', 1)
  let refusals = 0
  for (const end = performance.now() + 1500; performance.now() < end; ) {
    if ((await failure(() => space.write(text('w', 'v'), within()))).message.includes('READONLY')) refusals++
    await space.get('k', within())
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  expect(refusals).toBeGreaterThan(50)
  expect(address.connections).toBeLessThan(12)
  expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
  address.retarget({ port: other.port })
  expect(await until(() => space.write(text('w', 'v'), within()))).toEqual({ outcome: 'stored' })
})

test('a replica that lost its master is left for reads as well', async () => {
  const { primary, other, address } = await pair()
  const space = anySpace(store({ port: address.port }))
  await space.write(text('k', 'v'), within())
  await primary.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
  await primary.command('REPLICAOF', '127.0.0.1', 1)
  address.retarget({ port: other.port })
  expect((await failure(() => read(space, 'k'))).message).toMatch(/MASTERDOWN/)
  expect(await read(space, 'k')).toBe(undefined)
})

test('a borrowed client keeps its connection, and the error says whose it is', async () => {
  const servers = await pair()
  const { address } = servers
  const client = new Redis({ host: '127.0.0.1', port: address.port })
  onTestFinished(() => client.disconnect())
  const space = anySpace(store({ client }))
  await space.write(text('k', 'v'), within())
  await failOver(servers)
  for (let i = 0; i < 3; i++) {
    const error = await failure(() => space.write(text('k', 'w'), within()))
    expect(error).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'refused' })
    expect(error.message).toMatch(/READONLY.*reconnectOnError/)
  }
  expect(client.status).toBe('ready')
  expect(address.connections).toBe(1)
})
