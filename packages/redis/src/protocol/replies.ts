import { createHash } from 'node:crypto'
import type { CasToken, Counted, StoredItem, Written } from '@anycache/core'
import { FRAME_BYTE, unframe } from '@anycache/serializer'
import { casAnswers, countAnswers } from './scripts.js'

/** No serializer reads these flags: every free bit is set. */
const unreadable = 0xffffffff

/** A value as the server holds it. */
class RedisItem implements StoredItem {
  readonly flags: number
  readonly data: Uint8Array
  readonly #stored: Buffer

  constructor(flags: number, data: Uint8Array, stored: Buffer) {
    this.flags = flags
    this.data = data
    this.#stored = stored
  }

  /** The SHA-1 of the stored bytes: nothing is stored beside them, and the server can compute it too. */
  get casToken(): CasToken {
    return createHash('sha1').update(this.#stored).digest('hex') as CasToken
  }
}

/** The item of a GET's reply. A frame that cannot be read is an item that cannot be decoded: core tells of it, once. */
export function itemOf(reply: unknown): StoredItem | undefined {
  if (reply === null || reply === undefined) return undefined
  const stored = reply as Buffer
  if (stored[0] !== FRAME_BYTE) return new RedisItem(0, stored, stored)
  try {
    const { flags, data } = unframe(stored)
    return new RedisItem(flags, data, stored)
  } catch {
    return new RedisItem(unreadable, stored, stored)
  }
}

/** The items of an MGET's reply. */
export function itemsOf(reply: unknown): (StoredItem | undefined)[] {
  return (reply as readonly unknown[]).map(itemOf)
}

export function wasThere(reply: unknown): boolean {
  return Number(reply) > 0
}

export function nothing(): void {}

/** SET answers OK, or nothing where its condition did not hold. */
export function storedOrExists(reply: unknown): Written {
  return reply === null ? { outcome: 'exists' } : { outcome: 'stored' }
}

export function storedOrMissing(reply: unknown): Written {
  return reply === null ? { outcome: 'missing' } : { outcome: 'stored' }
}

export function casOf(reply: unknown): Written {
  return { outcome: casAnswers[Number(reply)] ?? 'conflict' }
}

export function countOf(reply: unknown): Counted {
  const text = String(reply)
  const refused = countAnswers[text]
  return refused === undefined ? { value: Number(text) } : { refused }
}
