import { InvalidArgumentError } from './errors.js'

const UNITS: Record<string, number> = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }
const SIZE = /^(\d+(?:\.\d+)?) ?(b|kb|mb|gb|)$/i

/**
 * Bytes from a whole number ≥ 0 or from `'512b' | '4kb' | '1.5mb' | '1gb'` (units of 1024, rounded down).
 * Throws ERR_CACHE_INVALID_ARGUMENT for anything else, naming `name`.
 */
export function parseBytes(size: number | string, name = 'size'): number {
  const bytes = typeof size === 'string' ? fromText(size) : size
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0) return bytes
  throw new InvalidArgumentError(
    `${name} must be a whole number of bytes or a size such as '4kb', '64mb' or '1gb', got ${shown(size)}`,
  )
}

function fromText(text: string): number {
  const parts = SIZE.exec(text)
  if (!parts) return Number.NaN
  return Math.floor(Number(parts[1]) * UNITS[parts[2]!.toLowerCase()]!)
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}
