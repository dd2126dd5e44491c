import type { Encoded } from '@anycache/serializer'
import type { CallOptions } from '../cache.js'
import {
  type CacheError,
  ClosedError,
  InvalidArgumentError,
  isOutage,
  located,
  SerializationError,
  TimeoutError,
  ValueTooLargeError,
} from '../errors.js'
import type { Signals } from '../events/signals.js'
import { prefixOf } from '../input/keys.js'
import { checkOptions } from '../input/options.js'
import { checkOnError, type Settings } from '../input/settings.js'
import { milliseconds, type Ttl, ttlMs } from '../input/ttl.js'
import type { Flights } from '../read-through/flights.js'
import type { Answer, Call, Item, Space, Store } from '../store.js'
import { now } from '../timers.js'
import { KeyOrder } from './key-order.js'
import { inTurn } from './turn.js'

/** What all namespaces of one open cache share. `order` and `flights` are those of every cache over the store. */
export interface Root {
  readonly store: Store
  readonly settings: Settings
  readonly signals: Signals
  readonly order: KeyOrder
  readonly flights: Flights
  /** `clear` and `flush` under way: verbs of many steps, during which the store stays open. */
  readonly clearings: Set<Promise<void>>
  closed: boolean
}

const noValue = 'the serializer decodes it to undefined, which is no value'
const timeless: Call = { deadline: Number.POSITIVE_INFINITY }

/** One namespace of an open cache: its space, and the steps that every verb shares. */
export class Namespace {
  readonly root: Root
  readonly path: readonly string[]
  readonly prefix: string
  readonly name: string | undefined
  readonly space: Space
  readonly order: KeyOrder
  /** Whether calls have deadlines. */
  readonly timed: boolean
  #within: Namespace | undefined
  closed = false

  constructor(root: Root, path: readonly string[], order: KeyOrder = root.order) {
    this.root = root
    this.order = order
    this.path = path
    this.prefix = prefixOf(path)
    this.name = path.length === 0 ? undefined : path.join('/')
    this.space = root.store.space(path)
    this.timed = root.store.limits.shared
  }

  /** Runs the steps of a verb on `key` in the place the call had: what is called later on the key waits until they are done. */
  steps<T>(op: string, key: string, call: Call, run: (namespace: Namespace, call: Call) => Promise<T>): Promise<T> {
    // The steps have an order of their own, since they must not wait for the place they hold.
    this.#within ??= new Namespace(this.root, this.path, new KeyOrder())
    const within = this.#within
    const queue = (send: () => Answer<T>): Promise<T> => this.order.exclusive(this.prefix + key, async () => send())
    const tooLate = (): CacheError => this.outage(this.tooLate(key), op, key)
    return inTurn({ call, queue, send: own => run(within, own), tooLate })
  }

  /** Throws when the cache is closed or an option is not one of `known`. */
  check(op: string, options: CallOptions | undefined, known: readonly string[]): void {
    this.checkOpen(op)
    if (options === undefined) return
    checkOptions(op, options, known, op)
    if (options.timeout !== undefined) milliseconds(options.timeout, 'timeout', op)
    if (options.onError !== undefined) checkOnError(options.onError, op)
  }

  /** Throws when the cache is closed. */
  checkOpen(op: string, key?: string): void {
    if (!this.closed && !this.root.closed) return
    throw new ClosedError(`the cache is closed; open a new one to call ${op}`, { op, key })
  }

  /** What one step that starts now may take. `asks`: an owed delete of its key is no answer to it, as under `onError: 'throw'`. */
  call(options: CallOptions | undefined, asks?: boolean): Call {
    if (!this.timed) return timeless
    const timeout =
      options?.timeout === undefined ? this.root.settings.timeout : milliseconds(options.timeout, 'timeout')
    return { deadline: now() + timeout, asks: asks ?? !this.open(options) }
  }

  /** The ttl of one write in ms: what the call named or the cache's own, shortened by a random share up to `jitter`. */
  ttl(named: Ttl | undefined, op: string, key: string, jitter: number = this.root.settings.jitter): number {
    const ttl = named === undefined ? this.root.settings.ttl : ttlMs(named, op, key)
    if (jitter === 0 || ttl === Number.POSITIVE_INFINITY) return ttl
    return Math.max(1, ttl * (1 - Math.random() * jitter))
  }

  encode(op: string, key: string, value: unknown): Encoded | Promise<Encoded> {
    if (value === undefined) {
      throw new InvalidArgumentError('undefined means a miss and cannot be stored; store null, or delete the key', {
        op,
        key,
      })
    }
    try {
      const encoded = this.root.settings.serializer.encode(value)
      if (encoded instanceof Promise) return encoded.catch(error => Promise.reject(notEncoded(error, op, key)))
      return encoded
    } catch (error) {
      throw notEncoded(error, op, key)
    }
  }

