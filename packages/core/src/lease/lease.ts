import { randomBytes } from 'node:crypto'
import { FLAG_LEASE } from '@anycache/serializer'
import type { Answer, Call, CasToken, Item, Space, VersionedItem, Written } from '../store.js'

/*
 * What lies under a key while one holder works on it: an item with the flags of a lease and 24 bytes.
 *
 *   0        16         20
 *   holder | lease ms | renewals        big-endian; the holder is random
 */
const RENEWALS = 20
const HOLDER_BYTES = 16
const LEASE_BYTES = 24

/** A sign under a key that one holder is at work on it. It ends by itself, and is nothing to every verb of a cache. */
export class Lease {
  readonly #space: Space
  readonly #key: string
  readonly #data: Buffer
  #casToken: CasToken
  ms: number
  /** It was removed, replaced, or ended. */
  isLost = false

  private constructor(space: Space, key: string, data: Buffer, ms: number, casToken: CasToken) {
    this.#space = space
    this.#key = key
    this.#data = data
    this.ms = ms
    this.#casToken = casToken
  }

  /** Takes the key where nothing lies under it. Rejects with the store's own failure. */
  static async claim(
    space: Space,
    key: string,
    ms: number,
    call: Call,
  ): Promise<Lease | { readonly found: VersionedItem }> {
    const data = newData(ms)
    const claimed = await space.claim(key, itemOf(data), ms, call)
    return 'won' in claimed ? new Lease(space, key, data, ms, claimed.won) : claimed
  }

  /** Takes the place of the item that was read with this token; `undefined` where it is not there any more. */
  static async over(space: Space, key: string, casToken: CasToken, ms: number, call: Call): Promise<Lease | undefined> {
    const data = newData(ms)
    const written = await space.write({ key, item: itemOf(data), ttl: ms, when: { casToken } }, call)
    return written.outcome === 'stored' ? new Lease(space, key, data, ms, written.casToken as CasToken) : undefined
  }

  get casToken(): CasToken {
    return this.#casToken
  }

  /** Holds it for another `ms` from now. False: it is not ours any more. Rejects with the store's own failure. */
  async renew(call: Call, ms: number = this.ms): Promise<boolean> {
    const data = Buffer.from(this.#data)
    data.writeUInt32BE(ms, HOLDER_BYTES)
    data.writeUInt32BE(data.readUInt32BE(RENEWALS) + 1, RENEWALS)
    const write = (casToken: CasToken): Answer<Written> =>
      this.#space.write({ key: this.#key, item: itemOf(data), ttl: ms, when: { casToken } }, call)
    const written = await this.replace(write, call)
    if (written.outcome !== 'stored') return false
    this.#data.set(data)
    this.ms = ms
    this.#casToken = written.casToken as CasToken
    return true
  }

  /** Writes in the place of the lease, where it still stands. A token may be lost with its connection, though the lease is not: then once more. */
  async replace(write: (casToken: CasToken) => Answer<Written>, call: Call): Promise<Written> {
    let written = await write(this.#casToken)
    if (written.outcome === 'conflict') {
      const found = await this.#space.get(this.#key, { ...call, versioned: true })
      if (typeof found === 'object' && this.#isOurs(found) && found.casToken !== undefined) {
        this.#casToken = found.casToken
        written = await write(found.casToken)
      }
    }
    if (written.outcome === 'conflict' || written.outcome === 'missing') this.isLost = true
    return written
  }

  /** Gives the key free. False: it was not ours any more. Rejects with the store's own failure. */
  async release(call: Call): Promise<boolean> {
    if (this.isLost) return false
    this.isLost = true
    if (await this.#space.remove(this.#key, this.#casToken, call)) return true
    const found = await this.#space.get(this.#key, { ...call, versioned: true })
    if (typeof found !== 'object' || !this.#isOurs(found) || found.casToken === undefined) return false
    return this.#space.remove(this.#key, found.casToken, call)
  }

  #isOurs(item: Item): boolean {
    if (item.flags !== FLAG_LEASE || typeof item.data === 'string') return false
    return this.#data.compare(item.data, 0, HOLDER_BYTES, 0, HOLDER_BYTES) === 0
  }
}

/** What changes with each holder and each renewal of a lease; `undefined` for an item that is none. */
export function leaseMark(item: Item): string | undefined {
  if (item.flags !== FLAG_LEASE) return undefined
  return typeof item.data === 'string' ? item.data : Buffer.from(item.data).toString('latin1')
}

function newData(ms: number): Buffer {
  const data = Buffer.alloc(LEASE_BYTES)
  data.set(randomBytes(HOLDER_BYTES))
  data.writeUInt32BE(ms, HOLDER_BYTES)
  return data
}

function itemOf(data: Buffer): Item {
  return { flags: FLAG_LEASE, data }
}

/** How long a lease was taken for, in ms; 0 for what no cache has written. */
export function leaseMs({ data }: Item): number {
  return typeof data === 'string' || data.length !== LEASE_BYTES ? 0 : Buffer.from(data).readUInt32BE(HOLDER_BYTES)
}
