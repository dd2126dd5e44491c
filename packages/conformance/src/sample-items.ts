import type { Item, StoredItem } from '@anycache/core'
import {
  CODEC_BYTES,
  FLAG_INTEGER,
  FLAG_METADATA,
  type Metadata,
  nativeFormat,
  writeMetadata,
} from '@anycache/serializer'
import { expect } from 'vitest'
import { lease } from './store-trial.js'

/** Farther off than any clock of a test is turned. */
const century = 100 * 365 * 86_400_000

/** An entry with metadata, whose other flags are `flags`. */
export function marked(data: Item['data'], metadata: Metadata, flags = 0): Item {
  return { flags: flags | FLAG_METADATA, data, metadata: writeMetadata(metadata) }
}

/** An entry with metadata that is there to everybody. */
export function fresh(data: Item['data'], flags = 0): Item {
  const tags = new Map([['a tag', Buffer.from('version1')]])
  return marked(data, { softDeadline: Date.now() + century, created: Date.now(), loadTime: 12, tags }, flags)
}

/** Items that are there to reads, and to no other verb. */
export const absentItems: Readonly<Record<string, () => Item>> = {
  'a lease': lease,
  'a stale entry': () => marked('stale', { softDeadline: 1000 }),
  'a stale number': () => marked('41', { softDeadline: 1 }, FLAG_INTEGER),
}

/** Items with metadata that are there to every verb. */
export const markedItems: Readonly<Record<string, () => Item>> = {
  'an entry whose soft deadline is to come': () => fresh('text'),
  'an entry of bytes whose soft deadline is to come': () => fresh(Buffer.from([0, 255, 0xc1, 1]), CODEC_BYTES),
  'an entry whose metadata has no soft deadline': () => marked('text', { nonce: Buffer.from('nonce123') }),
  'an entry whose metadata says nothing': () => marked('', {}),
}

/** That an item came back as it was written, byte for byte. A counter may come back under another of the flags that counters have. */
export function expectItem(actual: Item | undefined, expected: Item): asserts actual is StoredItem {
  if (actual === undefined) throw new Error(`nothing was there instead of an item with flags ${expected.flags}`)
  if (isCounter(expected)) expect(nativeFormat.counterFlags).toContain(actual.flags)
  else expect(actual.flags).toBe(expected.flags)
  expectBytes(actual.data, expected.data)
  if (expected.metadata === undefined) expect(actual.metadata).toBeUndefined()
  else expectBytes(actual.metadata, expected.metadata)
}

function isCounter({ flags, data }: Item): boolean {
  return nativeFormat.counterFlags.includes(flags) && /^\d+$/.test(String(data))
}

function expectBytes(actual: Item['data'] | undefined, expected: Item['data']): void {
  if (actual === undefined) throw new Error('the item came back without its metadata')
  // Compared at once: byte by byte a long one takes the matcher seconds.
  const [left, right] = [Buffer.from(actual as Uint8Array), Buffer.from(expected as Uint8Array)]
  if (left.compare(right) !== 0) expect(left.toString('latin1')).toBe(right.toString('latin1'))
}
