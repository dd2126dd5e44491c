import type { CasToken, StoredItem } from '@anycache/core'

/** One entry, handed out as it is by a hit: a read allocates nothing. All but `expiresAt` stays as written. */
export class Entry implements StoredItem {
  readonly flags: number
  readonly data: Uint8Array | string
  /** On the store's clock, in ms; Infinity for none. `touch` moves it. */
  expiresAt: number
  readonly #owner: string
  readonly #version: number

  constructor(flags: number, data: Uint8Array | string, expiresAt: number, owner: string, version: number) {
    this.flags = flags
    this.data = data
    this.expiresAt = expiresAt
    this.#owner = owner
    this.#version = version
  }

  /** `<store id>:<version>`: a version is never used twice, so equal bytes written again are another version. */
  get casToken(): CasToken {
    return `${this.#owner}:${this.#version}` as CasToken
  }
}
