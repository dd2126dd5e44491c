import { createHash } from 'node:crypto'
import type { CasToken, Claimed, Counted, Touched, VersionedItem, Written } from '@anycache/core'
import { FLAGS_TORN, FRAME_BYTE, unframe } from '@anycache/serializer'
import { isAbsent } from './absence.js'
import { otherType } from './scripts.js'

/** The heads that were read in front of the command. */
interface Heads {
  readonly found: readonly (Buffer | undefined)[]
}

/** The SHA-1 of the stored bytes: no version has to be stored, and the server can compute it too. */
function casTokenOf(stored: string | Buffer): CasToken {
  return createHash('sha1').update(stored).digest('hex') as CasToken
}

/** A value as the server holds it. */
class RedisItem implements VersionedItem {
  readonly flags: number
  readonly data: Uint8Array
  declare readonly metadata?: Uint8Array
  readonly #stored: Buffer

  constructor(flags: number, data: Uint8Array, stored: Buffer) {
    this.flags = flags
    this.data = data
    this.#stored = stored
  }

  get casToken(): CasToken {
    return casTokenOf(this.#stored)
  }
}

/** A write under a casToken that was stored. */
class StoredVersion {
  readonly outcome = 'stored'
  readonly #stored: string | Buffer

  constructor(stored: string | Buffer) {
    this.#stored = stored
  }

  get casToken(): CasToken {
    return casTokenOf(this.#stored)
  }
}

/** A list or another type under the key. Its token is no value's. */
const ofAnotherType: VersionedItem = {
  flags: FLAGS_TORN,
  data: new Uint8Array(),
  casToken: otherType as CasToken,
}

/** The item of a GET's reply. */
export type ItemReader = (reply: unknown) => VersionedItem | undefined

/** Where formats have metadata. */
export function itemOf(reply: unknown): VersionedItem | undefined {
  if (reply === null || reply === undefined) return undefined
  const stored = reply as Buffer
  return stored[0] === FRAME_BYTE ? framedItem(stored, true) : new RedisItem(0, stored, stored)
}

/** Where bit 12 of the flags is the serializer's own. */
export function plainItemOf(reply: unknown): VersionedItem | undefined {
  if (reply === null || reply === undefined) return undefined
  const stored = reply as Buffer
  return stored[0] === FRAME_BYTE ? framedItem(stored, false) : new RedisItem(0, stored, stored)
}

/** A frame that cannot be read is an item that cannot be decoded: core reports it, once. */
function framedItem(stored: Buffer, splitsMetadata: boolean): VersionedItem {
  try {
    const { flags, data, metadata } = unframe(stored, splitsMetadata)
    const item = new RedisItem(flags, data, stored)
    // Not a field of every item: a tenth of the CPU of a getMany.
    return metadata === undefined ? item : Object.assign(item, { metadata })
  } catch {
    return new RedisItem(FLAGS_TORN, stored, stored)
  }
}

/** Of UNLINK: whether something lay there that does not count as absent. */
export function wasThere(reply: unknown, heads: Heads | undefined): boolean {
  return Number(reply) > 0 && !isAbsent(heads?.found[0])
}

export function nothing(): void {}

/** SET answers OK, or nothing where its condition did not hold. */
export function storedOrExists(reply: unknown): Written {
  return reply === null ? { outcome: 'exists' } : { outcome: 'stored' }
}

export function storedOrMissing(reply: unknown): Written {
  return reply === null ? { outcome: 'missing' } : { outcome: 'stored' }
}

// Answers of scripts.ts.

export function writtenOf(reply: unknown): Written {
  return { outcome: String(reply) as Written['outcome'] }
}

/** Of {@link compareAndSet} with this value. */
export function versionOf(reply: unknown, stored: string | Buffer): Written {
  const { outcome } = writtenOf(reply)
  return outcome === 'stored' ? new StoredVersion(stored) : { outcome }
}

/** Of {@link claim} with this lease. */
export function claimedOf(reply: unknown, lease: string | Buffer, read: ItemReader): Claimed {
  if (Buffer.isBuffer(reply)) return { found: read(reply) as VersionedItem }
  return Number(reply) === 1 ? { won: casTokenOf(lease) } : { found: ofAnotherType }
}

export function touchedOf(reply: unknown): Touched {
  return String(reply) as Touched
}

export function countOf(reply: unknown): Counted {
  const text = String(reply)
  const value = Number(text)
  return Number.isNaN(value) ? { refused: text as Extract<Counted, { refused: unknown }>['refused'] } : { value }
}
