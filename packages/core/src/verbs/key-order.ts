import { PendingKeys } from './pending-keys.js'

/**
 * Call order of one key across asynchronous encoding: a value compressed in the thread pool is sent later than it was set,
 * so every call on its key meanwhile waits until it is sent. Nearly always idle, and then costs one comparison.
 */
export class KeyOrder {
  readonly #tails = new Map<string, Promise<unknown>>()
  /** Calls on many keys that are sent in chunks. */
  #batches: readonly PendingKeys[] = []
  #barrier: Promise<unknown> | undefined

  get idle(): boolean {
    return this.#tails.size === 0 && this.#batches.length === 0 && this.#barrier === undefined
  }

  /** What every call must wait for, if anything. */
  get beforeAll(): Promise<unknown> | undefined {
    return this.#barrier
  }

  /** What a call on `id` must wait for, if anything. */
  before(id: string): Promise<unknown> | undefined {
    return this.#tails.get(id) ?? this.#holding(id)?.before(id) ?? this.#barrier
  }

  /** Runs `send` when `ready` has settled and every earlier call on `id` was sent; later calls on `id` wait until then. */
  sendInTurn<T>(id: string, ready: Promise<unknown>, send: () => T | Promise<T>): Promise<T> {
    // A call whose encoding fails must still wait its turn; later calls depend on the earlier ones through it.
    const after = Promise.resolve(this.before(id)).then(() => ready)
    ready.catch(() => {})
    const turn = this.#turn(after, send)
    this.#tails.set(id, turn.quiet)
    // Registered before anyone can wait for `quiet`, so that calls that waited are sent before calls that find the place free.
    void turn.quiet.then(() => {
      if (this.#tails.get(id) === turn.quiet) this.#tails.delete(id)
    })
    return turn.answer
  }

  /** Runs `run` once every earlier call on `id` was sent; every later one waits until it has settled. For verbs of several steps. */
  exclusive<T>(id: string, run: () => Promise<T>): Promise<T> {
    const before = this.before(id)
    const running = before === undefined ? run() : before.then(run)
    return this.sendInTurn(id, running, () => running)
  }

  /**
   * Holds the places of many keys until each is marked as sent. `after`: what the batch must wait for, if anything. A patient batch waits
   * for whole batches before it, which costs no promise per key.
   */
  batch(
    prefix: string,
    keys: readonly string[],
    isPatient: boolean,
  ): { pending: PendingKeys; after: Promise<unknown> | undefined } {
    const earlier = new Set<Promise<unknown>>()
    const before = (id: string): Promise<unknown> | undefined =>
      isPatient ? (this.#tails.get(id) ?? this.#holding(id)?.whenSent ?? this.#barrier) : this.before(id)
    for (const key of this.idle ? [] : keys) {
      const promise = before(prefix + key)
      if (promise !== undefined) earlier.add(promise)
    }
    const pending = new PendingKeys(prefix, keys)
    // The batch waits for them, and later calls for the batch.
    if (earlier.size > 0) for (const key of keys) this.#tails.delete(prefix + key)
    this.#batches = [...this.#batches, pending]
    void pending.whenSent.then(() => {
      this.#batches = this.#batches.filter(other => other !== pending)
    })
    return { pending, after: earlier.size === 0 ? undefined : Promise.all(earlier) }
  }

  /** Runs `send` once every earlier call was sent; every later one waits until then. For verbs on whole namespaces. */
  barrier<T>(send: () => T | Promise<T>): Promise<T> {
    const turn = this.#turn(this.settled(), send)
    // The barrier waits for them, and later calls for the barrier.
    this.#tails.clear()
    this.#batches = []
    this.#barrier = turn.quiet
    void turn.quiet.then(() => {
      if (this.#barrier === turn.quiet) this.#barrier = undefined
    })
    return turn.answer
  }

  /** Resolves when everything held now was sent. */
  async settled(): Promise<void> {
    await Promise.all([...this.#tails.values(), ...this.#batches.map(batch => batch.whenSent), this.#barrier])
  }

  #holding(id: string): PendingKeys | undefined {
    // The newest first: it waits for those before it.
    return this.#batches.findLast(batch => batch.holds(id))
  }

  #turn<T>(after: Promise<unknown>, send: () => T | Promise<T>): { answer: Promise<T>; quiet: Promise<unknown> } {
    let answer: T | Promise<T> | undefined
    const sent = after.then(() => {
      answer = send()
      // Its failure reaches the caller through `answer` below; nobody else waits for it.
      if (answer instanceof Promise) answer.catch(() => {})
    })
    return { answer: sent.then(() => answer as T | Promise<T>), quiet: sent.catch(() => {}) }
  }
}
