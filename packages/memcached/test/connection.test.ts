import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CasToken, StoreEvent } from '@anycache/core'
import type { MemcachedServer } from '@anycache/testing/memcached'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { proxy, read, server, store, storeOf, text, within } from './opened.js'

/** A memcached with SASL on, whose passwords are checked by a saslauthd of ours: it lets `user` in with `p:w@ü`. */
async function saslServer(): Promise<MemcachedServer> {
  const folder = await mkdtemp(join(tmpdir(), 'anycache-sasl-'))
  const socket = join(folder, 'mux')
  const daemon = createServer(client => {
    let received = Buffer.alloc(0)
    client.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      // Four counted strings: user, password, service, realm.
      const strings: string[] = []
      for (let at = 0; at + 2 <= received.length; ) {
        const end = at + 2 + received.readUInt16BE(at)
        if (end > received.length) return
        strings.push(received.toString('utf8', at + 2, end))
        at = end
      }
      if (strings.length < 4) return
      const answer = strings[0] === 'user' && strings[1] === 'p:w@ü' ? 'OK' : 'NO'
      client.end(Buffer.from([0, answer.length, ...Buffer.from(answer)]))
    })
  })
  await new Promise<void>(resolve => daemon.listen(socket, resolve))
  await writeFile(
    join(folder, 'memcached.conf'),
    `mech_list: plain\npwcheck_method: saslauthd\nsaslauthd_path: ${socket}\n`,
  )
  onTestFinished(async () => {
    daemon.close()
    await rm(folder, { recursive: true })
  })
  return server({ args: ['-S'], env: { SASL_CONF_PATH: folder } })
}

describe('SASL', () => {
  test('lets in those who have the password, from options or from the server’s own credentials', async () => {
    const { port } = await saslServer()
    const stores = [
      store({ servers: [`127.0.0.1:${port}`], username: 'user', password: 'p:w@ü' }),
      store({ servers: [`memcached://user:p%3Aw%40%C3%BC@127.0.0.1:${port}`] }),
    ]
    for (const opened of stores) {
      await opened.space(['s']).write(text('k', 'v'), within())
      expect(await read(opened.space(['s']), 'k')).toBe('v')
    }
  })

  test('keeps out all others with an error, and what was refused is never sent later', async () => {
    const { port } = await saslServer()
    const good = store({ servers: [`127.0.0.1:${port}`], username: 'user', password: 'p:w@ü' })
    for (const login of [{ username: 'user', password: 'wrong' }, {}]) {
      const space = store({ servers: [`127.0.0.1:${port}`], breaker: false, ...login }).space([])
      for (let i = 0; i < 3; i++) {
        const failure = await Promise.resolve(space.write(text(`refused${i}`, 'v'), within())).catch(error => error)
        expect(failure).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'not-sent' })
        expect(failure.message).toMatch(/password/)
        expect(failure.message).not.toContain('wrong')
      }
    }
    for (let i = 0; i < 3; i++) expect(await good.space([]).get(`refused${i}`, within())).toBeUndefined()
  })
})

