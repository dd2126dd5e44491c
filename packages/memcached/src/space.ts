import { createHash } from 'node:crypto'
import {
  type Call,
  type CasToken,
  ClosedError,
  type Counted,
  type Failed,
  fitKey,
  type Item,
  prefixOf,
  type Space,
  type StoredItem,
  type Write,
  type Written,
} from '@anycache/core'
import { countRequest } from './counting.js'
import { everyServer } from './every-server.js'
import { generationBytes } from './generation.js'
import type { Namespaces } from './server.js'
import * as operations from './operations.js'
import type { Request } from './request.js'
import type { Scope } from './lane.js'

/** Longest key memcached takes, in bytes. */
const longestKey = 250
/** A namespace longer than this travels as a head and its digest. */
const longestBase = 96

/** The servers of a store, and which of them holds a key. */
export interface Fleet {
  readonly servers: readonly Namespaces[]
  /** The index of the server for a key with its namespaces, without a generation. */
  place(route: string): number
}

/** One namespace: keys to wire keys and to servers, verbs to requests. */
export class MemcachedSpace implements Space {
  readonly #fleet: Fleet
  readonly #prefix: string
  readonly #bases: readonly string[]
  readonly #room: number
  readonly #scopes: Scope[]

  constructor(fleet: Fleet, path: readonly string[]) {
    this.#fleet = fleet
    this.#prefix = prefixOf(path)
    this.#bases = path.map((_, i) => baseOf(path.slice(0, i + 1)))
    const base = this.#bases.at(-1)
    this.#room = longestKey - (base === undefined ? 0 : base.length + generationBytes)
    this.#scopes = fleet.servers.map(server => server.scopeOf(this.#bases))
  }

  get(key: string, call: Call): Promise<StoredItem | undefined> {
    return this.#one(operations.getRequest(this.#carried(key), call.deadline))
  }

  getMany(keys: readonly string[], call: Call): Promise<(StoredItem | undefined | Failed)[]> {
    return this.#many(keys.map(key => operations.getRequest(this.#carried(key), call.deadline)))
  }

  write(write: Write, call: Call): Promise<Written> {
    return this.#one(operations.writeRequest(this.#carried(write.key), write, call.deadline))
  }

  writeMany(writes: readonly Write[], call: Call): Promise<(Written | Failed)[]> {
    return this.#many(writes.map(write => operations.writeRequest(this.#carried(write.key), write, call.deadline)))
  }

  remove(key: string, only: CasToken | undefined, call: Call): Promise<boolean> {
    return this.#one(operations.removeRequest(this.#carried(key), only, call.deadline))
  }

  removeMany(keys: readonly string[], call: Call): Promise<(boolean | Failed)[]> {
    return this.#many(keys.map(key => operations.removeRequest(this.#carried(key), undefined, call.deadline)))
  }

  take(key: string, call: Call): Promise<Item | undefined> {
    return this.#one(operations.takeRequest(this.#carried(key), call.deadline))
  }

  touch(key: string, ttl: number, call: Call): Promise<boolean> {
    return this.#one(operations.touchRequest(this.#carried(key), ttl, call.deadline))
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Promise<Counted> {
    return this.#one(countRequest(this.#carried(key), by, create, call.deadline))
  }

  async clear(nextCall: () => Call): Promise<void> {
    const base = this.#bases.at(-1)
    if (base === undefined) throw new Error('a space without a namespace cannot be cleared')
    await everyServer('clear', this.#fleet.servers, server => server.clear(base, nextCall().deadline))
  }

  async wireKey(key: string, call: Call): Promise<string> {
    const carriedKey = this.#carried(key)
    const index = this.#placeOf(carriedKey)
    const { connection } = this.#fleet.servers[index] as Namespaces
    return (await connection.during(() => (this.#scopes[index] as Scope).prefix(call.deadline))) + carriedKey
  }

  serverOf(key: string): string {
    const server = this.#fleet.servers[this.#placeOf(this.#carried(key))] as Namespaces
    return server.connection.endpoint.name
  }

  #carried(key: string): string {
    return fitKey(key, this.#room)
  }

  #placeOf(carriedKey: string): number {
    return this.#scopes.length === 1 ? 0 : this.#fleet.place(this.#prefix + carriedKey)
  }

  #submit(request: Request): void {
    const index = this.#placeOf(request.key)
    const server = this.#fleet.servers[index] as Namespaces
    server.submit(request, this.#scopes[index] as Scope)
  }

  #one<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      request.resolve = resolve as (value: unknown) => void
      request.reject = reject
      this.#submit(request)
    })
  }

  /** One promise for all: a promise each would cost more than the requests. */
  #many<T>(requests: readonly Request[]): Promise<(T | Failed)[]> {
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
        this.#submit(request)
      }
    })
  }
}

/** The namespace as wire keys begin with it. No name holds `~`, so what is shortened meets none that is not. */
function baseOf(path: readonly string[]): string {
  const base = path.join('/')
  if (base.length <= longestBase) return base
  return `${base.slice(0, 40)}~#${createHash('sha256').update(base).digest('base64url')}`
}
