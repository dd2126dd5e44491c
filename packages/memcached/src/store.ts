/// <reference path="./memjs.d.ts" />
import {
  type Call,
  everyServer,
  type Limits,
  Listeners,
  type ServerStats,
  type Store,
  type StoreEvent,
} from '@anycache/core'
import { type Format, nativeFormat } from '@anycache/serializer'
import { Client } from 'memjs'
import { Connection } from './connection.js'
import { Fleet } from './fleet.js'
import { Items } from './item.js'
import { MemjsBridge } from './memjs-bridge.js'
import type { MemjsClient, MemjsSource } from './memjs-client.js'
import { type MemcachedOptions, resolveOptions } from './options.js'
import { placementOf } from './placement/given-client.js'
import { Ketama } from './placement/ketama.js'
import { binary } from './protocol/binary/binary.js'
import { replyError } from './reply-error.js'
import { type Reply, Request } from './request.js'
import { Server } from './server.js'
import { checkSection, statsOf } from './server-stats.js'
import { MemcachedSpace } from './space.js'

const plainItems = new Items(false)
const defaultItemSize = 1024 * 1024

/**
 * memcached on one or several servers, over memjs' binary protocol and connections of our own.
 * Connects at the first operation. A key lies on one server, and is not moved when that is dead.
 */
export class MemcachedStore implements Store {
  readonly driver = 'memcached'
  readonly remember = true
  readonly servers: readonly string[]
  readonly limits: Limits
  readonly #connections: readonly Connection[]
  readonly #fleet: Fleet
  /** One for all namespaces: what was met in one may lie in any. */
  readonly #items = new Items(true)
  readonly #borrowed: MemjsSource | undefined
  readonly #listeners = new Listeners()
  #own: MemjsSource | undefined

  /** Throws `InvalidArgumentError` for options that cannot be used. */
  constructor(options: MemcachedOptions) {
    const { endpoints, client, health } = resolveOptions(options)
    const { report } = this.#listeners
    this.#connections = endpoints.map(endpoint => new Connection(endpoint, { ...health, protocol: binary, report }))
    this.#borrowed = client
    this.#fleet = new Fleet(
      this.#connections.map(connection => new Server(connection)),
      client === undefined ? new Ketama(endpoints) : placementOf(client),
    )
    this.servers = endpoints.map(({ name }) => name)
    this.limits = limitsOf(this.#connections)
  }

  /** memjs' own client with all its verbs, over this store's connections and placement; or the one that was given. */
  get client(): MemjsClient {
    this.#own ??= this.#borrowed ?? this.#makeClient()
    return this.#own as MemjsClient
  }

  space(path: readonly string[], format: Format = nativeFormat): MemcachedSpace {
    return new MemcachedSpace(this.#fleet, path, format, format.metadata ? this.#items : plainItems)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.#listeners.add(listener)
  }

  ping(call: Call): Promise<void> {
    return everyServer('ping', this.#fleet.servers, ({ connection }) =>
      connection.asked(new Request('noop', '', call.deadline, readAcknowledged)),
    )
  }

  flush(call: Call): Promise<void> {
    return everyServer('flush', this.#fleet.servers, ({ connection }) =>
      connection.asked(new Request('flush', '', call.deadline, readAcknowledged)),
    )
  }

  async serverStats(section: string | undefined, call: Call): Promise<ServerStats[]> {
    const name = section ?? ''
    checkSection(name)
    return Promise.all(this.#connections.map(connection => statsOf(connection, name, call)))
  }

  async close(call: Call): Promise<void> {
    await Promise.all(this.#connections.map(connection => connection.shut(call.deadline)))
  }

  #makeClient(): MemjsSource {
    // It logs every miss of a server to the console otherwise; and one try: what was sent may have been done.
    const client = new Client(
      this.#connections.map(connection => new MemjsBridge(connection)),
      { retries: 1, logger: { log() {} } },
    )
    const { servers, only } = this.#fleet
    client.getServer = key => (only === undefined ? servers.indexOf(this.#fleet.serverOf(key)) : 0)
    // Its own wraps into negative numbers after 2^31 requests, which no header takes.
    client.incrSeq = () => {
      client.seq = (client.seq + 1) % 2 ** 31
    }
    return client
  }
}

function limitsOf(connections: readonly Connection[]): Limits {
  return {
    get maxItemBytes() {
      const sizes = connections.map(({ settings }) => settings?.maxItemBytes ?? defaultItemSize)
      return Math.min(...sizes) - binary.itemOverhead
    },
    ttlGranularity: 1000,
    ttlLag: 2100,
    get cas() {
      return connections.every(({ settings }) => settings?.cas !== false)
    },
    keys: false,
    clear: false,
    remote: true,
    shared: true,
  }
}

function readAcknowledged(request: Request, reply: Reply): void {
  if (reply.status !== 'ok') throw replyError(request, reply)
}
