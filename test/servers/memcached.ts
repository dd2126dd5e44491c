import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findServer } from './binaries.js'
import { type Certificate, createCertificate } from './certificate.js'
import { type Endpoint, exchange } from './exchange.js'
import { withFreePort } from './free-port.js'
import { createFolder, removeFolder, ServerProcess } from './server-process.js'

/** What a memcached for one test is started with. */
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

/** A memcached that runs until `stop()`, until the end of its `await using` block, or until this process ends. */
export interface MemcachedServer {
  readonly host: '127.0.0.1'
  /** 0 with `unixSocket`. */
  readonly port: number
  /** `memcached://127.0.0.1:port`; with `unixSocket`, the path behind `unix://`. */
  readonly url: string
  /** Of the process that runs now; another one after `restart()`. */
  readonly pid: number
  /** The unix socket, when asked for. */
  readonly path?: string
  /** The certificate to trust, when TLS was asked for. */
  readonly tls?: Certificate
  /** Ends the process with SIGKILL and resolves when it is gone; connects are then refused. */
  kill(): Promise<void>
  /** Freezes the process: connects succeed, nothing answers. Resolves when it stands still. */
  pause(): Promise<void>
  /** Lets a paused process go on. */
  resume(): void
  /** Ends the process if it runs, and starts an empty one on the same port. */
  restart(): Promise<void>
  /** Ends the process and removes its folder. Twice is fine. */
  stop(): Promise<void>
  /**
   * Sends one command of the text protocol on a connection of its own (`get k`, `set k 0 0 5\r\nhello`) and resolves
   * the whole reply as UTF-8 text without the last line break. Rejects when there is no answer within 5 s.
   */
  command(line: string | Uint8Array): Promise<string>
  /** Like `command`, with the reply as the bytes it is. */
  commandBytes(line: string | Uint8Array): Promise<Buffer>
  [Symbol.asyncDispose](): Promise<void>
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
      return serverOf({ port, path, tls, endpoint, folder, launch, first: await launch() })
    }
    if (path !== undefined) return await start(0)
    return await (options.port === undefined ? withFreePort(start) : start(options.port))
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

type Started = {
  port: number
  path: string | undefined
  tls: Certificate | undefined
  endpoint: Endpoint
  folder: string
  launch: () => Promise<ServerProcess>
  first: ServerProcess
}

function serverOf({ port, path, tls, endpoint, folder, launch, first }: Started): MemcachedServer {
  let running = first
  const stop = async (): Promise<void> => {
    await running.kill()
    removeFolder(folder)
  }
  return {
    host: '127.0.0.1',
    port,
    url: path === undefined ? `memcached://127.0.0.1:${port}` : `unix://${path}`,
    get pid() {
      return running.pid
    },
    ...(path !== undefined && { path }),
    ...(tls && { tls }),
    kill: () => running.kill(),
    pause: () => running.pause(),
    resume: () => running.resume(),
    async restart() {
      await running.kill()
      running = await launch()
    },
    stop,
    command: async line => (await send(endpoint, line)).toString('utf8'),
    commandBytes: line => send(endpoint, line),
    [Symbol.asyncDispose]: stop,
  }
}

function argumentsFor(options: MemcachedOptions, listen: string | number, tls: Certificate | undefined): string[] {
  const args =
    typeof listen === 'string' ? ['-s', listen, '-a', '700'] : ['-l', '127.0.0.1', '-p', String(listen), '-U', '0']
  if (tls) args.push('-Z', '-o', `ssl_chain_cert=${tls.certFile},ssl_key=${tls.keyFile}`)
  // memcached refuses to run as root unless told which user to become.
  if (process.getuid?.() === 0) args.push('-u', 'root')
  return [...args, ...(options.args ?? [])]
}

async function probe(pid: number, endpoint: Endpoint): Promise<void> {
  // Padded to the size of a binary header, so that a server which speaks nothing else sees its magic missing and hangs up.
  const stats = (await send(endpoint, 'version\r\nversion\r\nstats')).toString('latin1')
  const answering = /^STAT pid (\d+)\r$/m.exec(stats)?.[1]
  if (answering === String(pid)) return
  if (answering !== undefined) throw new Error('the port is answered by another server')
  // With -S, -Y or -B binary it refuses to tell its pid. One that could not have the port ends within a few milliseconds.
  await sleep(50)
}

function send(endpoint: Endpoint, line: string | Uint8Array): Promise<Buffer> {
  const request = Buffer.concat([Buffer.from(line), Buffer.from('\r\nquit\r\n')])
  // `quit` makes the server close when the reply is out: the end of any reply is known without parsing it.
  return exchange(endpoint, request, (bytes, isEnd) => {
    if (!isEnd) return undefined
    return bytes.subarray(-2).toString('latin1') === '\r\n' ? bytes.subarray(0, -2) : bytes
  })
}
