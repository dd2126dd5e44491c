import { SerializationError } from './errors.js'
import { FLAG_LEASE, FLAG_METADATA, FLAGS_TORN } from './flags.js'

/*
 * What core notes of an entry, in front of its payload where bit 12 of the flags is set. The fixed part comes first, so that a script on
 * the server reads it at constant offsets, whatever the value is; numbers are big-endian, and 0 stands for "none".
 *
 *   0    1        3               9         15      23          27
 *   a1 | length | soft deadline | created | nonce | load time | sections
 *        |        |               |         |       |           `-- type (1 byte), length (2), content; any number of them
 *        |        |               |         |       `-- ms that the loader took, 4 bytes
 *        |        |               |         `-- 8 random bytes, which make the bytes of two equal writes differ
 *        |        `---------------`-- milliseconds since 1970, 6 bytes each
 *        `-- bytes of the whole metadata
 *
 *   section 1, tags:       length (2 bytes) | tag, UTF-8 | version of the tag (8 bytes), repeated
 *   section 2, lifetimes:  fresh for (6 bytes) | kept stale for (6 bytes), in ms; ffffffffffff for "without end"
 *   section 3, shape:      the version of the schema, UTF-8
 *
 * a1: memcached's incr reads a number at the head of any payload, and this is neither blank, sign nor digit. A reader skips a section of a
 * type below 128 that it does not know; one of 128 and more it must understand, or the entry is unreadable to it.
 */

/** The first byte of metadata. */
const MARK = 0xa1
const LENGTH = 1
const SOFT_DEADLINE = 3
const CREATED = 9
const NONCE = 15
const LOAD_TIME = 23
const SECTIONS = 27
const SECTION_HEAD = 3
const TAGS = 1
const LIFETIMES = 2
const SHAPE = 3
const LIFETIME_BYTES = 6
const ENDLESS = 2 ** 48 - 1
const FIRST_CRITICAL = 128
const VERSION_BYTES = 8
const NONCE_BYTES = 8
const LONGEST = 0xffff
const MOST_UINT32 = 0xffff_ffff

/** What is noted of an entry. */
export interface Metadata {
  /** From when on the entry is stale, in ms since 1970. Infinity: never. */
  readonly softDeadline?: number | undefined
  /** When its value was loaded or set, in ms since 1970. */
  readonly created?: number | undefined
  /** 8 bytes. */
  readonly nonce?: Uint8Array | undefined
  /** How long its loader took, in ms. */
  readonly loadTime?: number | undefined
  /** The entry is valid while each of these tags has this version, of 8 bytes. */
  readonly tags?: ReadonlyMap<string, Uint8Array> | undefined
  /** How long it was fresh from `created` on, and how long it is kept after that, in ms. Infinity: without end. */
  readonly lifetimes?: { readonly freshFor: number; readonly staleFor: number } | undefined
  /** The version of the schema that its value fits. */
  readonly shape?: string | undefined
}

/** The metadata as bytes. Throws ERR_CACHE_SERIALIZATION where it is longer than 65 535 bytes. */
export function writeMetadata(metadata: Metadata): Uint8Array {
  const { softDeadline, created, nonce, loadTime } = metadata
  const sections = sectionsOf(metadata)
  const length = sections.reduce((sum, { content }) => sum + SECTION_HEAD + content.length, SECTIONS)
  if (length > LONGEST) throw new SerializationError(`the metadata of one entry takes ${length} bytes, over ${LONGEST}`)
  const bytes = Buffer.alloc(length)
  bytes[0] = MARK
  bytes.writeUInt16BE(length, LENGTH)
  bytes.writeUIntBE(momentOf(softDeadline), SOFT_DEADLINE, 6)
  bytes.writeUIntBE(momentOf(created), CREATED, 6)
  if (nonce !== undefined) bytes.set(nonce.subarray(0, NONCE_BYTES), NONCE)
  bytes.writeUInt32BE(Math.min(Math.round(loadTime ?? 0), MOST_UINT32), LOAD_TIME)
  let at = SECTIONS
  for (const { type, content } of sections) {
    bytes[at] = type
    bytes.writeUInt16BE(content.length, at + 1)
    bytes.set(content, at + SECTION_HEAD)
    at += SECTION_HEAD + content.length
  }
  return bytes
}

