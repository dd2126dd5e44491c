interface Wait {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

/** The keys of a call in chunks that are still to be sent, in order. Built only when another call asks for one of them. */
export class PendingKeys {
  readonly #prefix: string
  readonly #keys: readonly string[]
  /** The keys before this index were sent. */
  #next = 0
  /** The keys from there on, once another call has asked. */
  #unsent: Set<string> | undefined
  readonly #waits = new Map<string, Wait>()
  /** Resolves when all were sent. */
  readonly whenSent: Promise<void>
  #finish: () => void = () => {}

  constructor(prefix: string, keys: readonly string[]) {
    this.#prefix = prefix
    this.#keys = keys
    this.whenSent = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  /** Whether the key belongs to the call and is still to be sent. */
  holds(id: string): boolean {
    if (!id.startsWith(this.#prefix)) return false
    this.#unsent ??= new Set(this.#keys.slice(this.#next))
    return this.#unsent.has(id.slice(this.#prefix.length))
  }

  /** Resolves when the key was sent, which it {@link PendingKeys.holds holds}. */
  before(id: string): Promise<void> {
    const key = id.slice(this.#prefix.length)
    let wait = this.#waits.get(key)
    if (wait === undefined) {
      wait = this.#wait(key)
      this.#waits.set(key, wait)
    }
    return wait.promise
  }

  /** The keys before this index were sent. */
  sent(until: number): void {
    const from = this.#next
    if (until <= from) return
    this.#next = until
    if (this.#unsent !== undefined) {
      for (let i = from; i < until; i++) {
        const key = this.#keys[i] as string
        const wait = this.#waits.get(key)
        if (wait === undefined) this.#unsent.delete(key)
        else wait.resolve()
      }
    }
    this.#finishIfSent()
  }

  #wait(key: string): Wait {
    let resolve = (): void => {}
    const promise = new Promise<void>(done => {
      resolve = done
    })
    // Registered before anyone can wait, so that calls that waited are sent before calls that find the place free.
    void promise.then(() => {
      this.#waits.delete(key)
      this.#unsent?.delete(key)
      this.#finishIfSent()
    })
    return { promise, resolve }
  }

  #finishIfSent(): void {
    if (this.#next === this.#keys.length && !this.#unsent?.size) this.#finish()
  }
}
