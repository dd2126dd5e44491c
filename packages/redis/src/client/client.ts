import { InvalidArgumentError, NotSupportedError, setImmediate, shown, withRealTicks } from '@anycache/core'
import { Command, Redis } from 'ioredis'
import { type Argument, nowhere, WireCommand } from '../protocol/command.js'
import { Connector } from './connector.js'
import { Login, type PasswordSource } from './login.js'
import { type ClientStream, Outlet } from './corked-writer.js'

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

/** How to reach the server of a client that the store makes for itself. */
export interface Address {
  readonly host: string
  readonly port: number
  /** A unix socket; then `host` and `port` mean nothing. */
  readonly path: string | undefined
  readonly username: string | undefined
  readonly password: string | PasswordSource | undefined
  readonly db: number
  readonly family: 0 | 4 | 6
  readonly protocol: 2 | 3
  readonly tls: object | undefined
  readonly clientName: string | undefined
}

const handshake: ReadonlySet<string> = new Set(['hello', 'auth', 'select', 'client'])

/**
 * A client whose socket keeps the process alive only while the application waits for a command of its own. The store's calls
 * have their deadlines for that, and an idle cache must let the process end. A command of the application's also connects it
 * anew: an idle connection that was closed waits for its next use.
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
export function createClient(address: Address, timeout: number): Redis {
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
    // A deadline of ours bounds the whole attempt: ioredis' covers the TCP connect alone, not a server that never answers.
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

/** Sends commands in the order of the calls, and answers bulk strings as Buffers. */
export class Sender {
  readonly #client: RedisClient
  readonly #owned: boolean
  readonly #options: { replyEncoding: null; keyPrefix?: string }
  #outlet: Outlet | undefined

  constructor(client: RedisClient, owned: boolean) {
    this.#client = client
    this.#owned = owned
    const { keyPrefix } = client.options
    this.#options = keyPrefix ? { replyEncoding: null, keyPrefix } : { replyEncoding: null }
  }

  /** `answered` or `failed` is called once, in the turn in which the reply is read, or soon after. */
  send(name: string, args: Argument[], answered: (reply: unknown) => void, failed: (error: unknown) => void): void {
    // Not by the client's own verbs: with enableAutoPipelining some of them overtake others.
    if (this.#owned) {
      const stream = this.#outlet ?? this.#client.stream
      this.#client.sendCommand(new WireCommand(name, args, answered, failed) as never, stream as never)
      return
    }
    // Another version of ioredis, perhaps, with its owner's keyPrefix, commandTimeout and tracing.
    const command = new Command(name, args, this.#options)
    command.pipelineIndex = nowhere
    this.#client.sendCommand(command as never, this.#outlet as never)
    command.promise.then(answered, failed)
  }

  /** What `run` sends leaves in one write. */
  together(run: () => void): void {
    const outlet = new Outlet(this.#client.stream as ClientStream)
    this.#outlet = outlet
    try {
      run()
    } finally {
      this.#outlet = undefined
      outlet.flush()
    }
  }
}
