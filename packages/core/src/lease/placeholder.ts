import { randomBytes } from 'node:crypto'
import { FLAG_LEASE } from '@anycache/serializer'
import type { Item } from '../store.js'

/*
 * What lies under a key while one holder works on it: an item with the flags of a lease and 24 bytes.
 *
 *   0        16         20
 *   holder | lease ms | renewals        big-endian; the holder is 8 random bytes of the process and a count
 */
const HOLDER_BYTES = 16
const RENEWALS = 20
const LEASE_BYTES = 24

const thisProcess = randomBytes(8)
let count = 0

/** The bytes of a new holder. */
export function newHolder(ms: number): Buffer {
  const data = Buffer.alloc(LEASE_BYTES)
  data.set(thisProcess)
  data.writeDoubleBE(++count, 8)
  data.writeUInt32BE(Math.ceil(ms), HOLDER_BYTES)
  return data
}

/** The bytes of the same holder after one renewal more: no two of them are alike, so that no two have one token. */
export function renewed(data: Buffer, ms: number): Buffer {
  const next = Buffer.from(data)
  next.writeUInt32BE(Math.ceil(ms), HOLDER_BYTES)
  next.writeUInt32BE((data.readUInt32BE(RENEWALS) + 1) >>> 0, RENEWALS)
  return next
}

export function placeholder(data: Buffer): Item {
  return { flags: FLAG_LEASE, data }
}

/** Whether the item is a placeholder of the holder with these bytes, however often it was renewed. */
export function isHeldBy(data: Buffer, item: unknown): item is Item {
  if (typeof item !== 'object' || item === null) return false
  const { flags, data: found } = item as Item
  if (flags !== FLAG_LEASE || typeof found === 'string' || found.length !== LEASE_BYTES) return false
  return data.compare(found, 0, HOLDER_BYTES, 0, HOLDER_BYTES) === 0
}

/** Whose lease an item is; `undefined` for one that is none. */
export function holderOf(item: Item): string | undefined {
  return item.flags !== FLAG_LEASE || typeof item.data === 'string' ? undefined : holderIn(item.data)
}

export function holderIn(data: Uint8Array): string {
  return Buffer.from(data.subarray(0, HOLDER_BYTES)).toString('latin1')
}

/** How long a lease was taken for, in ms; 0 where no cache has written it. */
export function leaseMs({ data }: Item): number {
  return typeof data === 'string' || data.length !== LEASE_BYTES ? 0 : Buffer.from(data).readUInt32BE(HOLDER_BYTES)
}
