import type { StoreEvent } from '@anycache/core'
import { Batcher } from '../batching/batcher.js'
import { createClient, type RedisClient } from '../client/client.js'
import { Connection } from '../connection/connection.js'
import { nameOf } from '../endpoint.js'
import type { ResolvedOptions } from '../options.js'
import type { Topology } from './topology.js'

/** One server, which holds every key. */
export class SingleServer implements Topology {
  readonly client: RedisClient
  readonly keyPrefix: string
  readonly masters: readonly [Batcher]

  constructor({ server, timeout, breaker, maxInFlightBytes }: ResolvedOptions, report: (event: StoreEvent) => void) {
    const owned = !('status' in server)
    const client = owned ? createClient(server, timeout) : server
    const name = nameOf(owned ? server : client.options)
    this.client = client
    this.keyPrefix = String(client.options.keyPrefix ?? '')
    const connection = new Connection({ client, owned, server: name, timeout, breaker, report })
    this.masters = [new Batcher({ connection, maxInFlightBytes, joinsKeys: true })]
  }

  batcherFor(): Batcher {
    return this.masters[0]
  }

  async close(deadline: number): Promise<void> {
    const [batcher] = this.masters
    await batcher.admission.close(deadline)
    await batcher.connection.close()
  }
}
