import { join } from 'node:path'
import { findServer } from './binaries.js'
import { type Certificate, createCertificate } from './certificate.js'
import { type Endpoint, exchange } from './exchange.js'
import { withFreePort } from './free-port.js'
import { encodeCommand, parseReply, type Reply } from './resp.js'
import { createFolder, removeFolder, ServerProcess } from './server-process.js'
import { type TestServer, testServer } from './test-server.js'

/** Options of a Redis for one test. */
export type RedisOptions = {
  /** The port on 127.0.0.1; a free one by default. */
  port?: number
  /** More of redis-server's arguments, as in `['--maxmemory', '2mb']`; they win over ours. */
  args?: string[]
  /** Also listens on a unix socket, at the server's `path`. */
  unixSocket?: boolean
  /** Speaks TLS on the port, and nothing else, with a fresh self-signed certificate. */
  tls?: boolean
  /** The password of the default user. */
  password?: string
  /** More users, by name, each with ACL rules besides its password, as in `['~*', '+@all']`. */
  users?: Record<string, { password: string; rules: string[] }>
}

/** A {@link TestServer}. Its url is `redis://` or `rediss://`, with the default user's password where it has one. */
export interface RedisServer extends TestServer {
  /**
   * Sends one command on its own connection, as the default user, and resolves the reply with bulk strings as
   * UTF-8 text. Rejects with Redis' error reply, or when there is no answer within 5 s.
   */
  command(...args: (string | number | Uint8Array)[]): Promise<unknown>
  /** Like `command`, with bulk strings as bytes. */
  commandBytes(...args: (string | number | Uint8Array)[]): Promise<unknown>
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
      const { password } = options
      const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`
      const url = `${tls ? 'rediss' : 'redis'}://${credentials}127.0.0.1:${port}`
      const path = options.unixSocket ? socketPath(folder) : undefined
      const server = testServer({ port, url, path, tls, folder, launch, first: await launch() })
      // Assigned, not spread: `pid` is a getter.
      return Object.assign(server, {
        command: async (...args: (string | number | Uint8Array)[]) => asText(await send(endpoint, password, args)),
        commandBytes: (...args: (string | number | Uint8Array)[]) => send(endpoint, password, args),
      })
    }
    return await (options.port === undefined ? withFreePort(start) : start(options.port))
  } catch (error) {
    removeFolder(folder)
    throw error
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
  // The pid distinguishes our server from another test's, if both got the same port.
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