describe('a connection', () => {
  test('is made over a unix socket', async () => {
    const one = await server({ unixSocket: true })
    const opened = store({ servers: [`unix:${one.path}`] })
    await opened.space([]).write(text('k', 'v'), within())
    expect(await one.command('get k')).toContain('\r\nv\r\n')
    expect(opened.servers).toEqual([one.path])
  })

  test('with a password for a server that takes none is reported as such', async () => {
    const one = await server()
    const opened = store({ servers: [`127.0.0.1:${one.port}`], username: 'user', password: 'p:w@ü' })
    await expect(opened.ping(within())).rejects.toMatchObject({
      code: 'ERR_CACHE_SERVER',
      message: `127.0.0.1:${one.port} takes no login; leave out username and password, or start memcached with -S`,
    })
  })

  test('is made over IPv6', async ({ skip }) => {
    const probe = createServer()
    const hasIpv6 = await new Promise(resolve => {
      probe.once('error', () => resolve(false)).listen(0, '::1', () => probe.close(() => resolve(true)))
    })
    if (!hasIpv6) skip('this machine has no IPv6')
    const one = await server({ args: ['-l', '::1'] })
    const opened = store({ servers: [`[::1]:${one.port}`] })
    expect(await opened.serverStats(undefined, within())).toMatchObject([
      { server: `[::1]:${one.port}`, stats: { pid: one.pid } },
    ])
  })

  test('is made over TLS, and not where the certificate is not trusted', async () => {
    const one = await server({ tls: true })
    const trusting = store({ servers: [{ port: one.port, tls: { ca: one.tls?.cert as string } }] })
    await trusting.space([]).write(text('k', 'v'.repeat(100_000)), within())
    expect(await read(trusting.space([]), 'k')).toBe('v'.repeat(100_000))
    const doubting = store({ servers: [`127.0.0.1:${one.port}`], tls: true })
    await expect(doubting.ping(within())).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
  })

  test('with a certificate that cannot be read fails each request, and nothing else', async () => {
    const one = await server()
    const space = store({
      servers: [{ port: one.port, tls: { ca: 'no certificate', cert: 'none', key: 'none' } }],
    }).space([])
    await expect(space.get('k', within())).rejects.toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
  })

  test('that cannot be made is a refusal at once, and the breaker then answers', async () => {
    const one = await server()
    const opened = storeOf(one)
    await one.kill()
    const space = opened.space([])
    const address = `127.0.0.1:${one.port}`
    await expect(space.get('k', within())).rejects.toMatchObject({
      code: 'ERR_CACHE_CONNECTION',
      outcome: 'not-sent',
      message: `${address} cannot be reached: connect ECONNREFUSED ${address}`,
    })
    await expect(space.get('k', within())).rejects.toThrow(/breaker is open/)
    await one.restart()
    await vi.waitFor(() => space.get('k', within()), { timeout: 1500, interval: 20 })
  })

  test('does not keep the process alive while nothing is asked', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
    const one = await server()
    await vi.waitFor(() => expect(sockets()).toBe(0), 2000)
    const opened = storeOf(one)
    await opened.space(['s']).write(text('k', 'v'), within())
    // Open, and not counted among what the event loop waits for.
    expect(await one.command('stats')).toContain('STAT curr_connections 2')
    await vi.waitFor(() => expect(sockets()).toBe(0), 2000)
    expect(await read(opened.space(['s']), 'k')).toBe('v')
  })

  test('is not made before something is asked', async () => {
    const wire = await proxy(await server())
    const opened = storeOf(wire)
    opened.space(['s']).serverOf('k')
    expect(opened.client).toBeDefined()
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(wire.connections).toBe(0)
  })

  test('that the server closed while idle is replaced, without a failure', async () => {
    const one = await server()
    const wire = await proxy(one)
    const events: StoreEvent[] = []
    const opened = store({ servers: [`127.0.0.1:${wire.port}`], breaker: { failures: 1 } })
    opened.listen(event => events.push(event))
    await opened.space([]).write(text('k', 'v'), within())
    await wire.cut()
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('disconnect'), 1000)
    expect(await read(opened.space([]), 'k')).toBe('v')
    expect(events.map(({ type }) => type)).toEqual(['connect', 'disconnect', 'connect'])
  })
})

describe('a CAS token', () => {
  test('does not survive its connection: a conflict where something is, missing where nothing is', async () => {
    const one = await server()
    const wire = await proxy(one)
    const space = storeOf(wire).space([])
    await space.write(text('k', 'v'), within())
    const { casToken } = (await space.get('k', within())) as { casToken: CasToken }
    await one.restart()
    const write = { ...text('k', 'lost update'), when: { casToken } }
    await expect.poll(async () => space.write(write, within()), { timeout: 2000 }).toEqual({ outcome: 'missing' })
    // The restarted server counts its versions from the start: the number alone would fit again.
    for (let i = 0; i < 5; i++) {
      await space.write(text('k', `other ${i}`), within())
      expect(await space.write(write, within())).toEqual({ outcome: 'conflict' })
      expect(await space.remove('k', casToken, within())).toBe(false)
      expect(await read(space, 'k')).toBe(`other ${i}`)
    }
  })

  test('of a server without versions (-C) is refused, and limits say so', async () => {
    const one = await server({ args: ['-C'] })
    const opened = storeOf(one)
    const space = opened.space(['s'])
    expect(opened.limits.cas).toBe(true)
    await space.write(text('k', 'v'), within())
    expect(opened.limits.cas).toBe(false)
    const { casToken } = (await space.get('k', within())) as { casToken: CasToken }
    const write = async () => space.write({ ...text('k', 'w'), when: { casToken } }, within())
    await expect(write()).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_SUPPORTED' })
    expect(await read(space, 'k')).toBe('v')
  })

  test('is not needed for take: without versions exactly one gets the item, too', async () => {
    const one = await server({ args: ['-C'] })
    const spaces = [storeOf(one), storeOf(one)].map(each => each.space(['s']))
    for (let round = 0; round < 20; round++) {
      await spaces[0]?.write(text('k', 'v'), within())
      const taken = await Promise.all(Array.from({ length: 10 }, (_, i) => spaces[i % 2]?.take('k', within())))
      expect(taken.filter(item => item !== undefined)).toHaveLength(1)
    }
  })
})

describe('namespaces', () => {
  test('that nobody holds any more are forgotten, and work again when somebody does', async () => {
    const opened = storeOf(await server())
    for (let i = 0; i < 50; i++) await opened.space(['tenant', `${i}`]).write(text('k', `${i}`), within())
    for (let i = 0; i < 50; i++) expect(await read(opened.space(['tenant', `${i}`]), 'k')).toBe(`${i}`)
  })
})

describe('limits', () => {
  test('are learnt from the server', async () => {
    const one = await server({ args: ['-I', '2m'] })
    const opened = storeOf(one)
    expect(opened.limits.maxItemBytes).toBe(1024 * 1024 - 59)
    await opened.ping(within())
    expect(opened.limits.maxItemBytes).toBe(2 * 1024 * 1024 - 59)
    expect({ ...opened.limits }).toMatchObject({ cas: true, keys: false, shared: true, ttlGranularity: 1000 })
  })
})
