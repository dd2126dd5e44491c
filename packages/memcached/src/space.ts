import { createHash } from 'node:crypto'
import {
  type Call,
  type CasToken,
  type Claimed,
  ClosedError,
  type Counted,
  everyServer,
  type Failed,
  fitKey,
  InvalidArgumentError,
  type Item,
  NotSupportedError,
  prefixOf,
  type Space,
  shown,
  type Touched,
  type VersionedItem,
  type Write,
  type Written,
} from '@anycache/core'
import type { Format } from '@anycache/serializer'
import { countRequest } from './counting.js'
import type { Fleet } from './fleet.js'
import { generationBytes } from './generation.js'
import type { Items } from './item.js'
import type { Lane } from './lane.js'
import { claimRequest, getRequest, takeRequest, writeRequest } from './operations.js'
import { removeRequest } from './removing.js'
import { promised, type Request } from './request.js'
import type { Server } from './server.js'
import { touchRequest } from './touching.js'

/** Longest key memcached takes, in bytes. */
const longestKey = 250
/** A namespace longer than this travels as a head and its digest. */
const longestBase = 96
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the bytes that memcached refuses in keys
const notCarried = /[\u0000-\u0020\u007f]/

/** One namespace: keys to wire keys and to servers, verbs to requests. */
export class MemcachedSpace implements Space {
  readonly #fleet: Fleet
  readonly #format: Format
  readonly #items: Items
  readonly #prefix: string
  readonly #bases: readonly string[]
  readonly #room: number
  readonly #lanes = new WeakMap<Server, Lane>()
  /** The lane used last, and its server: often the only one. */
  #server: Server | undefined
  #lane: Lane | undefined

  constructor(fleet: Fleet, path: readonly string[], format: Format, items: Items) {
    this.#fleet = fleet
    this.#format = format
    this.#items = items
    this.#prefix = prefixOf(path)
    this.#bases = format.plainKeys ? [] : basesOf(path)
    const base = this.#bases.at(-1)
    this.#room = longestKey - (base === undefined ? 0 : base.length + generationBytes)
  }

  get(key: string, call: Call): Promise<VersionedItem | undefined> {
    return this.#one(getRequest(this.#fit(key), call.deadline, this.#items), call)
  }

