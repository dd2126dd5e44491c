import { createHash } from 'node:crypto'
import type { Call } from '@anycache/core'
import { nativeFormat } from '@anycache/serializer'
import { expect, onTestFinished, test } from 'vitest'
import { Batcher } from '../src/batching/batcher.js'
import { Clearings } from '../src/clear.js'
import { createClient } from '../src/client/client.js'
import { Connection } from '../src/connection/connection.js'
import type { Endpoint } from '../src/endpoint.js'
import { isReply } from '../src/protocol/failures.js'
import { RedisSpace } from '../src/space.js'
import { flush, ping, serverStats } from '../src/topology/masters.js'
import type { Topology } from '../src/topology/topology.js'
import { commandCounts, failure, itemAt, read, server, text, within } from './opened.js'

/** Two servers, and which of them has a key. Calls that one of them refuses with MOVED go to the other. */
class Pair implements Topology {
  readonly masters: readonly Batcher[]
  readonly keyPrefix = ''
  place: (wireKey: string) => number = wireKey => (createHash('md5').update(wireKey).digest()[0] as number) % 2

  constructor(ports: readonly [number, number], joinsKeys: boolean) {
    this.masters = ports.map((port, i) => {
      const redirect = (error: unknown): Batcher | undefined =>
        isReply(error) && error.message.startsWith('MOVED') ? this.masters[1 - i] : undefined
      return new Batcher({ connection: connectionTo(port), maxInFlightBytes: 2 ** 26, joinsKeys, redirect })
    })
    onTestFinished(() => this.close(performance.now() + 200))
  }

  batcherFor(wireKey: string): Batcher {
    return this.masters[this.place(wireKey)] as Batcher
  }

  async close(deadline: number): Promise<void> {
    await Promise.all(this.masters.map(({ admission }) => admission.close(deadline)))
    await Promise.all(this.masters.map(({ connection }) => connection.close()))
  }
}

function connectionTo(port: number): Connection {
  const endpoint: Endpoint = {
    host: '127.0.0.1',
    port,
    path: undefined,
    username: undefined,
    password: undefined,
    db: 0,
    family: 0,
    protocol: 3,
    tls: undefined,
    clientName: undefined,
  }
  const timeout = 2000
  const client = createClient(endpoint, timeout)
  return new Connection({
    client,
    owned: true,
    server: `127.0.0.1:${port}`,
    timeout,
    breaker: undefined,
    report: () => {},
  })
}

const soon = (): Call => within(5000)
const keys = Array.from({ length: 1200 }, (_, i) => `k${i}`)

test.each([true, false])('every verb finds its server, with commands of several keys: %s', async joinsKeys => {
  const servers = await Promise.all([server(), server()])
  const pair = new Pair([servers[0].port, servers[1].port], joinsKeys)
  const clearings = new Clearings()
  const space = new RedisSpace(pair, clearings, ['shop'], nativeFormat)
  const other = new RedisSpace(pair, clearings, ['other'], nativeFormat)
  await ping(pair, soon())
  await other.write(text('k', 'stays'), soon())
  await space.writeMany(
    keys.map(key => text(key, key)),
    soon(),
  )
  const sizes = (await Promise.all(servers.map(each => each.command('DBSIZE')))) as number[]
  expect(sizes[0] as number).toBeGreaterThan(400)
  expect(sizes[1] as number).toBeGreaterThan(400)
  expect(await Promise.all(keys.map(key => read(space, key)))).toEqual(keys)
  const many = await space.getMany([...keys, 'none'], soon())
  expect(many.map(item => item && 'data' in item && String(item.data))).toEqual([...keys, undefined])
  const [first, second] = servers.map(({ port }) => `127.0.0.1:${port}`)
  expect(new Set(keys.map(key => space.serverOf(key)))).toEqual(new Set([first, second]))
  const listed: string[] = []
  for await (const key of space.keys('*', soon)) listed.push(key)
  expect(listed.sort()).toEqual([...keys].sort())
  const stats = await serverStats(pair, 'server', soon())
  expect(stats.map(each => [each.server, each.stats.tcp_port])).toEqual([
    [first, servers[0].port],
    [second, servers[1].port],
  ])
  await space.clear(soon)
  expect((await space.getMany(keys, soon())).every(item => item === undefined)).toBe(true)
  expect(await read(other, 'k')).toBe('stays')
  for (const each of servers) expect(Object.keys(await commandCounts(each)).includes('mget')).toBe(joinsKeys)
  await flush(pair, soon())
  expect(await Promise.all(servers.map(each => each.command('DBSIZE')))).toEqual([0, 0])
})

