import {
  type CacheError,
  type Call,
  ClosedError,
  type Limits,
  type ServerStats,
  type Space,
  type Store,
  type StoreEvent,
} from '@anycache/core'
import type { Redis } from 'ioredis'
import { Clearings } from './clear.js'
import { type Address, createClient, type RedisClient } from './client/client.js'
import { Connection } from './connection/connection.js'
import { infoOf } from './protocol/info.js'
import { type RedisStoreOptions, resolveOptions } from './options.js'
import { Queue } from './batching/batcher.js'
import { nothing } from './protocol/replies.js'
import { RedisSpace } from './space.js'
import { ValueLimit } from './connection/value-limit.js'

/** Entries on one Redis or Valkey server, as strings. Connects with the first operation, within its deadline. */
export class RedisStore<C extends RedisClient = Redis> implements Store {
  readonly driver = 'redis'
  readonly servers: readonly string[]
  readonly limits: Limits
  /**
   * The ioredis client, for all that Redis can do beyond a cache. One that the store made connects with its first command, after
   * a loss with the next one or a call of the store's, and ends with the store. For subscriptions and blocking commands make
   * another with `client.duplicate({ retryStrategy })`.
   */
  readonly client: C
  readonly #connection: Connection
  readonly #queue: Queue
  readonly #clearings = new Clearings()
  readonly #limit = new ValueLimit()
  readonly #clientPrefix: string
  #closing: Promise<void> | undefined
  readonly #listeners = new Set<(event: StoreEvent) => void>()

  /** Throws `InvalidArgumentError` for options that cannot be used, and `NotSupportedError` for a cluster's client. */
  constructor(options: RedisStoreOptions<C> = {}) {
    const { server, timeout, breaker, maxInFlightBytes } = resolveOptions(options)
    const owned = !('status' in server)
    this.client = (owned ? createClient(server, timeout) : server) as RedisClient as C
    const name = owned ? nameOf(server) : nameOf(this.client.options)
    this.servers = [name]
    const limit = this.#limit
    this.limits = {
      get maxItemBytes() {
        return limit.most
      },
      ttlGranularity: 1,
      ttlLag: 50,
      cas: true,
      keys: true,
      shared: true,
    }
    this.#clientPrefix = String(this.client.options.keyPrefix ?? '')
    this.#connection = new Connection({
      client: this.client,
      owned,
      server: name,
      timeout,
      breaker,
      report: event => {
        if (event.type === 'connect') limit.doubt()
        for (const listener of this.#listeners) listener(event)
      },
    })
    this.#queue = new Queue(this.#connection, maxInFlightBytes)
  }

  space(path: readonly string[]): Space {
    return new RedisSpace(this.#queue, this.#clearings, this.#limit, path, this.#clientPrefix)
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  ping(call: Call): Promise<void> {
    return this.#queue.request('ping', [], undefined, call.deadline, nothing)
  }

  /** `FLUSHDB ASYNC`: every key of this store's database, whoever wrote it and whatever its prefix; the other databases stay. */
  flush(call: Call): Promise<void> {
    this.#queue.closeReads()
    return this.#queue.request('flushdb', ['ASYNC'], undefined, call.deadline, nothing)
  }

  /** Redis' `INFO`, all of it or one section; of a server that does not answer, its `error`. */
  async serverStats(section: string | undefined, call: Call): Promise<ServerStats[]> {
    const [server] = this.servers as [string]
    const args = section === undefined ? [] : [section]
    try {
      return [{ server, stats: await this.#queue.request('info', args, undefined, call.deadline, infoOf) }]
    } catch (error) {
      if (error instanceof ClosedError) throw error
      return [{ server, stats: {}, error: error as CacheError }]
    }
  }

  /** Settles what is in flight, then closes the connection of a client that the store made; a borrowed one stays open. */
  close(call: Call): Promise<void> {
    this.#closing ??= this.#queue.close(call.deadline).then(() => this.#connection.close())
    return this.#closing
  }
}

function nameOf({ host = 'localhost', port = 6379, path }: Address | RedisClient['options']): string {
  if (path) return path
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
