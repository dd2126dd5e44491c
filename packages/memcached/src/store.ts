/// <reference path="./memjs.d.ts" />
import type { Call, Limits, ServerStats, Space, Store, StoreEvent } from '@anycache/core'
import { Client } from 'memjs'
import { itemOverhead } from './protocol/binary/requests.js'
import { Connection } from './connection.js'
import { everyServer } from './every-server.js'
import { refusal } from './protocol/binary/greeting.js'
import type { MemjsClient, MemjsSource } from './memjs-client.js'
import { Namespaces } from './server.js'
import { type MemcachedOptions, resolveOptions } from './options.js'
import { type Reply, Request } from './request.js'
import { Ring } from './placement/ketama.js'
import { checkSection, statsOf } from './server-stats.js'
import { type Fleet, MemcachedSpace } from './space.js'
import { WeakValues } from './weak-values.js'

const defaultItemSize = 1024 * 1024

/**
 * memcached on one or several servers, over memjs' binary protocol and connections of our own.
 * Connects at the first operation. A key lies on one server, and is not moved when that is dead.
 */
export class MemcachedStore implements Store {
  readonly driver = 'memcached'
  readonly servers: readonly string[]
  readonly limits: Limits
  readonly #connections: readonly Connection[]
  readonly #fleet: Fleet
  readonly #borrowed: MemjsSource | undefined
  readonly #spaces = new WeakValues<MemcachedSpace>()
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  #own: MemjsSource | undefined

  /** Throws `InvalidArgumentError` for options that cannot be used. */
  constructor(options: MemcachedOptions) {
    const { endpoints, client, timeout, breaker, maxInFlightBytes } = resolveOptions(options)
    const report = (event: StoreEvent): void => this.#report(event)
    this.#connections = endpoints.map(
      endpoint => new Connection(endpoint, { timeout, breaker, maxInFlightBytes, report }),
    )
    this.#borrowed = client
    const ring = client === undefined && endpoints.length > 1 ? new Ring(endpoints) : undefined
    this.#fleet = {
      servers: this.#connections.map(connection => new Namespaces(connection)),
      // With a client that was given, keys lie where that client looks for them.
      place: route => ring?.serverOf(route) ?? client?.getServer(route) ?? 0,
    }
    this.servers = endpoints.map(({ name }) => name)
    this.limits = limitsOf(this.#connections)
  }

  /** memjs' own client with all its verbs, over this store's connections and placement; or the one that was given. */
  get client(): MemjsClient {
    this.#own ??= this.#borrowed ?? this.#makeClient()
    return this.#own as MemjsClient
  }

  space(path: readonly string[]): Space {
    return this.#spaces.obtain(path.join('/'), () => new MemcachedSpace(this.#fleet, path))
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
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
    const client = new Client([...this.#connections], { retries: 1, logger: { log() {} } })
    const { length } = this.#connections
    client.getServer = key => (length === 1 ? 0 : this.#fleet.place(key))
    // Its own wraps into negative numbers after 2^31 requests, which no header takes.
    client.incrSeq = () => {
      client.seq = (client.seq + 1) % 2 ** 31
    }
    return client
  }

  #report(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function limitsOf(connections: readonly Connection[]): Limits {
  return {
    get maxItemBytes() {
      const sizes = connections.map(({ settings }) => settings?.maxItemBytes ?? defaultItemSize)
      return Math.min(...sizes) - itemOverhead
    },
    ttlGranularity: 1000,
    ttlLag: 2100,
    get cas() {
      return connections.every(({ settings }) => settings?.cas !== false)
    },
    keys: false,
    shared: true,
  }
}

function readAcknowledged(request: Request, reply: Reply): void {
  if (reply.status !== 'ok') throw refusal(request, reply)
}