  /** The value, a promise of it, or `undefined` with an event for bytes that cannot be read. */
  decode(op: string, key: string, item: Item): unknown {
    try {
      const value = this.root.settings.serializer.decode(item.flags, item.data)
      if (value instanceof Promise) {
        return value.then(
          late => (late === undefined ? this.#unreadable(op, key, noValue) : late),
          error => this.#unreadable(op, key, error),
        )
      }
      return value === undefined ? this.#unreadable(op, key, noValue) : value
    } catch (error) {
      return this.#unreadable(op, key, error)
    }
  }

  /** A written value as the next reader gets it; the value itself where it is a scalar or cannot be read back. */
  copyOf<T>(value: T, { flags, data }: Encoded): T | Promise<T> {
    if (typeof value !== 'object' || value === null) return value
    try {
      const copy = this.root.settings.serializer.decode(flags, data)
      return copy instanceof Promise ? copy.catch(() => value) : (copy as T)
    } catch {
      // Over `maxDecodedBytes`: every read of it will be a miss, and report so. This caller has the value.
      return value
    }
  }

  #unreadable(op: string, key: string, error: unknown): undefined {
    const message = `the entry cannot be read and counts as a miss: ${error instanceof Error ? error.message : String(error)}`
    this.root.signals.failed(
      new SerializationError(message, { op, key, server: this.space.serverOf(key), cause: error }),
    )
  }

  /**
   * Sends in the call order of `key`: at once, unless a value before it is still being encoded; then when its turn comes, or never when
   * the deadline passes first, and `forgo` runs in its turn.
   */
  inOrder<T>(key: string, call: Call, send: (call: Call) => Answer<T>, forgo?: () => void): Answer<T> {
    const { order } = this
    if (order.idle) return send(call)
    const before = order.before(this.prefix + key)
    if (before === undefined) return send(call)
    return inTurn({ call, queue: run => before.then(run), send, forgo, tooLate: () => this.tooLate(key) })
  }

  /** {@link Namespace.inOrder} in the place the call has now, however long its value takes to encode; the deadline begins after that. */
  afterEncoding<T>(
    key: string,
    call: Promise<Call>,
    send: (call: Call) => Answer<T>,
    forgo: (() => void) | undefined,
  ): Promise<T> {
    const queue = (run: () => Answer<T>): Promise<T> => this.order.sendInTurn(this.prefix + key, call, run)
    return inTurn({ call, queue, send, forgo, tooLate: () => this.tooLate(key) })
  }

  /** Why a call whose deadline passed before its turn came was not sent. */
  tooLate(key: string): TimeoutError {
    return new TimeoutError('earlier calls on the key were not answered before the deadline; nothing was sent', {
      server: this.space.serverOf(key),
      outcome: 'not-sent',
    })
  }

  /** A write of `key` is being sent: a load of it that runs now is not stored any more. */
  supersede(key: string): void {
    const { flights } = this.root
    if (flights.size !== 0) flights.supersede(this.prefix + key)
  }

  /** Reports an outage; returns the error to throw. What is not an outage is thrown as it is. */
  outage(error: unknown, op: string, key: string | undefined): CacheError {
    if (!isOutage(error)) throw error
    const told = located(error, op, key)
    this.root.signals.failed(told)
    return told
  }

  /** Reports an outage, and throws it unless the call fails open. */
  endure(error: unknown, op: string, key: string, options: CallOptions | undefined): void {
    const told = this.outage(error, op, key)
    if (!this.open(options)) throw told
  }

  /** Whether an outage of this call looks like a miss. */
  open(options: CallOptions | undefined): boolean {
    return (options?.onError ?? this.root.settings.onError) === 'open'
  }

  tooLarge(op: string, key: string, item: Item): ValueTooLargeError {
    const { maxValueBytes } = this.root.settings
    const limit = Math.min(maxValueBytes, this.root.store.limits.maxItemBytes)
    const message = `the value of ${byteLength(item)} bytes is over the limit of ${limit} bytes and was not stored`
    return new ValueTooLargeError(message, { op, key, server: this.space.serverOf(key) })
  }

  overLimit(item: Item): boolean {
    const { maxValueBytes } = this.root.settings
    if (maxValueBytes === Number.POSITIVE_INFINITY) return false
    return item.data.length > maxValueBytes || byteLength(item) > maxValueBytes
  }

  hit(op: string, key: string, item: Item): void {
    const { signals } = this.root
    signals.counts.hits++
    signals.counts.bytesRead += item.data.length
    if (signals.hasListeners) signals.emit('hit', { op, key, namespace: this.name })
  }

  miss(op: string, key: string, outage: boolean): void {
    const { signals } = this.root
    signals.counts.misses++
    if (outage) signals.counts.outageMisses++
    if (signals.hasListeners) signals.emit('miss', { op, key, namespace: this.name, outage })
  }

  /** Nothing was found: a true miss, unless a delete of the key is still owed to its server. */
  absent(op: string, key: string): void {
    this.miss(op, key, this.space.owes?.(key) === true)
  }

  wrote(op: string, key: string, item: Item, stored: boolean): void {
    const { signals } = this.root
    if (stored) {
      signals.counts.writes++
      signals.counts.bytesWritten += item.data.length
    }
    if (signals.hasListeners) signals.emit('write', { op, key, namespace: this.name, stored })
  }

  deleted(op: string, key: string, there: boolean): void {
    const { signals } = this.root
    if (there) signals.counts.deletes++
    if (signals.hasListeners) signals.emit('delete', { op, key, namespace: this.name })
  }
}

function byteLength(item: Item): number {
  return typeof item.data === 'string' ? Buffer.byteLength(item.data) : item.data.byteLength
}

function notEncoded(error: unknown, op: string, key: string): SerializationError {
  const message = error instanceof Error ? error.message : String(error)
  return new SerializationError(message, { op, key, cause: error })
}
