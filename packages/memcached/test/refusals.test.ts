import { connect, createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import type { CacheError, StoreEvent } from '@anycache/core'
import { startRedis } from '@anycache/testing/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { MemcachedOptions } from '../src/index.js'
import { server, store, text, within } from './opened.js'

/** A server that is none: it handles sockets as it likes. Resolves its port. */
async function fake(handle: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const listener = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    handle(socket)
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  return (listener.address() as { port: number }).port
}

async function refusalOf(port: number, options: Partial<MemcachedOptions> = {}): Promise<CacheError> {
  const opened = store({ servers: [`127.0.0.1:${port}`], breaker: false, ...options })
  return opened.ping(within()).then(
    () => expect.unreachable('it was let in'),
    error => error,
  )
}

describe('a connection that is refused', () => {
  test('by a memcached that has too many is reported as that, every time', async () => {
    const { port } = await server({ args: ['-c', '24', '-o', 'maxconns_fast'] })
    const others = Array.from({ length: 40 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    onTestFinished(() => {
      for (const other of others) other.destroy()
    })
    await Promise.all(others.map(other => new Promise(resolve => other.once('connect', resolve))))
    const refusals = await Promise.all(Array.from({ length: 100 }, () => refusalOf(port)))
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: 'ERR_CACHE_SERVER', outcome: 'not-sent' })
      expect(refusal.message).toMatch(/too many open connections.*-c/)
    }
  })

  test('by a memcached that has too many and speaks TLS is not blamed on TLS alone', async () => {
    const { port, tls } = await server({ tls: true, args: ['-c', '60', '-o', 'maxconns_fast'] })
    const others = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    onTestFinished(() => {
      for (const other of others) other.destroy()
    })
    await Promise.all(others.map(other => new Promise(resolve => other.once('connect', resolve))))
    const refusal = await refusalOf(port, { tls: { ca: tls?.cert ?? '' } })
    expect(refusal).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(refusal.message).toMatch(/too many open connections.*-c/)
  })

  test('since only one side speaks TLS is reported as that', async () => {
    const [plain, secure] = [await server(), await server({ tls: true })]
    expect((await refusalOf(plain.port, { tls: true })).message).toMatch(/answered without TLS;.* leave out tls/)
    expect((await refusalOf(secure.port)).message).toMatch(
      /closed the connection before it answered .*that tls is as the server has it/,
    )
    const alerting = await fake(socket => socket.end(Buffer.from([0x15, 0x03, 0x01, 0, 2, 2, 70])))
    expect((await refusalOf(alerting)).message).toMatch(/speaks TLS; pass tls: true/)
  })

  test('by a Redis, which says nothing to bytes that it does not know, names what to look at', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const refusal = await refusalOf(redis.port)
    expect(refusal).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', outcome: 'not-sent' })
    expect(refusal.message).toMatch(/took the connection, but did not answer in time.*see to it that a memcached/)
  })

  test.each([
    ['SSH-2.0-OpenSSH_9.6\r\n', /is an SSH server; it said "SSH-2.0-OpenSSH_9.6"/],
    ['HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n', /is an HTTP server; it said "HTTP\/1.1 400 Bad Request"/],
    ['-NOAUTH Authentication required.\r\n', /is a Redis; it said "-NOAUTH Authentication required."/],
    ['220 mail.example.com ESMTP\r\n', /is no memcached; it said "220 mail.example.com ESMTP"/],
    ['CLIENT_ERROR unauthenticated\r\n', /refuses the binary protocol.*"CLIENT_ERROR unauthenticated".*-Y/],
    ['SERVER_ERROR proxy is shutting down\r\n', /it said "SERVER_ERROR proxy is shutting down"/],
    ['\u0000\u0001\u0002binary', /sent bytes that are not memcached’s binary protocol/],
  ])('with the words %j is reported in them', async (words, message) => {
    const port = await fake(socket => socket.end(words))
    const refusal = await refusalOf(port)
    expect(refusal).toMatchObject({ code: 'ERR_CACHE_CONNECTION', outcome: 'not-sent' })
    expect(refusal.message).toMatch(message)
  })

  test('without a word names what to look at', async () => {
    const port = await fake(socket => socket.end())
    expect((await refusalOf(port)).message).toMatch(/closed the connection before it answered; see to it/)
  })
})

const secrets = { username: 'SECRETUSER', password: 'SECRETPASSWORD' }

/** Everything that a caller, a log or a listener sees. */
function expectNoSecret(failures: readonly unknown[], events: readonly StoreEvent[]): void {
  for (const failure of failures) {
    expect(failure).toBeInstanceOf(Error)
    const { message, stack, cause } = failure as Error
    expect(`${message}\n${stack}\n${String(cause)}\n${inspect(failure, { depth: 10 })}`).not.toMatch(/SECRET/i)
  }
  expect(inspect(events, { depth: 10 })).not.toMatch(/SECRET/i)
}