function sectionsOf({ tags, lifetimes, shape }: Metadata): { type: number; content: Buffer }[] {
  const sections: { type: number; content: Buffer }[] = []
  if (tags !== undefined && tags.size > 0) sections.push({ type: TAGS, content: writeTags(tags) })
  if (lifetimes !== undefined) {
    const content = Buffer.alloc(2 * LIFETIME_BYTES)
    content.writeUIntBE(spanOf(lifetimes.freshFor), 0, LIFETIME_BYTES)
    content.writeUIntBE(spanOf(lifetimes.staleFor), LIFETIME_BYTES, LIFETIME_BYTES)
    sections.push({ type: LIFETIMES, content })
  }
  if (shape !== undefined) sections.push({ type: SHAPE, content: Buffer.from(shape) })
  return sections
}

/** Throws ERR_CACHE_SERIALIZATION for bytes that are cut, and for a section that this reader must understand and does not. */
export function readMetadata(metadata: Uint8Array): Metadata {
  const bytes = viewOf(metadata)
  if (lengthOf(bytes) !== bytes.length) throw torn('its length is not the one it states')
  let tags: Map<string, Uint8Array> | undefined
  let lifetimes: Metadata['lifetimes']
  let shape: string | undefined
  for (let at = SECTIONS; at < bytes.length; ) {
    const end = at + SECTION_HEAD > bytes.length ? Number.NaN : at + SECTION_HEAD + bytes.readUInt16BE(at + 1)
    if (!(end <= bytes.length)) throw torn('a section is cut')
    const type = bytes[at] as number
    const content = bytes.subarray(at + SECTION_HEAD, end)
    if (type === TAGS) tags = readTags(content, tags)
    else if (type === LIFETIMES) lifetimes = readLifetimes(content)
    else if (type === SHAPE) shape = content.toString()
    else if (type >= FIRST_CRITICAL) throw torn(`it has a section of type ${type}, which only a later version reads`)
    at = end
  }
  const nonce = bytes.subarray(NONCE, LOAD_TIME)
  return {
    softDeadline: bytes.readUIntBE(SOFT_DEADLINE, 6) || undefined,
    created: bytes.readUIntBE(CREATED, 6) || undefined,
    nonce: nonce.every(byte => byte === 0) ? undefined : nonce,
    loadTime: bytes.readUInt32BE(LOAD_TIME) || undefined,
    tags,
    lifetimes,
    shape,
  }
}

/**
 * The metadata of an entry that gets another life of `ttl` ms, from `epochMs` on (ms since 1970), and how long it is to be kept: the time
 * that it may be stale stays as long as it was. All else stays byte for byte, unknown sections as well.
 */
export function renewed(
  metadata: Uint8Array,
  epochMs: number,
  ttl: number,
): { readonly metadata: Uint8Array; readonly keptFor: number } {
  const bytes = Buffer.from(metadata)
  if (bytes.length < SECTIONS) return { metadata: bytes, keptFor: ttl }
  let staleFor = 0
  const at = lifetimesAt(bytes)
  if (at !== undefined) {
    const created = bytes.readUIntBE(CREATED, 6) || epochMs
    staleFor = readSpan(bytes, at + LIFETIME_BYTES)
    bytes.writeUIntBE(spanOf(Math.max(0, epochMs - created) + ttl), at, LIFETIME_BYTES)
  }
  // An entry without one ends with its ttl, and has nothing to be stale for.
  if (staleFor > 0 || softDeadlineOf(bytes) !== 0) bytes.writeUIntBE(momentOf(epochMs + ttl), SOFT_DEADLINE, 6)
  return { metadata: bytes, keptFor: ttl + staleFor }
}

