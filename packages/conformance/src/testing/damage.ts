import type { StoredItem } from '@anycache/core'
import { FLAGS_TORN } from '@anycache/serializer'

const unreadable: StoredItem = { flags: FLAGS_TORN, data: new Uint8Array([0xff]) }

/** Which entries read as bytes that cannot be decoded. */
export class Damage {
  readonly #keys = new Set<string>()
  readonly #healed = new Set<string>()
  #isTotal = false

  /** Damages what is under `key` in every namespace, or everything. */
  spread(key: string | undefined): void {
    this.#healed.clear()
    if (key === undefined) this.#isTotal = true
    else this.#keys.add(key)
  }

  end(): void {
    this.#isTotal = false
    this.#keys.clear()
  }

  /** The entry was written again. `id` tells it apart from those of other namespaces. */
  heal(id: string): void {
    if (this.#isTotal || this.#keys.size > 0) this.#healed.add(id)
  }

  has(key: string, id: string): boolean {
    return (this.#isTotal || this.#keys.has(key)) && !this.#healed.has(id)
  }

  /** The item, or bytes that cannot be decoded in its place. */
  of<T extends StoredItem>(item: T, key: string, id: string): T {
    if (!this.has(key, id)) return item
    const { casToken } = item
    return (casToken === undefined ? unreadable : { ...unreadable, casToken }) as T
  }
}