test('a server that is down costs the others nothing, and is named', async () => {
  const [up, down] = await Promise.all([server(), server()])
  const pair = new Pair([up.port, down.port], true)
  const space = new RedisSpace(pair, new Clearings(), ['shop'], nativeFormat)
  pair.place = wireKey => (wireKey === 'shop:down' ? 1 : 0)
  await space.write(text('up', 'v'), soon())
  await down.stop()
  const [item, failed] = await space.getMany(['up', 'down'], soon())
  expect(item).toMatchObject({ flags: 0 })
  expect(failed).toMatchObject({ failure: { code: 'ERR_CACHE_CONNECTION', server: `127.0.0.1:${down.port}` } })
  expect(await failure(() => ping(pair, soon()))).toMatchObject({ server: `127.0.0.1:${down.port}` })
  expect(await serverStats(pair, undefined, soon())).toMatchObject([
    { server: `127.0.0.1:${up.port}` },
    { server: `127.0.0.1:${down.port}`, error: { code: expect.stringMatching(/^ERR_CACHE_/) } },
  ])
})

test('a connection whose address comes to lead to another server has its name in all it reports', async () => {
  const [up, other] = await Promise.all([server(), server()])
  const pair = new Pair([up.port, other.port], true)
  pair.place = () => 0
  const space = new RedisSpace(pair, new Clearings(), ['shop'], nativeFormat)
  await ping(pair, soon())
  const [first] = pair.masters as [Batcher]
  first.connection.server = 'promoted:6379'
  await up.stop()
  expect(space.serverOf('k')).toBe('promoted:6379')
  expect(await failure(() => space.get('k', soon()))).toMatchObject({
    server: 'promoted:6379',
    message: expect.stringContaining('promoted:6379'),
  })
})

test('a call that its server sends to another one is answered there, and counted until then', async () => {
  const args = ['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no', '--cluster-node-timeout', '500']
  const [owner, other] = await Promise.all([server({ args }), server({ args })])
  await owner.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383)
  await other.command('CLUSTER', 'MEET', '127.0.0.1', owner.port)
  await reached(() => other.command('SET', 'k', 'v'), /^MOVED/)
  await reached(async () => {
    throw new Error(String(await owner.command('SET', 'probe', 'v')))
  }, /^OK/)
  const pair = new Pair([owner.port, other.port], false)
  pair.place = () => 1
  const space = new RedisSpace(pair, new Clearings(), ['shop'], nativeFormat)
  const large = 'x'.repeat(2 ** 20 + 1)
  const answers = await Promise.all([
    space.write(text('k', 'v'), soon()),
    space.write(text('large', large), soon()),
    space.count('n', 1, { value: 1, ttl: 60_000 }, soon()),
  ])
  expect(answers).toEqual([{ outcome: 'stored' }, { outcome: 'stored' }, { value: 1 }])
  expect(await Promise.all(['k', 'n', 'none'].map(key => read(space, key)))).toEqual(['v', '1', undefined])
  expect((await itemAt(space, 'large'))?.data.length).toBe(large.length)
  expect(await space.getMany(['k', 'none'], soon())).toMatchObject([{ flags: 0 }, undefined])
  expect(await space.remove('k', undefined, soon())).toBe(true)
  expect(await owner.command('EXISTS', 'shop:k')).toBe(0)
  // Nothing is held any more: closing waits for no call.
  const closing = performance.now()
  await pair.close(closing + 10_000)
  expect(performance.now() - closing).toBeLessThan(5000)
})

/** Waits until the command is refused like this. */
async function reached(command: () => Promise<unknown>, expected: RegExp): Promise<void> {
  for (const end = performance.now() + 15_000; ; await new Promise(resolve => setTimeout(resolve, 50))) {
    const { message } = await failure(command).catch(error => error as Error)
    if (expected.test(message)) return
    if (performance.now() > end) throw new Error(`it is still ${message}`)
  }
}
