import type { Entries } from '../entries/entries.js'
import type { Tags } from '../entries/tags.js'
import type { Judged, Judging } from '../entries/verdict.js'
import { type CacheError, ClosedError, isOutage, located, TimeoutError } from '../errors.js'
import { prefixOf } from '../input/keys.js'
import { checkVerbOptions, type Verb } from '../input/option-checks.js'
import { milliseconds, type Ttl, ttlMs } from '../input/ttl.js'
import type { CallOptions } from '../options.js'
import type { StandardSchema } from '../schema.js'
import type { Answer, Call, Owed, Space, StoredItem } from '../store.js'
import { now } from '../timers.js'
import { KeyOrder } from './key-order.js'
import { Reports } from './reports.js'
import type { Root } from './root.js'
import { inTurn } from './turn.js'

/** What a namespace shares with another one in the place of what it would have of its own. */
interface Shared {
  readonly entries?: Entries
  readonly order?: KeyOrder
  readonly space?: Space
  readonly view?: View
}

/** What was handed out, and is closed by itself. */
interface View {
  closed: boolean
}

/** The verbs of a space that change nothing. */
type Reads = Pick<Space, 'get' | 'getMany' | 'keys' | 'wireKey' | 'serverOf'>

const timeless: Call = { deadline: Number.POSITIVE_INFINITY }
const timelessVersioned: Call = { deadline: Number.POSITIVE_INFINITY, versioned: true }

/** One namespace of an open cache: the doors to its space, and the steps that every verb shares. */
export class Namespace {
  readonly root: Root
  readonly path: readonly string[]
  readonly prefix: string
  /** Its names joined by `/`; `undefined` for none. */
  readonly name: string | undefined
  readonly reads: Reads
  readonly entries: Entries
  readonly order: KeyOrder
  readonly reports: Reports
  /** Whether calls have deadlines. */
  readonly timed: boolean
  readonly #space: Space
  readonly #serverOf = (key: string): string => this.#space.serverOf(key)
  readonly #own = new Map<string, Space>()
  readonly #view: View
  #within: Namespace | undefined
  #bySchema: WeakMap<StandardSchema, Namespace> | undefined

  constructor(root: Root, path: readonly string[], shared: Shared = {}) {
    this.root = root
    this.order = shared.order ?? root.order
    this.path = path
    this.prefix = prefixOf(path)
    this.name = path.length === 0 ? undefined : path.join('/')
    this.entries = shared.entries ?? root.entries
    this.reports = new Reports(root.signals, this.name)
    this.#space = shared.space ?? root.store.space(path, root.entries.format)
    this.reads = this.#space
    this.timed = root.store.limits.remote
    this.#view = shared.view ?? { closed: false }
  }

  /** Whether it was closed by itself. */
  get closed(): boolean {
    return this.#view.closed
  }

  set closed(closed: boolean) {
    this.#view.closed = closed
  }

  /** The one of this name within it. */
  nested(name: string): Namespace {
    return new Namespace(this.root, [...this.path, name], { entries: this.entries })
  }

  /** The same one, whose values have to fit the schema: for a view of its own. */
  typed(schema: StandardSchema, version: string | undefined): Namespace {
    return this.#sharing({ entries: this.entries.typed(schema, version), view: { closed: false } })
  }

  /** The same one, for a call with a schema of its own. The version stays that of the cache. */
  withSchema(schema: StandardSchema): Namespace {
    this.#bySchema ??= new WeakMap()
    let namespace = this.#bySchema.get(schema)
    if (namespace === undefined) {
      namespace = this.#sharing({ entries: this.entries.typed(schema, this.entries.version) })
      this.#bySchema.set(schema, namespace)
    }
    return namespace
  }

