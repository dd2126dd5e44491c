import { join } from 'node:path'
import { findServer } from './binaries.js'
import { type Certificate, createCertificate } from './certificate.js'
import { type Endpoint, exchange } from './exchange.js'
import { withFreePort } from './free-port.js'
import { encodeCommand, parseReply, type Reply } from './resp.js'
import { createFolder, removeFolder, ServerProcess } from './server-process.js'

/** What a Redis for one test is started with. */
export type RedisOptions = {
  /** The port on 127.0.0.1; a free one by default. */
  port?: number
  /** More of redis-server's arguments, as in `['--maxmemory', '2mb']`; they win over ours. */
  args?: string[]
  /** Listens on a unix socket too, at the server's `path`. */
  unixSocket?: boolean
  /** Speaks TLS on the port, and nothing else, with a fresh self-signed certificate. */
  tls?: boolean
  /** The password of the default user. */
  password?: string
  /** More users, by name, each with ACL rules besides its password, as in `['~*', '+@all']`. */
  users?: Record<string, { password: string; rules: string[] }>
}

/** A Redis that runs until `stop()`, until the end of its `await using` block, or until this process ends. */
export interface RedisServer {
  readonly host: '127.0.0.1'
  readonly port: number
  /** `redis://` or `rediss://`, with the default user's password where it has one. */
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
   * Sends one command on a connection of its own, as the default user, and resolves the reply with bulk strings as
   * UTF-8 text. Rejects with Redis' error reply, or when there is no answer within 5 s.
   */
  command(...args: (string | number | Uint8Array)[]): Promise<unknown>
  /** Like `command`, with bulk strings as the bytes they are. */
  commandBytes(...args: (string | number | Uint8Array)[]): Promise<unknown>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a Redis without persistence on 127.0.0.1, and resolves when it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await findServer('redis-server')
  const folder = await createFolder()
  try {
    const tls = options.tls ? createCertificate(folder) : undefined
    const start = async (port: number): Promise<RedisServer> => {
      const endpoint: Endpoint = { port, ca: tls?.cert }
      const launch = async (): Promise<ServerProcess> => {
        const args = argumentsFor(options, port, folder, tls)
        try {
          return await ServerProcess.launch({
            binary,
            args,
            env: {},
            folder,
            probe: pid => probe(pid, endpoint, options.password),
          })
        } catch (error) {
          if (!tls || !/^>>> 'tls-/m.test(String(error))) throw error
          const wayOut = 'install one with it, or set REDIS_SERVER to the path of one'
          throw new Error(`${binary} was built without TLS; ${wayOut}`, { cause: error })
        }
      }
      return serverOf({ port, tls, endpoint, folder, launch, first: await launch() }, options)
    }
    return await (options.port === undefined ? withFreePort(start) : start(options.port))
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

type Started = {
  port: number
  tls: Certificate | undefined
  endpoint: Endpoint
  folder: string
  launch: () => Promise<ServerProcess>
  first: ServerProcess
}

function serverOf({ port, tls, endpoint, folder, launch, first }: Started, options: RedisOptions): RedisServer {
  let running = first
  const credentials = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`
  const stop = async (): Promise<void> => {
    await running.kill()
    removeFolder(folder)
  }
  return {
    host: '127.0.0.1',
    port,
    url: `${tls ? 'rediss' : 'redis'}://${credentials}127.0.0.1:${port}`,
    get pid() {
      return running.pid
    },
    ...(options.unixSocket && { path: socketPath(folder) }),
    ...(tls && { tls }),
    kill: () => running.kill(),
    pause: () => running.pause(),
    resume: () => running.resume(),
    async restart() {
      await running.kill()
      running = await launch()
    },
    stop,
    command: async (...args) => asText(await send(endpoint, options.password, args)),
    commandBytes: (...args) => send(endpoint, options.password, args),
    [Symbol.asyncDispose]: stop,
  }
}

function socketPath(folder: string): string {
  return join(folder, 'redis.sock')
}

function argumentsFor(options: RedisOptions, port: number, folder: string, tls: Certificate | undefined): string[] {
  const args = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, '--daemonize', 'no']
  if (tls === undefined) args.push('--port', String(port))
  else
    args.push(
      ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.certFile],
    )
  if (options.unixSocket) args.push('--unixsocket', socketPath(folder))
  if (options.password !== undefined) args.push('--requirepass', options.password)
  for (const [name, { password, rules }] of Object.entries(options.users ?? {}))
    args.push('--user', name, 'on', `>${password}`, ...rules)
  return [...args, ...(options.args ?? [])]
}

async function probe(pid: number, endpoint: Endpoint, password: string | undefined): Promise<void> {
  // The pid tells our server from another test's, should both have been given the same port.
  const info = asText(await send(endpoint, password, ['INFO', 'server']))
  if (!String(info).includes(`process_id:${pid}\r\n`)) throw new Error('the port is answered by another server')
}

function send(
  endpoint: Endpoint,
  password: string | undefined,
  args: readonly (string | number | Uint8Array)[],
): Promise<Reply> {
  const commands = password === undefined ? [args] : [['AUTH', password], args]
  return exchange(endpoint, Buffer.concat(commands.map(encodeCommand)), bytes => {
    let end = 0
    let reply: Reply = null
    for (let count = 0; count < commands.length; count++) {
      const parsed = parseReply(bytes, end)
      if (parsed === undefined) return undefined
      if (parsed.reply instanceof Error) throw parsed.reply
      ;({ reply, end } = parsed)
    }
    return { reply }
  }).then(({ reply }) => reply)
}

function asText(reply: Reply): unknown {
  if (Array.isArray(reply)) return reply.map(asText)
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : reply
}
