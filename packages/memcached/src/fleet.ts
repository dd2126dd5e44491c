import type { Placement } from './placement/placement.js'
import type { Server } from './server.js'

/** The servers of a store, and which of them holds a key. Spaces keep no list of their own. */
export class Fleet {
  readonly servers: readonly Server[]
  readonly #placement: Placement

  constructor(servers: readonly Server[], placement: Placement) {
    this.servers = servers
    this.#placement = placement
  }

  /** The server, where there is only one: nothing needs to be hashed then. */
  get only(): Server | undefined {
    return this.servers.length === 1 ? this.servers[0] : undefined
  }

  /** The server for this text, living or dead: what is on a server that comes back must not have been moved meanwhile. */
  serverOf(route: string): Server {
    return this.servers[this.#placement.serverOf(route, 0) ?? 0] as Server
  }
}
