import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { endpointsOf } from '../src/endpoint.js'
import { Ketama } from '../src/placement/ketama.js'

/** Made by running the real clients: for each key the index of the server on which they placed it, one digit a key. */
interface Vectors {
  keys: string[]
  rows: { client: string; pool: string; servers: string[]; weights: number[]; placed: string }[]
}
const vectors: Vectors = JSON.parse(readFileSync(new URL('placement.vectors.json', import.meta.url), 'utf8'))
const noLogin = { username: undefined, password: undefined, tls: undefined }

function ringOf(servers: readonly string[], weights: readonly number[]): Ketama {
  const spelt = servers.map((server, i) => {
    const weight = weights[i] as number
    if (server.startsWith('/')) return { path: server, weight }
    const [host, port] = server.split(':') as [string, string]
    return { host, port: Number(port), weight }
  })
  return new Ketama(endpointsOf(spelt, noLogin))
}

describe('the ring', () => {
  test.each(vectors.rows)('places keys where $client does, pool $pool', ({ servers, weights, placed }) => {
    const ring = ringOf(servers, weights)
    expect(vectors.keys.map(key => ring.serverOf(key, 0)).join('')).toBe(placed)
  })

  test('moves only its share of keys when a server is added', () => {
    const three = ringOf(['a:1', 'b:1', 'c:1'], [1, 1, 1])
    const four = ringOf(['a:1', 'b:1', 'c:1', 'd:1'], [1, 1, 1, 1])
    const moved = vectors.keys.filter(key => three.serverOf(key, 0) !== four.serverOf(key, 0))
    expect(moved.length).toBeLessThan(vectors.keys.length / 2)
    expect(moved.every(key => four.serverOf(key, 0) === 3)).toBe(true)
  })

  test('leads to every server once, then to none, however many are dead', () => {
    const ring = ringOf(['a:1', 'b:1', 'c:1'], [1, 1, 2])
    const seconds = vectors.keys.map(key => [0, 1, 2, 3].map(attempt => ring.serverOf(key, attempt)))
    expect(seconds.every(([a, b, c, d]) => new Set([a, b, c]).size === 3 && d === undefined)).toBe(true)
    // The keys of a dead server are shared by the others.
    expect(new Set(seconds.filter(([first]) => first === 0).map(([, second]) => second))).toEqual(new Set([1, 2]))
  })

  test('takes a weight as a share of the keys', () => {
    const ring = ringOf(['a:1', 'b:1'], [1, 4])
    const share = vectors.keys.filter(key => ring.serverOf(key, 0) === 1).length / vectors.keys.length
    expect(share).toBeGreaterThan(0.65)
    expect(share).toBeLessThan(0.95)
  })
})