/** One call of each verb, with secret keys and values: their failures, those of the breaker too. */
async function failuresOf(options: MemcachedOptions): Promise<{ failures: unknown[]; events: StoreEvent[] }> {
  const opened = store({ timeout: 300, ...options })
  const events: StoreEvent[] = []
  opened.listen(event => events.push(event))
  const fromOne = { value: 1, ttl: 60_000 }
  const failures: unknown[] = []
  for (const path of [[], ['SECRETNAMESPACE']]) {
    const space = opened.space(path)
    const key = 'SECRETKEY'
    const write = text(key, 'SECRETVALUE')
    const calls = [
      () => space.get(key, within(200)),
      () => space.write(write, within(200)),
      () => space.write({ ...write, when: 'absent' }, within(200)),
      () => space.write({ ...write, when: 'present' }, within(200)),
      () => space.remove(key, undefined, within(200)),
      () => space.take(key, within(200)),
      () => space.touch(key, 1000, within(200)),
      () => space.count(key, 1, fromOne, within(200)),
      () => space.wireKey(key, within(200)),
      () => opened.ping(within(200)),
      () => opened.flush(within(200)),
    ]
    for (const call of calls) {
      await Promise.resolve(call()).catch(failure => failures.push(failure))
    }
    for (const section of [undefined, 'settings', 'unusual']) {
      const [only] = await opened.serverStats(section, within(200))
      if (only?.error !== undefined) failures.push(only.error)
    }
    const answers = [
      ...(await space.getMany([key, `${key}2`], within(200))),
      ...(await space.writeMany([write, text(`${key}2`, 'SECRETVALUE')], within(200))),
      ...(await space.removeMany([key, `${key}2`], within(200))),
    ]
    for (const answer of answers) {
      if (typeof answer === 'object' && 'failure' in answer) failures.push(answer.failure)
    }
  }
  return { failures, events }
}

/** Answers each binary frame with a status, and with the frame itself as its text; with 0 where `lets` lets it through. */
function echoing(status: number, lets: (opcode: number) => boolean): (socket: Socket) => void {
  return socket => {
    let received = Buffer.alloc(0)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 24 && received.length >= 24 + received.readUInt32BE(8)) {
        const frame = received.subarray(0, 24 + received.readUInt32BE(8))
        received = received.subarray(frame.length)
        const opcode = frame[1] as number
        const body = lets(opcode)
          ? Buffer.alloc(0)
          : Buffer.from(`ERROR 'with args beginning with' ${frame.subarray(24).toString('latin1')}`)
        const header = Buffer.alloc(24)
        header[0] = 0x81
        header[1] = opcode
        header.writeUInt16BE(lets(opcode) ? 0 : status, 6)
        header.writeUInt32BE(body.length, 8)
        frame.copy(header, 12, 12, 16)
        socket.write(Buffer.concat([header, body]))
      }
    })
  }
}

const [stats, login] = [0x10, 0x21]

describe('no key, value or login is in an error or an event', () => {
  test.each([0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x20, 0x21, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x99])(
    'where a proxy quotes the request with status %i',
    async status => {
      const asked = await fake(echoing(status, opcode => opcode === stats || opcode === login))
      const atLogin = await fake(echoing(status, () => false))
      for (const port of [asked, atLogin]) {
        const { failures, events } = await failuresOf({ servers: [`127.0.0.1:${port}`], ...secrets })
        expect(failures.length).toBeGreaterThan(5)
        expectNoSecret(failures, events)
      }
    },
  )

  test.each([
    (sent: string) => `ERROR unknown command ${sent}\r\n`,
    (sent: string) => `-ERR unknown command '${sent}', with args beginning with: '${sent}'\r\n`,
    (sent: string) => `HTTP/1.1 400 ${sent.replace(/[^\x20-\x7e]/g, ' ')}\r\n`,
    (sent: string) => `ERROR ${sent.replace(/[^\x20-\x7e]/g, ' ').replace('SECRETPASSWORD', 'SECRETPASS')}\r\n`,
    (sent: string) => `${sent.replace(/[^\x20-\x7e]/g, '').toLowerCase()}\r\n`,
  ])('where another kind of server quotes the login', async reply => {
    const port = await fake(socket => {
      socket.on('data', chunk => socket.end(reply(chunk.toString('latin1'))))
    })
    const { failures, events } = await failuresOf({ servers: [`127.0.0.1:${port}`], ...secrets })
    expect(failures.length).toBeGreaterThan(10)
    expectNoSecret(failures, events)
  })

  test.each([
    ['does not parse and quotes the request', (socket: Socket, sent: Buffer) => socket.write(sent)],
    [
      'is cut off',
      (socket: Socket, sent: Buffer) => socket.end(Buffer.concat([Buffer.from([0x81]), sent.subarray(1, 40)])),
    ],
  ])('where an answer %s', async (_, answer) => {
    const greet = echoing(0, () => true)
    const port = await fake(socket => {
      greet(socket)
      socket.once('data', () => {
        // What comes after the greeting.
        socket.removeAllListeners('data').on('data', sent => answer(socket, sent))
      })
    })
    const { failures, events } = await failuresOf({ servers: [`127.0.0.1:${port}`] })
    expect(failures.length).toBeGreaterThan(10)
    expectNoSecret(failures, events)
  })

  test('where memcached itself refuses: out of memory, a login where none is taken, and when it is dead', async () => {
    const full = await server({ args: ['-M', '-m', '1', '-I', '512k'] })
    const opened = store({ servers: [`127.0.0.1:${full.port}`] })
    const fill = Array.from({ length: 400 }, (_, i) => text(`SECRETKEY${i}`, 'SECRETVALUE'.repeat(10_000)))
    const written = await opened.space([]).writeMany(fill, within(5000))
    const failures: unknown[] = written.flatMap(each => ('failure' in each ? [each.failure] : []))
    expect(failures.length).toBeGreaterThan(0)
    expect((failures[0] as Error).message).toMatch(/refused set: out of memory; raise memcached’s -m/)
    failures.push(await refusalOf(full.port, secrets))
    await full.kill()
    const dead = await failuresOf({ servers: [`127.0.0.1:${full.port}`], ...secrets })
    expectNoSecret([...failures, ...dead.failures], dead.events)
  })
})
