import { type CacheError, type Call, ClosedError, everyServer, type ServerStats } from '@anycache/core'
import { infoOf } from '../protocol/info.js'
import { nothing } from '../protocol/replies.js'
import type { Topology } from './topology.js'

/** Resolves when every primary has answered. */
export function ping({ masters }: Topology, call: Call): Promise<void> {
  return everyServer('ping', masters, master => master.request('ping', [], undefined, call.deadline, nothing))
}

/** Empties the database of every primary. */
export function flush({ masters }: Topology, call: Call): Promise<void> {
  return everyServer('flush', masters, master => {
    master.closeGets()
    return master.request('flushdb', ['ASYNC'], undefined, call.deadline, nothing)
  })
}

/** What every primary says of itself, or why it does not. */
export function serverStats(topology: Topology, section: string | undefined, call: Call): Promise<ServerStats[]> {
  const args = section === undefined ? [] : [section]
  const stats = topology.masters.map(async (master): Promise<ServerStats> => {
    const { server } = master
    try {
      return { server, stats: await master.request('info', args, undefined, call.deadline, infoOf) }
    } catch (error) {
      if (error instanceof ClosedError) throw error
      return { server, stats: {}, error: error as CacheError }
    }
  })
  return Promise.all(stats)
}
