/**
 * Call order of one key across asynchronous encoding: a value compressed in the thread pool is sent later than it was set,
 * so everything called on its key meanwhile waits for it to be sent. Idle nearly always, and then costs one comparison.
 */
export class KeyOrder {
  readonly #tails = new Map<string, Promise<unknown>>()
  #barrier: Promise<unknown> | undefined

  get idle(): boolean {
    return this.#tails.size === 0 && this.#barrier === undefined
  }

  /** What a call on `id` must wait for, if anything. */
  before(id: string): Promise<unknown> | undefined {
    return this.#tails.get(id) ?? this.#barrier
  }

  /** Runs `send` once `ready` and every earlier call on `ids` let it, and keeps the place of `ids` until then. */
  hold<T>(ids: readonly string[], ready: Promise<unknown>, send: () => T | Promise<T>): Promise<T> {
    // One that fails must not go before its turn: those behind it wait for those before it, too.
    const after = Promise.all(ids.map(id => this.before(id))).then(() => ready)
    ready.catch(() => {})
    const turn = this.#turn(after, send)
    for (const id of ids) this.#tails.set(id, turn.quiet)
    // Registered before anyone can wait for `quiet`, so that whoever waited is sent before whoever finds the place free.
    void turn.quiet.then(() => {
      for (const id of ids) if (this.#tails.get(id) === turn.quiet) this.#tails.delete(id)
    })
    return turn.answer
  }

  /** Runs `run` once every earlier call on `id` was sent; every later one waits until it has settled. For verbs of several steps. */
  whole<T>(id: string, run: () => Promise<T>): Promise<T> {
    const before = this.before(id)
    const running = before === undefined ? run() : before.then(run)
    return this.hold([id], running, () => running)
  }

  /** Runs `send` once every earlier call was sent; every later one waits until then. For verbs on whole namespaces. */
  alone<T>(send: () => T | Promise<T>): Promise<T> {
    const turn = this.#turn(this.settled(), send)
    this.#tails.clear()
    this.#barrier = turn.quiet
    void turn.quiet.then(() => {
      if (this.#barrier === turn.quiet) this.#barrier = undefined
    })
    return turn.answer
  }

  /** Resolves when everything held now was sent. */
  async settled(): Promise<void> {
    await Promise.all([...this.#tails.values(), this.#barrier])
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