  #sharing(changed: Shared): Namespace {
    const { root, path, entries, order } = this
    return new Namespace(root, path, { entries, order, space: this.#space, view: this.#view, ...changed })
  }

  // The doors to what changes entries. There is no other, so that no verb can forget the loads that run.

  /** The space, for a verb that changes this key. A load of it that runs now is not stored any more: call this when the verb is called. */
  changing(key: string): Space {
    const { loads } = this.root
    if (loads.size !== 0) loads.supersede(this.prefix + key)
    return this.#space
  }

  /** {@link Namespace.changing}, for all these keys. */
  changingMany(keys: Iterable<string>): Space {
    const { loads } = this.root
    if (loads.size !== 0) for (const key of keys) loads.supersede(this.prefix + key)
    return this.#space
  }

  /** {@link Namespace.changing}, for every key of this namespace and those nested in it. */
  changingAll(): Space {
    this.root.loads.supersedeAll(covering(this.path))
    return this.#space
  }

  /** The tags of the cache, for a change of the versions of these: {@link Namespace.changing} for every entry that has one of them. */
  changingTags(tags: readonly string[]): Tags {
    this.root.loads.supersedeTags(tags, covering(this.root.settings.path))
    return this.entries.tags
  }

  /** The space, for the two changes that supersede no load: the result of a load, and a touch, which changes no value. */
  keepingLoads(): Space {
    return this.#space
  }

  /** A space of the cache's own next to this one, whose name holds `~`. What lies there is no entry. */
  own(name: `~${string}`): Space {
    let space = this.#own.get(name)
    if (space === undefined) {
      space = this.root.store.space([...this.path, name], this.entries.format)
      this.#own.set(name, space)
    }
    return space
  }

  /** Runs the steps of a verb on `key` in the place the call had: what is called later on the key waits until they are done. */
  steps<T>(op: string, key: string, call: Call, run: (namespace: Namespace, call: Call) => Promise<T>): Promise<T> {
    // The steps have an order of their own, since they must not wait for the place they hold.
    this.#within ??= this.#sharing({ order: new KeyOrder() })
    const within = this.#within
    const queue = (send: () => Answer<T>): Promise<T> => this.order.exclusive(this.prefix + key, async () => send())
    const tooLate = (): CacheError => this.outage(this.tooLate(key), op, key)
    return inTurn({ call, queue, send: own => run(within, own), tooLate })
  }

  /** Throws when the cache is closed or an option is not as the verb takes it. */
  check(op: Verb, options: CallOptions | undefined, key?: unknown): void {
    this.checkOpen(op)
    if (options !== undefined) checkVerbOptions(op, options, typeof key === 'string' ? key : undefined)
  }

  /** Throws when the cache is closed. */
  checkOpen(op: string, key?: string): void {
    if (!this.closed && !this.root.closed) return
    throw new ClosedError(`the cache is closed; open a new one to call ${op}`, { op, key })
  }

  /** What one step that starts now may take. `asks`: an owed delete of its key is no answer to it, as under `onError: 'throw'`. */
  call(options: CallOptions | undefined, asks?: boolean): Call {
    if (!this.timed) return timeless
    return { deadline: this.#deadline(options), asks: asks ?? !this.open(options) }
  }

  /** {@link Namespace.call}, for a read whose casToken is needed. */
  versionedCall(options: CallOptions | undefined, asks?: boolean): Call {
    if (!this.timed) return timelessVersioned
    return { deadline: this.#deadline(options), asks: asks ?? !this.open(options), versioned: true }
  }

  #deadline(options: CallOptions | undefined): number {
    const timeout =
      options?.timeout === undefined ? this.root.settings.timeout : milliseconds(options.timeout, 'timeout')
    return now() + timeout
  }

  /** The ttl of one write in ms: what the call named or the cache's own, shortened by a random share up to `jitter`. */
  ttl(named: Ttl | undefined, op: string, key: string, jitter: number = this.root.settings.jitter): number {
    const ttl = named === undefined ? this.root.settings.ttl : ttlMs(named, op, key)
    if (jitter === 0 || ttl === Number.POSITIVE_INFINITY) return ttl
    return Math.max(1, ttl * (1 - Math.random() * jitter))
  }

  /** What an answer means: {@link Entries.judge}. */
  judge<T>(
    op: string,
    key: string,
    answer: StoredItem | Owed | undefined,
    call: Call,
    judging?: Judging,
  ): Judged<T> | Promise<Judged<T>> {
    return this.entries.judge<T>(op, key, answer, this.#serverOf, call, judging)
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

  /** Sends at once, unless a verb on whole namespaces was called before and is not sent yet; then after it. For what is asked about no key. */
  afterBarrier<T>(key: string, call: Call, send: (call: Call) => Answer<T>): Answer<T> {
    const barrier = this.order.beforeAll
    if (barrier === undefined) return send(call)
    return inTurn({ call, queue: run => barrier.then(run), send, tooLate: () => this.tooLate(key) })
  }

  /** {@link Namespace.inOrder} in the place the call has now, however long it takes until the call is ready to be sent. */
  whenReady<T>(
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
      server: this.#space.serverOf(key),
      outcome: 'not-sent',
    })
  }

  /** Reports an outage; returns the error to throw. What is not an outage is thrown as it is. */
  outage(error: unknown, op: string, key: string | undefined): CacheError {
    if (!isOutage(error)) throw error
    const failure = located(error, op, key)
    this.root.signals.failed(failure)
    return failure
  }

  /** Reports an outage, and throws it unless the call fails open. */
  endure(error: unknown, op: string, key: string, options: CallOptions | undefined): void {
    const failure = this.outage(error, op, key)
    if (!this.open(options)) throw failure
  }

  /** Whether an outage of this call looks like a miss. */
  open(options: CallOptions | undefined): boolean {
    return (options?.onError ?? this.root.settings.onError) === 'open'
  }
}

/** Whether an id lies in the namespace with this path, or in one nested in it. */
function covering(path: readonly string[]): (id: string) => boolean {
  const prefix = prefixOf(path)
  const nested = path.length === 0 ? '' : `${path.join('/')}/`
  return id => id.startsWith(prefix) || id.startsWith(nested)
}
