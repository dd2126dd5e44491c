interface Wait {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** The keys of one call that is sent in chunks, as far as they are still to be sent. Costs nothing for a key that nobody waits for. */
export class PendingKeys {
  readonly #prefix: string
  readonly #keys: Set<string>
  readonly #waits = new Map<string, Wait>()
  /** Resolves when all were sent. */
  readonly whenSent: Promise<void>
  #finish: () => void = () => {}

  constructor(prefix: string, keys: readonly string[]) {
    this.#prefix = prefix
    this.#keys = new Set(keys)
    this.whenSent = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  /** Resolves when the key was sent; `undefined`: it was, or never belonged to the call. */
  before(id: string): Promise<void> | undefined {
    if (!id.startsWith(this.#prefix)) return undefined
    const key = id.slice(this.#prefix.length)
    if (!this.#keys.has(key)) return undefined
    let wait = this.#waits.get(key)
    if (wait === undefined) {
      wait = this.#wait(key)
      this.#waits.set(key, wait)
    }
    return wait.promise
  }

  sent(key: string): void {
    const wait = this.#waits.get(key)
    if (wait === undefined) this.#leave(key)
    else wait.resolve()
  }

  #wait(key: string): Wait {
    let resolve = (): void => {}
    const promise = new Promise<void>(done => {
      resolve = done
    })
    // Registered before anyone can wait, so that whoever waited is sent before whoever finds the place free.
    void promise.then(() => {
      this.#waits.delete(key)
      this.#leave(key)
    })
    return { promise, resolve }
  }

  #leave(key: string): void {
    this.#keys.delete(key)
    if (this.#keys.size === 0) this.#finish()
  }
}
