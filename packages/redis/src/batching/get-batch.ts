import { type CacheError, type Pending, type StoredItem, unwatch, watchDeadline } from '@anycache/core'
import type { Entry, Lane } from './batchable.js'
import { isReplyOf } from '../protocol/failures.js'
import { itemOf } from '../protocol/replies.js'
import type { Exchange } from '../connection/traffic.js'

/** Most keys of one MGET: the server serves others between two of them. */
export const mostKeys = 512

/** One caller of one key. */
class Get implements Pending {
  readonly deadline: number
  previous?: Pending | undefined
  next?: Pending | undefined
  reads: Reads
  slot: number
  expired = false
  readonly resolve: (item: StoredItem | undefined) => void
  readonly reject: (error: CacheError) => void

  constructor(
    reads: Reads,
    slot: number,
    deadline: number,
    resolve: (item: StoredItem | undefined) => void,
    reject: (error: CacheError) => void,
  ) {
    this.reads = reads
    this.slot = slot
    this.deadline = deadline
    this.resolve = resolve
    this.reject = reject
  }

  expire(): void {
    this.expired = true
    this.reject(this.reads.late())
    this.reads.left()
  }
}

/** The gets of one tick that may travel together: one GET, or one MGET. */
export class Reads implements Entry {
  readonly big = false
  size = 0
  readonly #lane: Lane
  #keys: string[] = []
  #slots: Map<string, number> | undefined
  #gets: Get[] = []
  /** Callers that still wait. */
  #waiting = 0
  #exchange: Exchange | undefined
  #repeated = false

  constructor(lane: Lane) {
    this.#lane = lane
  }

  get full(): boolean {
    return this.#keys.length >= mostKeys
  }

  /** Each caller has a promise of its own; a key asked for twice travels once. */
  get(key: string, deadline: number, size: number): Promise<StoredItem | undefined> {
    this.size += size
    this.#waiting++
    return new Promise((resolve, reject) => {
      const get = new Get(this, this.#slotOf(key), deadline, resolve, reject)
      this.#gets.push(get)
      watchDeadline(get)
    })
  }

  send(exchange: Exchange): void {
    if (this.#waiting !== this.#gets.length) this.#keepWaiting()
    const keys = this.#keys
    if (keys.length === 0) {
      this.#lane.release(this.size, 0)
      return
    }
    const { connection } = this.#lane
    this.#exchange = exchange
    if (keys.length === 1) connection.send('get', [keys[0] as string], this.#answeredOne, this.#failed)
    else connection.send('mget', keys, this.#answeredAll, this.#failed)
  }

  reject(error: CacheError): void {
    for (const get of this.#gets) {
      unwatch(get)
      get.reject(error)
    }
    this.#lane.release(this.size, this.#waiting)
  }

  late(): CacheError {
    return this.#lane.connection.exchanges.late(this.#exchange)
  }

  /** One caller no longer waits. */
  left(): void {
    this.#waiting--
    this.#lane.release(0, 1)
  }

  #slotOf(key: string): number {
    const keys = this.#keys
    if (keys.length === 0) return keys.push(key) - 1
    this.#slots ??= new Map([[keys[0] as string, 0]])
    const slot = this.#slots.get(key)
    if (slot !== undefined) return slot
    this.#slots.set(key, keys.length)
    return keys.push(key) - 1
  }

  /** Leaves out what expired while the connection was made. */
  #keepWaiting(): void {
    const keys = this.#keys
    const gets = this.#gets.filter(get => !get.expired)
    this.#keys = []
    this.#slots = undefined
    this.#gets = gets
    for (const get of gets) get.slot = this.#slotOf(keys[get.slot] as string)
  }

  readonly #answeredOne = (reply: unknown): void => {
    this.#heard()
    this.#deliver(reply)
  }

  readonly #answeredAll = (reply: unknown): void => {
    this.#heard()
    const replies = reply as readonly unknown[]
    for (const get of this.#gets) {
      unwatch(get)
      get.resolve(itemOf(replies[get.slot]))
    }
    this.#lane.release(this.size, this.#waiting)
  }

  readonly #failed = (error: unknown): void => {
    const { connection } = this.#lane
    const exchange = this.#exchange as Exchange
    const failure = connection.exchanges.failure(error, exchange, this.#waiting === 0)
    // A list under the key is a miss: GET refuses it, MGET answers nothing for it.
    if (isReplyOf(error, 'WRONGTYPE')) this.#deliver(null)
    // One forbidden key fails the whole MGET; by itself, each key gets its own answer.
    else if (this.#keys.length > 1 && isReplyOf(error, 'NOPERM')) this.#split()
    else if (!this.#repeated && connection.exchanges.mayRepeat(error, exchange, this.#keys)) {
      this.#repeated = true
      this.#exchange = undefined
      this.#lane.repeat(this)
    } else this.reject(failure)
  }

  #heard(): void {
    this.#lane.connection.exchanges.answered(this.#exchange as Exchange, this.#waiting === 0)
  }

  #deliver(reply: unknown): void {
    for (const get of this.#gets) {
      unwatch(get)
      get.resolve(itemOf(reply))
    }
    this.#lane.release(this.size, this.#waiting)
  }

  #split(): void {
    const singles = this.#keys.map((key, i) => {
      const single = new Reads(this.#lane)
      single.#keys.push(key)
      if (i === 0) single.size = this.size
      return single
    })
    for (const get of this.#gets) {
      const single = singles[get.slot] as Reads
      get.reads = single
      get.slot = 0
      single.#gets.push(get)
      if (!get.expired) single.#waiting++
    }
    this.#lane.resend(singles)
  }
}
