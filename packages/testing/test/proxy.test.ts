import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, startProxy } from '../src/proxy.js'
import { startRedis } from '../src/redis.js'
import { countWrites } from '../src/writes.js'

const value = 'x'.repeat(1000)
const get = 'GET k\r\n'
const reply = `$1000\r\n${value}\r\n`

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 5000, interval: 5 })

/** A Redis that holds `value` under k, behind a proxy. */
async function proxied() {
  const redis = await startRedis({ unixSocket: true })
  onTestFinished(() => redis.stop())
  await redis.command('SET', 'k', value)
  const proxy = await startProxy({ port: redis.port })
  onTestFinished(() => proxy.close())
  return { redis, proxy }
}

/** A plain connection to the proxy and everything received on it. */
class Client {
  readonly chunks: string[] = []
  readonly closed: Promise<string>
  end: 'open' | 'fin' | 'reset' = 'open'
  readonly #socket: Socket

  constructor({ port }: { port: number }) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    onTestFinished(() => {
      this.#socket.destroy()
    })
    this.#socket.on('data', chunk => this.chunks.push(chunk.toString('latin1')))
    this.#socket.on('end', () => {
      this.end = 'fin'
    })
    this.#socket.on('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') this.end = 'reset'
    })
    this.closed = new Promise(resolve => this.#socket.once('close', () => resolve(this.end)))
  }

  get received(): string {
    return this.chunks.join('')
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  finish(): void {
    this.#socket.end()
  }

  receives(expected: string): Promise<void> {
    return soon(() => this.received).toBe(expected)
  }

  async staysAt(expected: string): Promise<void> {
    await sleep(100)
    expect(this.received).toBe(expected)
    expect(this.end).toBe('open')
  }
}

async function connectError({ port }: FaultProxy): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const [error] = await Promise.race([once(socket, 'connect').then(() => [undefined]), once(socket, 'error')])
  socket.destroy()
  return error?.code ?? 'connected'
}

describe('a proxy that passes', () => {
  test('carries requests and replies, and counts them', async () => {
    const { proxy } = await proxied()
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    new Client(proxy).send('PING\r\n')
    await soon(() => proxy.bytesDown).toBe(reply.length + '+PONG\r\n'.length)
    expect(proxy.bytesUp).toBe(get.length + 'PING\r\n'.length)
    expect(proxy.connections).toBe(2)
    expect(proxy.openConnections).toBe(2)
    expect(proxy.writesUp).toBe(2)
  })

  test('carries megabytes both ways unharmed', async () => {
    const { redis, proxy } = await proxied()
    const bytes = Buffer.alloc(5_000_000, 'abcdefg')
    const client = new Client(proxy)
    client.send(`*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$${bytes.length}\r\n`)
    client.send(bytes)
    client.send('\r\nGET b\r\n')
    await soon(() => client.received.length).toBe(5 + 10 + bytes.length + 2)
    expect(client.received.slice(15, -2) === bytes.toString('latin1')).toBe(true)
    expect(bytes.equals((await redis.commandBytes('GET', 'b')) as Buffer)).toBe(true)
  })

  test('reaches a unix socket', async () => {
    const { redis } = await proxied()
    const proxy = await startProxy({ path: redis.path as string })
    onTestFinished(() => proxy.close())
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
  })

  test('passes on an end from either side', async () => {
    const { redis, proxy } = await proxied()
    const leaving = new Client(proxy)
    leaving.send(get)
    leaving.finish()
    expect(await leaving.closed).toBe('fin')
    await soon(() => proxy.openConnections).toBe(0)
    const left = new Client(proxy)
    left.send(get)
    await left.receives(reply)
    await redis.kill()
    expect(await left.closed).not.toBe('open')
    await soon(() => proxy.openConnections).toBe(0)
  })

  test('resets a client whose server is down', async () => {
    const { redis, proxy } = await proxied()
    await redis.kill()
    expect(await new Client(proxy).closed).toBe('reset')
  })
})

describe('what a proxy records', () => {
  test('is every request byte since record(), even those not forwarded', async () => {
    const { proxy } = await proxied()
    expect(() => proxy.recorded()).toThrow('call record() first')
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    proxy.record()
    proxy.blackHole()
    client.send('PING\r\n')
    await soon(() => proxy.recorded().toString()).toBe('PING\r\n')
    proxy.record()
    expect(proxy.recorded()).toHaveLength(0)
  })
})

