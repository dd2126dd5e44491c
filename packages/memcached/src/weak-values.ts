/** Values by name, each for as long as somebody uses it: namespaces made per user or tenant must not pile up. */
export class WeakValues<T extends object> {
  readonly #refs = new Map<string, WeakRef<T>>()
  readonly #registry = new FinalizationRegistry<string>(name => {
    // Another one may have taken the name meanwhile.
    if (this.#refs.get(name)?.deref() === undefined) this.#refs.delete(name)
  })

  /** The value of that name, made where there is none. */
  obtain(name: string, make: () => T): T {
    const known = this.#refs.get(name)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#refs.set(name, new WeakRef(made))
    this.#registry.register(made, name)
    return made
  }

  *values(): Iterable<T> {
    for (const ref of this.#refs.values()) {
      const value = ref.deref()
      if (value !== undefined) yield value
    }
  }
}
