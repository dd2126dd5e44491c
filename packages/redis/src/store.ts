import {
  type Call,
  type Limits,
  Listeners,
  type ServerStats,
  type Space,
  type Store,
  type StoreEvent,
} from '@anycache/core'
import type { Format } from '@anycache/serializer'
import type { Redis } from 'ioredis'
import { Clearings } from './clear.js'
import type { RedisClient } from './client/client.js'
import { type RedisStoreOptions, resolveOptions } from './options.js'
import { RedisSpace } from './space.js'
import { flush, ping, serverStats } from './topology/masters.js'
import { SingleServer } from './topology/single.js'
import type { Topology } from './topology/topology.js'

/** Entries on one Redis or Valkey server, as strings. Connects with the first operation, within its deadline. */
export class RedisStore<C extends RedisClient = Redis> implements Store {
  readonly driver = 'redis'
  readonly remember = true
  readonly limits: Limits
  /**
   * The ioredis client, for all that Redis can do beyond a cache. One that the store made connects with its first command, after
   * a loss with the next one or a call of the store's, and ends with the store. For subscriptions and blocking commands make
   * another with `client.duplicate({ retryStrategy })`.
   */
  readonly client: C
  readonly #topology: Topology
  readonly #clearings = new Clearings()
  #closing: Promise<void> | undefined
  readonly #listeners = new Listeners()

  /** Throws `InvalidArgumentError` for options that cannot be used, and `NotSupportedError` for a cluster's client. */
  constructor(options: RedisStoreOptions<C> = {}) {
    const topology = new SingleServer(resolveOptions(options), this.#listeners.report)
    this.client = topology.client as C
    this.#topology = topology
    this.limits = {
      get maxItemBytes() {
        return Math.min(...topology.masters.map(({ connection }) => connection.limit.most))
      },
      ttlGranularity: 1,
      ttlLag: 50,
      cas: true,
      keys: true,
      clear: false,
      remote: true,
      shared: true,
    }
  }

  get servers(): readonly string[] {
    return this.#topology.masters.map(({ connection }) => connection.server)
  }

  /** Throws `NotSupportedError` for a format whose counters have other flags: counters lie bare, without flags of their own. */
  space(path: readonly string[], format: Format): Space {
    return new RedisSpace(this.#topology, this.#clearings, path, format)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    return this.#listeners.add(listener)
  }

  ping(call: Call): Promise<void> {
    return ping(this.#topology, call)
  }

  /** `FLUSHDB ASYNC`: every key of this store's database, other programs' keys included; the other databases stay. */
  flush(call: Call): Promise<void> {
    return flush(this.#topology, call)
  }

  /** Redis' `INFO`, all of it or one section; of a server that does not answer, its `error`. */
  serverStats(section: string | undefined, call: Call): Promise<ServerStats[]> {
    return serverStats(this.#topology, section, call)
  }

  /** Settles what is in flight, then closes the connection of a client that the store made; a borrowed one stays open. */
  close(call: Call): Promise<void> {
    this.#closing ??= this.#topology.close(call.deadline)
    return this.#closing
  }
}