describe('a black hole', () => {
  test('accepts connections, silences open ones, and lets all resume where they stopped', async () => {
    const { proxy } = await proxied()
    const open = new Client(proxy)
    open.send(get)
    await open.receives(reply)
    const { bytesUp } = proxy
    proxy.blackHole()
    const fresh = new Client(proxy)
    open.send(get)
    fresh.send(get)
    await open.staysAt(reply)
    await fresh.staysAt('')
    expect(proxy.connections).toBe(2)
    expect(proxy.bytesUp).toBe(bytesUp)
    proxy.pass()
    await open.receives(reply + reply)
    await fresh.receives(reply)
  })

  test('hides the death of the server', async () => {
    const { redis, proxy } = await proxied()
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    proxy.blackHole()
    await redis.kill()
    await client.staysAt(reply)
    proxy.pass()
    expect(await client.closed).not.toBe('open')
  })

  test('for replies only lets the server do its work', async () => {
    const { redis, proxy } = await proxied()
    proxy.blackHole('down')
    const client = new Client(proxy)
    client.send('INCR n\r\n')
    await soon(() => redis.command('GET', 'n')).toBe('1')
    await client.staysAt('')
  })

  test('exerts backpressure on a writer', async () => {
    const { proxy } = await proxied()
    proxy.blackHole()
    const socket = connect(proxy.port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    socket.write(Buffer.alloc(64 * 1024 * 1024))
    await sleep(200)
    expect(socket.writableLength).toBeGreaterThan(0)
  })
})

describe('refusing', () => {
  test('refuses new connections, keeps open ones, and accepts again on the same port', async () => {
    const { proxy } = await proxied()
    const { port } = proxy
    const open = new Client(proxy)
    open.send(get)
    await open.receives(reply)
    await proxy.refuse()
    expect(await connectError(proxy)).toBe('ECONNREFUSED')
    open.send(get)
    await open.receives(reply + reply)
    await proxy.accept()
    expect(proxy.port).toBe(port)
    const fresh = new Client(proxy)
    fresh.send(get)
    await fresh.receives(reply)
  })
})

describe('cutting', () => {
  test('resets all connections at once and accepts new ones', async () => {
    const { proxy } = await proxied()
    const clients = [new Client(proxy), new Client(proxy)]
    for (const client of clients) {
      client.send(get)
      await client.receives(reply)
    }
    await proxy.cut()
    expect(proxy.openConnections).toBe(0)
    for (const client of clients) expect(await client.closed).toBe('reset')
    const fresh = new Client(proxy)
    fresh.send(get)
    await fresh.receives(reply)
  })

  for (const end of ['fin', 'reset'] as const)
    test.each([0, 1, 500, reply.length])(
      `after %i bytes of a reply gives exactly these and a ${end}, once`,
      async bytes => {
        const { proxy } = await proxied()
        const client = new Client(proxy)
        proxy.cutAfter(bytes, { end })
        client.send(get)
        expect(await client.closed).toBe(end)
        expect(client.received).toBe(reply.slice(0, bytes))
        const next = new Client(proxy)
        next.send(get)
        await next.receives(reply)
      },
    )

  test('after 0 bytes leaves the work done and the answer lost', async () => {
    const { redis, proxy } = await proxied()
    proxy.cutAfter(0)
    const client = new Client(proxy)
    client.send('INCR n\r\n')
    expect(await client.closed).toBe('fin')
    expect(client.received).toBe('')
    expect(await redis.command('GET', 'n')).toBe('1')
  })

  test('happens once even if replies already wait on many connections', async () => {
    const { proxy } = await proxied()
    proxy.blackHole('down')
    const clients = [new Client(proxy), new Client(proxy), new Client(proxy)]
    for (const client of clients) client.send(get)
    await soon(() => proxy.bytesUp).toBe(clients.length * get.length)
    await clients[0]?.staysAt('')
    proxy.cutAfter(10)
    await soon(() => clients.map(client => client.received.length).sort()).toEqual([10, reply.length, reply.length])
  })

  test('counts replies from the call on, separately for each connection, and repeatedly with `repeat`', async () => {
    const { proxy } = await proxied()
    const clients = [new Client(proxy), new Client(proxy)]
    for (const client of clients) {
      client.send(get)
      await client.receives(reply)
    }
    proxy.cutAfter(10, { repeat: true })
    for (const client of [...clients, new Client(proxy)]) {
      const before = client.received
      client.send(get)
      expect(await client.closed).toBe('fin')
      expect(client.received).toBe(before + reply.slice(0, 10))
    }
  })

  test('in the middle of a request keeps it from the server', async () => {
    const { redis, proxy } = await proxied()
    proxy.cutAfter(5, { direction: 'up' })
    const client = new Client(proxy)
    client.send('INCR n\r\n')
    expect(await client.closed).toBe('fin')
    expect(proxy.bytesUp).toBe(5)
    expect(await redis.command('GET', 'n')).toBe(null)
  })
})

describe('stalling', () => {
  test('after n bytes of a reply silences one connection from there until pass()', async () => {
    const { proxy } = await proxied()
    proxy.stallAfter(7)
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply.slice(0, 7))
    client.send(get)
    await client.staysAt(reply.slice(0, 7))
    const other = new Client(proxy)
    other.send(get)
    await other.receives(reply)
    await client.staysAt(reply.slice(0, 7))
    proxy.pass()
    await client.receives(reply + reply)
  })

  test('silences every connection with `repeat`', async () => {
    const { proxy } = await proxied()
    proxy.stallAfter(7, { repeat: true })
    for (const client of [new Client(proxy), new Client(proxy)]) {
      client.send(get)
      await client.receives(reply.slice(0, 7))
      await client.staysAt(reply.slice(0, 7))
    }
  })
})

