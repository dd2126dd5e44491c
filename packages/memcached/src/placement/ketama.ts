import { hash } from 'node:crypto'
import type { Placement } from './placement.js'

/** A server as the ring sees it. */
export interface RingServer {
  /** `host:port`, or `host` alone on the default port 11211: the text as configured, never resolved. */
  readonly ringName: string
  readonly weight: number
}

const pointsPerServer = 160
const pointsPerDigest = 4
const { fround } = Math

/**
 * Places keys on servers as libmemcached's weighted ketama does, so that PHP (`OPT_LIBKETAMA_COMPATIBLE`), pylibmc
 * (`ketama_weighted`) and npm memcached find them on the same ones: points on a circle of 2^32, the first one at or after the key's.
 */
export class Ketama implements Placement {
  readonly #points: Uint32Array
  readonly #owners: Uint32Array

  constructor(servers: readonly RingServer[]) {
    const points = servers.flatMap((server, owner) => pointsOf(server, servers).map(point => ({ point, owner })))
    points.sort((a, b) => a.point - b.point || a.owner - b.owner)
    this.#points = Uint32Array.from(points, ({ point }) => point)
    this.#owners = Uint32Array.from(points, ({ owner }) => owner)
  }

  serverOf(route: string, attempt: number): number | undefined {
    const wanted = hash('md5', route, 'buffer').readUInt32LE(0)
    const points = this.#points
    let low = 0
    let high = points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((points[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    const owners = this.#owners
    const owner = owners[low === points.length ? 0 : low] as number
    return attempt === 0 ? owner : this.#distinctFrom(low)[attempt]
  }

  /** The servers in the order in which the circle meets them. */
  #distinctFrom(start: number): number[] {
    const owners = this.#owners
    return [...new Set([...owners.subarray(start), ...owners.subarray(0, start)])]
  }
}

function pointsOf({ ringName, weight }: RingServer, servers: readonly RingServer[]): number[] {
  const total = servers.reduce((sum, server) => sum + server.weight, 0)
  // libmemcached computes in 32-bit floats: in doubles some weights give one digest more.
  const share = fround(weight / total)
  const digests = Math.floor(
    fround(fround(fround(fround(share * pointsPerServer) / pointsPerDigest) * servers.length) + fround(1e-10)),
  )
  const points: number[] = []
  for (let i = 0; i < digests; i++) {
    const digest = hash('md5', `${ringName}-${i}`, 'buffer')
    for (let at = 0; at < digest.length; at += 4) points.push(digest.readUInt32LE(at))
  }
  return points
}
