import type { Item, StoredItem } from '@anycache/core'

// Every flag set: no serializer reads that.
const unreadable = { flags: 0xffff_ffff, data: new Uint8Array([0xff]) }

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

  /** The entry was written anew. `id` tells it apart from those of other namespaces. */
  heal(id: string): void {
    if (this.#isTotal || this.#keys.size > 0) this.#healed.add(id)
  }

  has(key: string, id: string): boolean {
    return (this.#isTotal || this.#keys.has(key)) && !this.#healed.has(id)
  }

  ofStored(item: StoredItem | undefined, key: string, id: string): StoredItem | undefined {
    if (item === undefined || !this.has(key, id)) return item
    return { ...unreadable, casToken: item.casToken }
  }

  ofItem(item: Item | undefined, key: string, id: string): Item | undefined {
    return item === undefined || !this.has(key, id) ? item : unreadable
  }
}
