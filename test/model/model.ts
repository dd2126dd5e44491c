/** What a cache should hold: the simplest thing that gives the answers of the contract. */

/** A value as a test writes it; each is written once, so that a value says which write it came from. */
export type Value = string | number | null | { readonly n: number } | Uint8Array

export interface Entry {
  readonly value: Value
  /** With the version that each had when the entry was written. */
  readonly tags: ReadonlyMap<string, number>
  /** In ms; until then every verb sees it. */
  freshUntil: number
  /** Until then read-through sees it. */
  keptUntil: number
  /** The loader of the key failed while this stale value was there: it may be left alone for a while. */
  rests?: true
  /** Its item carries more than the value: a number of this kind is no counter. */
  hasWindow?: boolean
  /** Touched since it was written: whether older tokens still fit is the backend's business. */
  touched?: true
}

/** Three namespaces, each within the one before it. */
export const depths = [0, 1, 2] as const
export type Depth = (typeof depths)[number]
export const keys = ['a', 'b', 'c'] as const
export const tagNames = ['red', 'blue'] as const

export class Model {
  now = 0
  readonly #entries = new Map<string, Entry>()
  readonly #tags = new Map<string, number>()
  #written = 0
  /** The newest token of each process and key, and the entry that it was read with. */
  readonly tokens = new Map<string, { readonly token: string; readonly entry: Entry }>()

  /** A number that no other value has. */
  next(): number {
    return ++this.#written
  }

  /** What lies there, whoever may see it. */
  kept(depth: Depth, key: string): Entry | undefined {
    const entry = this.#entries.get(`${depth}:${key}`)
    return entry !== undefined && entry.keptUntil > this.now ? entry : undefined
  }

  /** What counts as present: fresh, though perhaps invalidated. */
  present(depth: Depth, key: string): Entry | undefined {
    const entry = this.kept(depth, key)
    return entry !== undefined && entry.freshUntil > this.now ? entry : undefined
  }

  /** What a read gives. */
  readable(depth: Depth, key: string): Entry | undefined {
    const entry = this.present(depth, key)
    return entry !== undefined && this.isValid(entry) ? entry : undefined
  }

  isValid({ tags }: Pick<Entry, 'tags'>): boolean {
    return [...tags].every(([tag, version]) => this.#tags.get(tag) === version)
  }

  versions(tags: readonly string[]): ReadonlyMap<string, number> {
    return new Map(
      tags.map(tag => {
        const version = this.#tags.get(tag) ?? this.next()
        this.#tags.set(tag, version)
        return [tag, version]
      }),
    )
  }

  write(depth: Depth, key: string, value: Value, ttl: number, tags: Entry['tags'], window = 0): Entry {
    const freshUntil = this.now + ttl
    const entry: Entry = { value, tags, freshUntil, keptUntil: freshUntil + window }
    this.#entries.set(`${depth}:${key}`, entry)
    return entry
  }

  remove(depth: Depth, key: string): void {
    this.#entries.delete(`${depth}:${key}`)
  }

  clear(depth: Depth): void {
    for (const id of this.#entries.keys()) if (Number(id[0]) >= depth) this.#entries.delete(id)
  }

  invalidate(tags: readonly string[]): void {
    for (const tag of tags) this.#tags.set(tag, this.next())
  }
}