/** Where the lifetimes of an entry begin, if it has any that are whole. */
function lifetimesAt(bytes: Buffer): number | undefined {
  for (let at = SECTIONS; at + SECTION_HEAD <= bytes.length; ) {
    const content = at + SECTION_HEAD
    const end = content + bytes.readUInt16BE(at + 1)
    if (bytes[at] === LIFETIMES) return end <= bytes.length && end - content >= 2 * LIFETIME_BYTES ? content : undefined
    at = end
  }
  return undefined
}

/** Metadata and payload of stored bytes whose flags hold bit 12; both share their memory. Throws ERR_CACHE_SERIALIZATION where they are cut. */
export function splitMetadata(stored: Uint8Array): { metadata: Uint8Array; data: Uint8Array } {
  const length = lengthOf(viewOf(stored))
  return { metadata: stored.subarray(0, length), data: stored.subarray(length) }
}

/** From when on the entry is stale, in ms since 1970; 0 for never. */
export function softDeadlineOf(metadata: Uint8Array): number {
  return viewOf(metadata).readUIntBE(SOFT_DEADLINE, 6)
}

/**
 * Whether an item counts as nothing to every verb but a read of core's own: it is a lease, or its soft deadline has passed. Only where the
 * {@link Format} has metadata. `epochMs`: now, in ms since 1970.
 */
export function countsAsAbsent(item: { flags: number; metadata?: Uint8Array | undefined }, epochMs: number): boolean {
  if ((item.flags & (FLAG_LEASE | FLAG_METADATA)) === 0 || item.flags === FLAGS_TORN) return false
  if (item.flags === FLAG_LEASE) return true
  if (item.metadata === undefined || item.metadata.length < CREATED) return false
  const softDeadline = softDeadlineOf(item.metadata)
  return softDeadline !== 0 && softDeadline <= epochMs
}

/** Whole ms; rounded up, so that no deadline comes early. 0: none. */
function momentOf(epochMs: number | undefined): number {
  return epochMs === undefined || epochMs === Number.POSITIVE_INFINITY ? 0 : Math.ceil(epochMs)
}

function writeTags(tags: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Uint8Array[] = []
  for (const [tag, version] of tags) {
    const name = Buffer.from(tag)
    const length = Buffer.alloc(2)
    if (name.length > LONGEST) throw new SerializationError(`a tag is of ${name.length} bytes, over ${LONGEST}`)
    if (version.length !== VERSION_BYTES) {
      throw new SerializationError(`the version of a tag is of ${version.length} bytes, not ${VERSION_BYTES}`)
    }
    length.writeUInt16BE(name.length)
    parts.push(length, name, version)
  }
  return Buffer.concat(parts)
}

function readTags(content: Buffer, tags = new Map<string, Uint8Array>()): Map<string, Uint8Array> {
  for (let at = 0; at < content.length; ) {
    const name = at + 2
    const version = name > content.length ? Number.NaN : name + content.readUInt16BE(at)
    if (!(version + VERSION_BYTES <= content.length)) throw torn('its tags are cut')
    tags.set(content.toString('utf8', name, version), content.subarray(version, version + VERSION_BYTES))
    at = version + VERSION_BYTES
  }
  return tags
}

function readLifetimes(content: Buffer): Metadata['lifetimes'] {
  if (content.length < 2 * LIFETIME_BYTES) throw torn('its lifetimes are cut')
  return { freshFor: readSpan(content, 0), staleFor: readSpan(content, LIFETIME_BYTES) }
}

function readSpan(bytes: Buffer, at: number): number {
  const span = bytes.readUIntBE(at, LIFETIME_BYTES)
  return span === ENDLESS ? Number.POSITIVE_INFINITY : span
}

/** Whole ms, rounded up; the largest number for "without end". */
function spanOf(ms: number): number {
  return Math.min(Math.ceil(ms), ENDLESS)
}

function lengthOf(bytes: Buffer): number {
  if (bytes.length < SECTIONS || bytes[0] !== MARK) throw torn('its head is missing')
  const length = bytes.readUInt16BE(LENGTH)
  if (length < SECTIONS || length > bytes.length) throw torn('it is cut')
  return length
}

function torn(fact: string): SerializationError {
  return new SerializationError(`the metadata cannot be read: ${fact}`)
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