describe('slowness', () => {
  test('dribbles replies in small pieces that add up to the complete reply', async () => {
    const { proxy } = await proxied()
    proxy.dribble(100, 5)
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    expect(client.chunks.length).toBeGreaterThanOrEqual(Math.ceil(reply.length / 100) / 2)
  })

  test('dribbles requests on demand', async () => {
    const { proxy } = await proxied()
    proxy.dribble(1, 1, 'up')
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    expect(proxy.bytesUp).toBe(get.length)
  })

  test('delays replies without changing their order, and pass() sends the delayed ones at once', async () => {
    const { proxy } = await proxied()
    proxy.delay(150)
    const client = new Client(proxy)
    const begun = performance.now()
    client.send('ECHO 1\r\n')
    await sleep(50)
    client.send('ECHO 2\r\n')
    await client.receives('$1\r\n1\r\n$1\r\n2\r\n')
    expect(performance.now() - begun).toBeGreaterThan(190)
    proxy.delay(600_000)
    client.send('ECHO 3\r\n')
    await client.staysAt('$1\r\n1\r\n$1\r\n2\r\n')
    proxy.pass()
    await client.receives('$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n')
  })
})

describe('closing', () => {
  test('refuses, resets what is open, and may be repeated', async () => {
    const { proxy } = await proxied()
    const client = new Client(proxy)
    client.send(get)
    await client.receives(reply)
    proxy.blackHole()
    await proxy.close()
    await proxy.close()
    expect(await client.closed).toBe('reset')
    expect(await connectError(proxy)).toBe('ECONNREFUSED')
  })
})

describe('counted writes', () => {
  test('distinguish ten writes of one tick from one corked write, where the proxy sees one chunk', async () => {
    const { proxy } = await proxied()
    const socket = connect(proxy.port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    await once(socket, 'connect')
    using counted = countWrites(proxy.port)
    for (let i = 0; i < 10; i++) socket.write('PING\r\n')
    await soon(() => proxy.bytesUp).toBe(60)
    expect(counted.writes).toBe(10)
    expect(proxy.writesUp).toBeLessThan(10)
    socket.cork()
    for (let i = 0; i < 10; i++) socket.write('PING\r\n')
    socket.uncork()
    await soon(() => proxy.bytesUp).toBe(120)
    expect(counted.writes).toBe(11)
  })

  test('apply to one port, include those before the connection is established, and end with their block', async () => {
    const server = createServer(socket => socket.resume()).listen(0, '127.0.0.1')
    onTestFinished(() => {
      server.close()
    })
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    const write = () => new Promise(resolve => socket.write('x', resolve))
    const counted = countWrites(port)
    const elsewhere = countWrites(port + 1)
    await write()
    await write()
    expect([counted.writes, elsewhere.writes]).toEqual([2, 0])
    elsewhere[Symbol.dispose]()
    counted[Symbol.dispose]()
    await write()
    expect(counted.writes).toBe(2)
  })
})
