/**
 * The 32-bit flags that travel with every value. Released formats: a meaning given here is never changed.
 *
 * ```
 *  31         14  13  12  11   10  9        6   5    4    3    2    1    0
 * +-------------+---+---+--------+-----------+----+----+----+----+----+----+
 * |    free     | L | M |  free  |   codec   | '  |text|zlib|long|int |pick|
 * +-------------+---+---+--------+-----------+----+----+----+----+----+----+
 *                 |   |     |                  |    `---- as in the Python clients ----'
 *                 |   |     other compressors  guard: the payload's first byte is "'" and is dropped
 *                 |   payload begins with metadata
 *                 lease
 * ```
 *
 * Free bits are refused by the reader, so that a later format is a miss to this one and never a wrong value. Bits 12 and 13 are no
 * serializer's: core sets them, and takes bit 12 off before it decodes.
 */

/** A value as a store holds it: memcached's 32-bit flags, and the payload as text or as bytes. */
export type Encoded = { flags: number; data: string | Uint8Array }

/** Python's pickle: refused, since reading one runs code. */
export const FLAG_PICKLE = 1
/** A whole number in decimal ASCII. */
export const FLAG_INTEGER = 2
/** A Python long in decimal ASCII, read as a BigInt. */
export const FLAG_LONG = 4
/** The payload is a zlib stream (RFC 1950) of what the other bits describe. */
export const FLAG_ZLIB = 8
/** UTF-8 text as python-memcached ≥ 1.59 and pylibmc write it; read as text even where it is all digits. */
export const FLAG_TEXT = 16
/** The payload's first byte is `'` and is dropped: what follows would count as a number to memcached's incr. */
export const FLAG_GUARD = 32

const CODEC_SHIFT = 6

/** Raw bytes, read as a Uint8Array. */
export const CODEC_BYTES: number = 1 << CODEC_SHIFT
/** Raw bytes, read as a Buffer. */
export const CODEC_BUFFER: number = 2 << CODEC_SHIFT
/** JSON in UTF-8. */
export const CODEC_JSON: number = 3 << CODEC_SHIFT
/** A V8 structured clone, what it cannot carry, and a CRC-32 of both: see structured-codec.ts. */
export const CODEC_V8: number = 4 << CODEC_SHIFT
/** A BigInt in decimal ASCII with an `n` behind it. */
export const CODEC_BIGINT: number = 5 << CODEC_SHIFT

/** The item carries metadata, laid out as metadata.ts draws it: in front of the payload, where a store has no other place for it. */
export const FLAG_METADATA: number = 1 << 12
/**
 * A lease: not an entry, but a sign that somebody is loading one. A lease has no other flag, so compare for equality; its frame
 * begins with `c1 01 80 40`.
 */
export const FLAG_LEASE: number = 1 << 13
/** What a store reports for bytes that make no item, such as a frame that is cut. No serializer reads them, and they are never stored. */
export const FLAGS_TORN = 0xffff_ffff
