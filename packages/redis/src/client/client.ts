import { InvalidArgumentError, NotSupportedError, setImmediate, shown, withRealTicks } from '@anycache/core'
import { Redis } from 'ioredis'
import type { Endpoint } from '../endpoint.js'
import { nowhere } from '../protocol/command.js'
import { Connector } from './connector.js'
import type { ClientStream } from './corked-writer.js'
import { Login, type PasswordSource } from './login.js'

/** What the store needs of a client: ioredis 6, ioredis 5.4 or later, and its kin have it. */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  /** Set once the client has begun to connect. */
  readonly stream?: ClientStream | undefined
  readonly options: {
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly path?: string | undefined
    readonly keyPrefix?: string | undefined
  }
  connect(): Promise<void>
  disconnect(): void
  /** Of one that the store made: the application's own commands that have no answer yet. */
  readonly waitedFor?: number
  /** Of one that the store made: it does not connect again. */
  retire?(): void
  sendCommand(command: never, stream?: never): unknown
  on(event: string, listener: (argument: unknown) => void): unknown
  off(event: string, listener: (argument: unknown) => void): unknown
}

const handshake: ReadonlySet<string> = new Set(['hello', 'auth', 'select', 'client'])

/**
 * A client whose socket keeps the process alive only while the application waits for a command of its own. The store's calls
 * have their deadlines for that, and an idle cache must let the process end. A command of the application's also reconnects it,
 * since an idle connection that was closed waits for its next use.
 */
class StoreClient extends Redis {
  waitedFor = 0
  #retired = false

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    const [command] = args
    if (command.pipelineIndex === nowhere) return super.sendCommand(...args)
    if (this.status === 'end' && !this.#retired) this.connect().catch(() => {})
    const answer = super.sendCommand(...args)
    if (!(this.status === 'connect' && handshake.has(command.name))) {
      if (this.waitedFor++ === 0) this.stream?.ref()
      command.promise.then(this.#settled, this.#settled)
    }
    return answer
  }

  retire(): void {
    this.#retired = true
    // It may wait for a password, and then has no socket that could be closed.
    if (this.status === 'connecting') this.disconnect()
  }

  readonly #settled = (): void => {
    if (--this.waitedFor === 0) this.stream?.unref()
  }

  /** For a socket that is new. */
  letGo(): void {
    if (this.waitedFor === 0) this.stream?.unref()
  }
}

// Private in ioredis' types. It emits each status in a `process.nextTick`, which a test's fake timers would never run.
const { setStatus } = Redis.prototype as unknown as { setStatus: (status: string, argument?: unknown) => void }
Object.assign(StoreClient.prototype, {
  setStatus(this: StoreClient, status: string, argument?: unknown): void {
    withRealTicks(() => setStatus.call(this, status, argument))
  },
})

/**
 * An ioredis client that fails fast: it never reconnects, resends or replays by itself. It does not connect yet; each time it does,
 * a password function has nine tenths of `timeout`, so that its failure is reported and not the attempt's.
 */
export function createClient(address: Endpoint, timeout: number): Redis {
  const { host, port, path, username, password, db, family, protocol, tls, clientName } = address
  const client = new StoreClient({
    ...(path === undefined ? { host, port, family } : { path }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: passwordOf(password, timeout) }),
    ...(tls !== undefined && { tls }),
    ...(clientName !== undefined && { connectionName: clientName }),
    db,
    Connector,
    protocol,
    lazyConnect: true,
    clientInfoTag: 'anycache',
    // ioredis' own retry timer would keep the process alive, and its pace is not the breaker's: the connection dials.
    // It also ends the client at each loss, so that its queues are emptied and nothing is ever resent or replayed.
    retryStrategy: () => null,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // The store bounds the whole attempt: ioredis' timeout covers the TCP connect alone, not a server that never answers.
    connectTimeout: 0,
    disconnectTimeout: 100,
    keepAlive: 5000,
    // LOADING is then an answer like any other, instead of a wait of seconds in ioredis; no INFO permission is needed.
    enableReadyCheck: false,
  })
  // The socket exists some ticks after this event, or when a password function has answered.
  client.on('connecting', () => setImmediate(() => client.letGo()))
  client.on('connect', () => client.letGo())
  return client
}

function passwordOf(password: string | PasswordSource, timeout: number): string {
  return typeof password === 'string' ? password : (new Login(password, timeout * 0.9) as unknown as string)
}

/** Ends a client that the store made: it does not connect again. Resolves when its connection is closed. */
export async function endClient(client: RedisClient): Promise<void> {
  client.retire?.()
  if (client.status === 'end') return
  await new Promise<void>(resolve => {
    client.on('end', () => resolve())
    // Where it never connected there is nothing to close, but it must not connect later.
    if (client.status === 'wait') client.disconnect()
    // A turn later, since a client that has just begun to connect still has its last socket, or none.
    else setImmediate(() => withRealTicks(() => client.stream?.destroy()))
  })
}

/** Throws for what is not a client, and for a cluster's. */
export function checkClient(client: unknown): asserts client is RedisClient {
  const given = client as Partial<RedisClient> | null | undefined
  const methods = ['connect', 'disconnect', 'sendCommand', 'on', 'off'] as const
  if (
    typeof given !== 'object' ||
    given === null ||
    typeof given.status !== 'string' ||
    methods.some(name => typeof given[name] !== 'function')
  ) {
    throw new InvalidArgumentError(`RedisStore: client must be a Redis of ioredis, got ${shown(client)}`)
  }
  if (given.isCluster) {
    throw new NotSupportedError('RedisStore: a Redis Cluster is not supported yet; pass the client of a single server')
  }
}
