import { type Admission, type CacheError, type Pending, type StoredItem, unwatch, watchDeadline } from '@anycache/core'
import type { ClientExchange } from '../connection/exchanges.js'
import { isReplyOf } from '../protocol/failures.js'
import type { ItemReader } from '../protocol/replies.js'
import type { Batchable, Carrier } from './batchable.js'

/** One caller of one key. */
class Get implements Pending {
  readonly deadline: number
  previous?: Pending | undefined
  next?: Pending | undefined
  batch: GetBatch
  slot: number
  expired = false
  readonly read: ItemReader
  readonly resolve: (item: StoredItem | undefined) => void
  readonly reject: (error: CacheError) => void

  constructor(
    batch: GetBatch,
    slot: number,
    deadline: number,
    read: ItemReader,
    resolve: (item: StoredItem | undefined) => void,
    reject: (error: CacheError) => void,
  ) {
    this.batch = batch
    this.slot = slot
    this.deadline = deadline
    this.read = read
    this.resolve = resolve
    this.reject = reject
  }

  expire(): void {
    this.expired = true
    this.reject(this.batch.late())
    this.batch.left()
  }
}

/** The gets of one tick that may travel together: one GET, or one MGET. */
export class GetBatch implements Batchable {
  carrier: Carrier
  readonly big = false
  readonly #admission: Admission
  /** The bytes of all calls that were let in, and how many they were. */
  #bytes = 0
  #calls = 0
  /** Until when one of them waits. */
  #until = 0
  #keys: string[] = []
  #slots: Map<string, number> | undefined
  #gets: Get[] = []
  /** Callers that still wait. */
  #waiting = 0
  #exchange: ClientExchange | undefined
  #repeated = false

  constructor(carrier: Carrier) {
    this.carrier = carrier
    this.#admission = carrier.admission
  }

  get keyCount(): number {
    return this.#keys.length
  }

  /** Each caller has a promise of its own; a key asked for twice travels once. */
  get(key: string, deadline: number, read: ItemReader): Promise<StoredItem | undefined> {
    this.#bytes += key.length
    this.#calls++
    if (deadline > this.#until) this.#until = deadline
    this.#waiting++
    return new Promise((resolve, reject) => {
      const get = new Get(this, this.#slotOf(key), deadline, read, resolve, reject)
      this.#gets.push(get)
      watchDeadline(get)
    })
  }

  send(exchange: ClientExchange): void {
    if (this.#waiting !== this.#gets.length) this.#keepWaiting()
    const keys = this.#keys
    if (keys.length === 0) {
      this.#leave()
      return
    }
    const { connection } = this.carrier
    this.#exchange = exchange
    const name = keys.length === 1 ? 'get' : 'mget'
    connection.send(name, keys, exchange, this.#bytes, this.#until, this.#answered, this.#failed)
  }

  reject(error: CacheError): void {
    for (const get of this.#gets) {
      unwatch(get)
      get.reject(error)
    }
    this.#leave()
  }

  late(): CacheError {
    return this.carrier.connection.exchanges.late(this.#exchange)
  }

  /** One caller no longer waits. */
  left(): void {
    this.#waiting--
    this.#admission.settled()
  }

  #leave(): void {
    this.#admission.release(this.#bytes, this.#calls)
    this.#admission.settled(this.#waiting)
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

  readonly #answered = (reply: unknown): void => {
    this.carrier.connection.exchanges.answered(this.#exchange as ClientExchange, this.#waiting === 0)
    this.#deliver(reply)
  }

  readonly #failed = (error: unknown): void => {
    const { connection } = this.carrier
    const exchange = this.#exchange as ClientExchange
    const failure = connection.exchanges.failure(error, exchange, this.#waiting === 0)
    // A list under the key is a miss: GET refuses it, MGET answers nothing for it.
    if (isReplyOf(error, 'WRONGTYPE')) this.#deliver(null)
    else if (this.carrier.redirect(this, error)) this.#exchange = undefined
    // One forbidden key fails the whole MGET; by itself, each key gets its own answer.
    else if (this.#keys.length > 1 && isReplyOf(error, 'NOPERM')) this.#split()
    else if (!this.#repeated && connection.exchanges.mayRepeat(error, exchange, this.#keys)) {
      this.#repeated = true
      this.#exchange = undefined
      this.carrier.repeat(this)
    } else this.reject(failure)
  }

  /** `reply`: to a GET, or to an MGET of several keys. */
  #deliver(reply: unknown): void {
    const isOne = this.#keys.length === 1
    for (const get of this.#gets) {
      unwatch(get)
      get.resolve(get.read(isOne ? reply : (reply as readonly unknown[])[get.slot]))
    }
    this.#leave()
  }

  #split(): void {
    const singles = this.#keys.map((key, i) => {
      const single = new GetBatch(this.carrier)
      single.#keys.push(key)
      single.#until = this.#until
      if (i > 0) return single
      single.#bytes = this.#bytes
      single.#calls = this.#calls
      return single
    })
    for (const get of this.#gets) {
      const single = singles[get.slot] as GetBatch
      get.batch = single
      get.slot = 0
      single.#gets.push(get)
      if (!get.expired) single.#waiting++
    }
    this.carrier.resend(singles)
  }
}
