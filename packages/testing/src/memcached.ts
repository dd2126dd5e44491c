import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findServer } from './binaries.js'
import { type Certificate, createCertificate } from './certificate.js'
import { type Endpoint, exchange } from './exchange.js'
import { withFreePort } from './free-port.js'
import { createFolder, removeFolder, ServerProcess } from './server-process.js'
import { type TestServer, testServer } from './test-server.js'

/** Options of a memcached for one test. */
export type MemcachedOptions = {
  /** The port on 127.0.0.1; a free one by default. */
  port?: number
  /** More of memcached's arguments, as in `['-m', '2']` or `['-C']`; they win over ours. */
  args?: string[]
  /** More environment for the process, as in `{ SASL_CONF_PATH: … }`. */
  env?: Record<string, string>
  /** Listens on a unix socket, at the server's `path`, instead of a port: memcached cannot do both. */
  unixSocket?: boolean
  /** Speaks TLS on the port, with a fresh self-signed certificate. */
  tls?: boolean
}

/** A {@link TestServer}. With `unixSocket` its port is 0 and its url is the path behind `unix://`. */
export interface MemcachedServer extends TestServer {
  /**
   * Sends one command of the text protocol on its own connection (`get k`, `set k 0 0 5\r\nhello`) and resolves
   * the whole reply as UTF-8 text without the last line break. Rejects when there is no answer within 5 s.
   */
  command(line: string | Uint8Array): Promise<string>
  /** Like `command`, with the reply as bytes. */
  commandBytes(line: string | Uint8Array): Promise<Buffer>
}

/** Starts a memcached on 127.0.0.1 (both protocols, no UDP), and resolves when it answers. */
export async function startMemcached(options: MemcachedOptions = {}): Promise<MemcachedServer> {
  const binary = await findServer('memcached')
  const folder = await createFolder()
  try {
    const tls = options.tls ? createCertificate(folder) : undefined
    const path = options.unixSocket ? join(folder, 'memcached.sock') : undefined
    const start = async (port: number): Promise<MemcachedServer> => {
      const endpoint: Endpoint = path === undefined ? { port, ca: tls?.cert } : { path }
      const launch = (): Promise<ServerProcess> =>
        ServerProcess.launch({
          binary,
          args: argumentsFor(options, path ?? port, tls),
          env: options.env ?? {},
          folder,
          probe: pid => probe(pid, endpoint),
        })
      const url = path === undefined ? `memcached://127.0.0.1:${port}` : `unix://${path}`
      const server = testServer({ port, url, path, tls, folder, launch, first: await launch() })
      // Assigned, not spread: `pid` is a getter.
      return Object.assign(server, {
        command: async (line: string | Uint8Array) => (await send(endpoint, line)).toString('utf8'),
        commandBytes: (line: string | Uint8Array) => send(endpoint, line),
      })
    }
    if (path !== undefined) return await start(0)
    return await (options.port === undefined ? withFreePort(start) : start(options.port))
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

function argumentsFor(options: MemcachedOptions, listen: string | number, tls: Certificate | undefined): string[] {
  const args =
    typeof listen === 'string' ? ['-s', listen, '-a', '700'] : ['-l', '127.0.0.1', '-p', String(listen), '-U', '0']
  if (tls) args.push('-Z', '-o', `ssl_chain_cert=${tls.certFile},ssl_key=${tls.keyFile}`)
  // memcached refuses to run as root without a user to switch to.
  if (process.getuid?.() === 0) args.push('-u', 'root')
  return [...args, ...(options.args ?? [])]
}

async function probe(pid: number, endpoint: Endpoint): Promise<void> {
  // Padded to the size of a binary header, so that a binary-only server misses its magic byte and closes.
  const stats = (await send(endpoint, 'version\r\nversion\r\nstats')).toString('latin1')
  const answering = /^STAT pid (\d+)\r$/m.exec(stats)?.[1]
  if (answering === String(pid)) return
  if (answering !== undefined) throw new Error('the port is answered by another server')
  // With -S, -Y or -B binary it does not report its pid. A server that did not get the port exits within a few milliseconds.
  await sleep(50)
}

function send(endpoint: Endpoint, line: string | Uint8Array): Promise<Buffer> {
  const request = Buffer.concat([Buffer.from(line), Buffer.from('\r\nquit\r\n')])
  // `quit` makes the server close after the reply, so that the end of any reply is known without parsing.
  return exchange(endpoint, request, (bytes, isEnd) => {
    if (!isEnd) return undefined
    return bytes.subarray(-2).toString('latin1') === '\r\n' ? bytes.subarray(0, -2) : bytes
  })
}