  getMany(keys: readonly string[], call: Call): Promise<(VersionedItem | undefined | Failed)[]> {
    return this.#many(
      keys.map(key => getRequest(this.#fit(key), call.deadline, this.#items)),
      call,
    )
  }

  write(write: Write, call: Call): Promise<Written> {
    return this.#one(writeRequest(this.#fit(write.key), write, call.deadline, this.#items), call)
  }

  writeMany(writes: readonly Write[], call: Call): Promise<(Written | Failed)[]> {
    return this.#many(
      writes.map(write => writeRequest(this.#fit(write.key), write, call.deadline, this.#items)),
      call,
    )
  }

  claim(key: string, lease: Item, ttl: number, call: Call): Promise<Claimed> {
    return this.#one(claimRequest(this.#fit(key), lease, ttl, call.deadline, this.#items), call)
  }

  remove(key: string, only: CasToken | undefined, call: Call): Promise<boolean> {
    return this.#one(removeRequest(this.#fit(key), only, call.deadline, this.#items), call)
  }

  removeMany(keys: readonly string[], call: Call): Promise<(boolean | Failed)[]> {
    return this.#many(
      keys.map(key => removeRequest(this.#fit(key), undefined, call.deadline, this.#items)),
      call,
    )
  }

  take(key: string, call: Call): Promise<Item | undefined> {
    return this.#one(takeRequest(this.#fit(key), call.deadline, this.#items), call)
  }

  touch(key: string, ttl: number, call: Call): Promise<Touched> {
    return this.#one(touchRequest(this.#fit(key), ttl, call.deadline, this.#items), call)
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Promise<Counted> {
    return this.#one(
      countRequest(this.#fit(key), by, create, call.deadline, this.#items, this.#format.counterFlags),
      call,
    )
  }

  async clear(nextCall: () => Call): Promise<void> {
    if (this.#format.plainKeys) {
      throw new NotSupportedError(
        'a namespace of plain keys has no generation to renew on memcached; let its entries expire, or delete them by key',
      )
    }
    const base = this.#bases.at(-1)
    if (base === undefined) throw new Error('a space without a namespace cannot be cleared')
    await everyServer('clear', this.#fleet.servers, server => server.clear(base, nextCall().deadline))
  }

  keys(): AsyncIterable<string> {
    throw new NotSupportedError('memcached cannot list keys')
  }

  async wireKey(key: string, call: Call): Promise<string> {
    const fit = this.#fit(key)
    const server = this.#serverOf(fit, call.route)
    return (await server.connection.during(() => this.#laneOn(server).prefix(call.deadline))) + fit
  }

  serverOf(key: string, route?: string): string {
    return this.#serverOf(this.#fit(key), route).server
  }

  #fit(key: string): string {
    if (!this.#format.plainKeys) return fitKey(key, this.#room)
    const plain = this.#prefix + key
    if (Buffer.byteLength(plain) <= longestKey && !notCarried.test(plain)) return plain
    throw new InvalidArgumentError(
      `memcached takes keys of up to ${longestKey} bytes, prefix included, without spaces and control characters, got ${shown(plain)}`,
      { key },
    )
  }

  #serverOf(fit: string, route: string | undefined): Server {
    const fleet = this.#fleet
    return fleet.only ?? fleet.serverOf(route ?? (this.#format.plainKeys ? fit : this.#prefix + fit))
  }

  #laneOn(server: Server): Lane {
    if (server === this.#server) return this.#lane as Lane
    let lane = this.#lanes.get(server)
    if (lane === undefined) {
      lane = server.laneOf(this.#bases)
      this.#lanes.set(server, lane)
    }
    this.#server = server
    this.#lane = lane
    return lane
  }

  #submit(request: Request, route: string | undefined): void {
    const server = this.#serverOf(request.key, route)
    server.submit(request, this.#laneOn(server))
  }

  #one<T>(request: Request, { route }: Call): Promise<T> {
    return promised(request, () => this.#submit(request, route))
  }

  /** One promise for all: a promise each would cost more than the requests. */
  #many<T>(requests: readonly Request[], { route }: Call): Promise<(T | Failed)[]> {
    return new Promise((resolve, reject) => {
      const answers = new Array<T | Failed>(requests.length)
      let left = requests.length
      if (left === 0) resolve(answers)
      const settle = (answer: unknown, { index }: Request): void => {
        answers[index] = answer as T | Failed
        if (--left === 0) resolve(answers)
      }
      const fail = (failure: unknown, request: Request): void => {
        // No server's trouble: the call is refused as a whole.
        if (failure instanceof ClosedError) reject(failure)
        else settle({ failure }, request)
      }
      for (let i = 0; i < requests.length; i++) {
        const request = requests[i] as Request
        request.index = i
        request.resolve = settle
        request.reject = fail
        this.#submit(request, route)
      }
    })
  }
}

/** The namespaces whose clear ends what lies in this one: itself and those it is nested in. Core's own names are not cleared with others. */
function basesOf(path: readonly string[]): string[] {
  if (path.at(-1)?.startsWith('~')) return [baseOf(path)]
  return path.map((_, i) => baseOf(path.slice(0, i + 1)))
}

/** The namespace as wire keys begin with it. No name holds `~`, so what is shortened meets none that is not. */
function baseOf(path: readonly string[]): string {
  const base = path.join('/')
  if (base.length <= longestBase) return base
  return `${base.slice(0, 40)}~#${createHash('sha256').update(base).digest('base64url')}`
}
