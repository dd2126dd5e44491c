import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort, withFreePort } from '../src/free-port.js'
import { type MemcachedOptions, type MemcachedServer, startMemcached } from '../src/memcached.js'
import { type RedisOptions, type RedisServer, startRedis } from '../src/redis.js'

async function redis(options?: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

async function memcached(options?: MemcachedOptions): Promise<MemcachedServer> {
  const server = await startMemcached(options)
  onTestFinished(() => server.stop())
  return server
}

const kinds = [
  {
    name: 'redis',
    start: async (port?: number) => {
      const server = await redis(port === undefined ? {} : { port })
      return {
        server,
        write: () => server.command('SET', 'k', 'v'),
        read: () => server.command('GET', 'k'),
        written: 'OK',
        hit: 'v',
        miss: null,
      }
    },
  },
  {
    name: 'memcached',
    start: async (port?: number) => {
      const server = await memcached(port === undefined ? {} : { port })
      return {
        server,
        write: () => server.command('set k 0 0 1\r\nv'),
        read: () => server.command('get k'),
        written: 'STORED',
        hit: 'VALUE k 0 1\r\nv\r\nEND',
        miss: 'END',
      }
    },
  },
]

describe.each(kinds)('a $name server', ({ start }) => {
  test('answers as soon as start resolves', async () => {
    const { write, read, written, hit } = await start()
    expect(await write()).toBe(written)
    expect(await read()).toBe(hit)
  })

  test('listens on the port it is given', async () => {
    const port = await freePort()
    const { server, write, written } = await start(port)
    expect(server.port).toBe(port)
    expect(await write()).toBe(written)
  })

  test('does not answer while paused, and answers pending requests once resumed', async () => {
    const { server, write, read, hit } = await start()
    await write()
    await server.pause()
    let isSettled = false
    const reply = read().finally(() => {
      isSettled = true
    })
    await sleep(100)
    expect(isSettled).toBe(false)
    server.resume()
    expect(await reply).toBe(hit)
  })

  test('refuses connections once killed', async () => {
    const { server, read } = await start()
    const { pid } = server
    await server.kill()
    await server.kill()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await expect(read()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('is killed while paused', async () => {
    const { server, read } = await start()
    await server.pause()
    await server.kill()
    await expect(read()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('comes back empty on the same port after a restart, whether it was killed before or not', async () => {
    const { server, write, read, miss } = await start()
    const { port, pid } = server
    for (const kill of [true, false]) {
      await write()
      if (kill) await server.kill()
      await server.restart()
      expect(await read()).toBe(miss)
    }
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
  })

  test('throws when a signal is sent to it after its end', async () => {
    const { server } = await start()
    await server.kill()
    await expect(server.pause()).rejects.toThrow('has ended')
    expect(() => server.resume()).toThrow('has ended')
  })

  test('fails to start on a port in use, with its output', async () => {
    const { server } = await start()
    await expect(start(server.port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringMatching(/address already in use/i),
    })
  })

  test('ends with its await using block', async () => {
    const { server } = await start()
    {
      await using scoped = server
      expect(scoped.pid).toBeGreaterThan(0)
    }
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH')
  })
})

describe('redis options', () => {
  test('clients need the password, and command uses it', async () => {
    const server = await redis({ password: 'p w' })
    expect(server.url).toBe(`redis://:p%20w@127.0.0.1:${server.port}`)
    expect(await server.command('PING')).toBe('PONG')
    expect(await ask(server.port, 'PING\r\n')).toContain('NOAUTH')
  })

  test('users log in with their own passwords and rights', async () => {
    const server = await redis({ users: { app: { password: 'secret', rules: ['~app:*', '+get'] } } })
    expect(await ask(server.port, 'AUTH app wrong\r\n')).toContain('WRONGPASS')
    expect(await ask(server.port, 'AUTH app secret\r\nGET other\r\n')).toMatch(/^\+OK\r\n-NOPERM/)
  })

  test('a unix socket answers in addition to the port', async () => {
    const server = await redis({ unixSocket: true })
    expect(await ask(server.path as string, 'PING\r\n')).toBe('+PONG\r\n')
    expect(await server.command('PING')).toBe('PONG')
  })

  test('TLS is spoken with a certificate that verifies, and plain text is not', async () => {
    const server = await redis({ tls: true })
    expect(server.url).toBe(`rediss://127.0.0.1:${server.port}`)
    expect(await server.command('PING')).toBe('PONG')
    expect(await ask(server.port, 'PING\r\n').catch(() => '')).not.toContain('PONG')
  })

  test('further arguments reach the server', async () => {
    const server = await redis({ args: ['--maxmemory', '2mb'] })
    expect(await server.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '2097152'])
  })

  test('a wrong argument fails the start with the output of the server', async () => {
    await expect(redis({ args: ['--no-such-option', '1'] })).rejects.toThrow(/ended.*no-such-option/s)
  })

  test('commands carry bytes unharmed, and error replies reject', async () => {
    const server = await redis()
    const bytes = Buffer.from([0, 255, 13, 10, 193])
    await server.command('SET', 'k', bytes)
    expect(await server.commandBytes('GET', 'k')).toEqual(bytes)
    expect(await server.command('EVAL', 'return {1, {"a", false}}', 0)).toEqual([1, ['a', null]])
    await expect(server.command('INCR', 'k')).rejects.toThrow('ERR value is not an integer')
  })
})

describe('memcached options', () => {
  test('a unix socket answers instead of a port', async () => {
    const server = await memcached({ unixSocket: true })
    expect(server.port).toBe(0)
    expect(await ask(server.path as string, 'version\r\nquit\r\n')).toMatch(/^VERSION /)
    expect(await server.command('get k')).toBe('END')
  })

  test('TLS is spoken with a certificate that verifies, and plain text is not', async () => {
    const server = await memcached({ tls: true })
    expect(await server.command('version')).toMatch(/^VERSION /)
    expect(await ask(server.port, 'version\r\n').catch(() => '')).not.toContain('VERSION')
  })

  test('the binary protocol is on', async () => {
    const server = await memcached()
    const version = Buffer.alloc(24)
    version.set([0x80, 0x0b])
    const quit = Buffer.alloc(24)
    quit.set([0x80, 0x07])
    expect((await ask(server.port, Buffer.concat([version, quit]))).charCodeAt(0)).toBe(0x81)
  })

  test('a server that does not report its pid starts too', async () => {
    const server = await memcached({ args: ['-B', 'binary'] })
    expect(server.pid).toBeGreaterThan(0)
  })

  test('further arguments reach the server', async () => {
    const server = await memcached({ args: ['-C'] })
    expect(await server.command('stats settings')).toContain('STAT cas_enabled no')
  })

  test('command resolves the whole of a large reply', async () => {
    const server = await memcached()
    const value = 'x'.repeat(900_000)
    expect(await server.command(`set big 0 0 ${value.length}\r\n${value}`)).toBe('STORED')
    expect(await server.command('get big')).toBe(`VALUE big 0 ${value.length}\r\n${value}\r\nEND`)
  })
})

describe('free ports', () => {
  test('another port is tried when the first was taken meanwhile', async () => {
    const { port: taken } = await redis()
    const tried: number[] = []
    const server = await withFreePort(port => {
      tried.push(port)
      return redis({ port: tried.length === 1 ? taken : port })
    })
    expect(tried).toHaveLength(2)
    expect(server.port).toBe(tried[1])
  })

  test('failures for another reason are not retried', async () => {
    let calls = 0
    const failing = withFreePort(async () => {
      calls++
      throw new Error('something else')
    })
    await expect(failing).rejects.toThrow('something else')
    expect(calls).toBe(1)
  })
})

describe('a test process', () => {
  const compiled = mkdtempSync(join(tmpdir(), 'anycache-compiled-'))
  beforeAll(() => {
    // Node cannot run the sources directly, and a worker of the test runner must not be killed.
    const tsc = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url))
    const source = fileURLToPath(new URL('leave-servers.ts', import.meta.url))
    const options = [
      '--ignoreConfig',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--lib',
      'esnext',
      '--types',
      'node',
    ]
    writeFileSync(join(compiled, 'package.json'), '{ "type": "module" }')
    execFileSync(process.execPath, [tsc, source, ...options, '--skipLibCheck', '--outDir', compiled], { stdio: 'pipe' })
  })
  afterAll(() => rmSync(compiled, { recursive: true }))

  test.each(['return', 'exit', 'SIGINT', 'SIGTERM', 'SIGKILL'])('leaves no server when it ends by %s', async end => {
    const folder = mkdtempSync(join(tmpdir(), 'anycache-left-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const child = spawn(process.execPath, [join(compiled, 'test', 'leave-servers.js'), end, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const ended = once(child, 'close')
    const pids = String((await once(child.stdout, 'data'))[0])
      .trim()
      .split(' ')
      .map(Number)
    expect(pids).toHaveLength(2)
    if (end.startsWith('SIG')) child.kill(end as NodeJS.Signals)
    await ended
    await expect.poll(() => pids.filter(isAlive), { timeout: 5000 }).toEqual([])
    // A signal leaves no time to clean up; a normal exit does.
    if (!end.startsWith('SIG')) expect(readdirSync(folder)).toEqual([])
  })
})

function isAlive(pid: number): boolean {
  // If no init process reaps orphans, a dead one stays in the process table as a zombie.
  const state = spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
  return state !== '' && !state.startsWith('Z')
}

/** Sends bytes on its own connection and resolves what comes back until the end, or until 200 ms of silence. */
async function ask(where: number | string, request: string | Uint8Array): Promise<string> {
  const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where)
  socket.setTimeout(200, () => socket.destroy())
  let reply = ''
  socket.on('data', chunk => {
    reply += chunk.toString('latin1')
  })
  socket.write(request)
  await once(socket, 'close')
  return reply
}
