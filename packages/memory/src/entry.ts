import type { CasToken, Item, VersionedItem } from '@anycache/core'

/** One entry, handed out as it is by a hit: a read allocates nothing. All but `expiresAt` stays as written. */
export class Entry implements VersionedItem {
  readonly flags: number
  readonly data: Uint8Array | string
  readonly metadata: Uint8Array | undefined
  /** On the store's clock, in ms; Infinity for none. `touch` moves it. */
  expiresAt: number
  readonly #owner: string
  readonly #version: number

  constructor(item: Item, expiresAt: number, owner: string, version: number) {
    const { flags, data, metadata } = item
    this.flags = flags
    this.data = typeof data === 'string' ? data : owned(data)
    this.metadata = metadata && owned(metadata)
    this.expiresAt = expiresAt
    this.#owner = owner
    this.#version = version
  }

  /** `<store id>:<version>`: a version is never used twice, so equal bytes written again are another version. */
  get casToken(): CasToken {
    return `${this.#owner}:${this.#version}` as CasToken
  }
}

/** The bytes without the rest of a larger buffer: a slice of Node's pool would hold all of it in memory, uncounted. */
function owned(data: Uint8Array): Uint8Array {
  return data.byteLength * 2 < data.buffer?.byteLength ? new Uint8Array(data) : data
}
