import { constants } from 'node:buffer'
import { parseBytes, shown } from './byte-size.js'
import type { Compression } from './compression.js'
import { InvalidArgumentError } from './errors.js'

/** How values become bytes. Every option has a default; an unknown or wrong one throws ERR_CACHE_INVALID_ARGUMENT. */
export type SerializerOptions = {
  /** Compresses large values with zlib; `false` writes everything uncompressed (compressed values are still read). */
  compression?: false | CompressionOptions | undefined
  /** The most bytes a compressed value may inflate to before it is refused; larger values are written uncompressed. Default `'64mb'`. */
  maxDecodedBytes?: number | string | undefined
}

/** When and how hard to compress. */
export type CompressionOptions = {
  /** Payloads of at least this many bytes are compressed, and stay so if that saves a tenth. Default `'4kb'`. */
  threshold?: number | string | undefined
  /** zlib's level, from 1 (fastest) to 9 (smallest). Default 1. */
  level?: number | undefined
}

export type ResolvedOptions = { compression: Compression | undefined; maxDecodedBytes: number }

// Measured in docs/decisions/0003: level 6 takes 6 times as long as level 1 at 100 KB and saves 6 points of the size.
const DEFAULT_LEVEL = 1
const DEFAULT_THRESHOLD = 4096
const DEFAULT_MAX_DECODED_BYTES = 64 * 1024 * 1024

export function resolveOptions(options: SerializerOptions = {}): ResolvedOptions {
  checkNames('serializer', options, ['compression', 'maxDecodedBytes'])
  const { compression, maxDecodedBytes = DEFAULT_MAX_DECODED_BYTES } = options
  const limit = parseBytes(maxDecodedBytes, 'serializer.maxDecodedBytes')
  if (limit === 0) throw new InvalidArgumentError('serializer.maxDecodedBytes must be at least 1 byte, got 0')
  return {
    compression: compression === false ? undefined : resolveCompression(limit, compression),
    maxDecodedBytes: Math.min(limit, constants.MAX_LENGTH),
  }
}

function resolveCompression(maxDecodedBytes: number, options: CompressionOptions = {}): Compression {
  const where = 'serializer.compression'
  checkNames(where, options, ['threshold', 'level'], 'false or ')
  const { threshold = DEFAULT_THRESHOLD, level = DEFAULT_LEVEL } = options
  if (!Number.isInteger(level) || level < 1 || level > 9) {
    throw new InvalidArgumentError(`${where}.level must be a whole number from 1 to 9, got ${shown(level)}`)
  }
  return {
    threshold: parseBytes(threshold, `${where}.threshold`),
    // No reader can make a string of more bytes, whatever its limit for inflating.
    limit: Math.min(maxDecodedBytes, constants.MAX_STRING_LENGTH),
    level,
  }
}

function checkNames(where: string, options: unknown, known: readonly string[], or = ''): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`${where} must be ${or}an object of options, got ${shown(options)}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name)) continue
    throw new InvalidArgumentError(
      `unknown option ${where}.${name} (${shown(value)}); the nearest option is '${nearest(name, known)}'`,
    )
  }
}

function nearest(name: string, known: readonly string[]): string {
  const distances = known.map(candidate => distance(name.toLowerCase(), candidate.toLowerCase()))
  return known[distances.indexOf(Math.min(...distances))]!
}

/** Levenshtein's distance, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
