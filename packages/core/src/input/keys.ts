import { createHash } from 'node:crypto'
import { InvalidArgumentError } from '../errors.js'
import { shown } from './shown.js'

const namespaceName = /^[A-Za-z0-9_.-]+$/

/** Throws unless `key` is a non-empty, well-formed Unicode string. */
export function checkKey(key: unknown, op: string): asserts key is string {
  if (typeof key === 'string' && key !== '' && key.isWellFormed()) return
  throw new InvalidArgumentError(`key must be a non-empty, well-formed string, got ${shown(key)}`, {
    op,
    key: typeof key === 'string' ? key : undefined,
  })
}

/** Throws unless `name` matches `[A-Za-z0-9_.-]+`. `~` is kept for the cache's own names, `/` and `:` for the wire key. */
export function checkNamespace(name: unknown): asserts name is string {
  if (typeof name === 'string' && namespaceName.test(name)) return
  throw new InvalidArgumentError(`a namespace holds only letters, digits, "_", "." and "-", got ${shown(name)}`)
}

/** `['shop', 'carts']` → `'shop/carts:'`; `[]` → `''`. Names hold neither `/` nor `:`, so no two (path, key) pairs meet. */
export function prefixOf(path: readonly string[]): string {
  return path.length === 0 ? '' : `${path.join('/')}:`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the bytes that memcached's protocol refuses in keys
const notCarried = /[\u0000-\u0020\u007f]/
const hashedForm = /^[\u0021-\u007e]{0,64}~#[A-Za-z0-9_-]{43}$/
/** Bytes of the longest key that {@link fitKey} makes: a head of 64, `~#`, and 43 of base64url. */
export const hashedKeyBytes = 109

/**
 * The key as a server with a key limit can carry it: itself where it fits, else a readable head, `~#` and the SHA-256 (base64url)
 * of the whole. `room` is what the prefix leaves of the limit, in bytes. A key that looks like the hashed form is itself hashed,
 * so none can collide with it.
 */
export function fitKey(key: string, room: number): string {
  const fits = key.length * 3 <= room || (key.length <= room && Buffer.byteLength(key) <= room)
  if (fits && !notCarried.test(key) && !(key.length >= 45 && hashedForm.test(key))) return key
  const head = key.slice(0, 64).replace(/[^\u0021-\u007e]/g, '_')
  return `${head}~#${createHash('sha256').update(key).digest('base64url')}`
}

/** The regular expression of a `?` and `*` pattern; every other character stands for itself. */
export function patternOf(pattern: string): RegExp {
  const source = pattern.replace(/[\\^$.*+?()[\]{}|/]/g, c => (c === '*' ? '[^]*' : c === '?' ? '[^]' : `\\${c}`))
  return new RegExp(`^${source}$`, 'u')
}

/** A list, a set, a generator; not a string. */
export function isIterable(value: unknown): value is Iterable<unknown> {
  if (typeof value !== 'object' || value === null || value instanceof String) return false
  return typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

/** The distinct keys, in order. Throws for a plain string: its characters are not what the caller meant. */
export function checkKeys(keys: unknown, op: string): string[] {
  if (!isIterable(keys)) {
    throw new InvalidArgumentError(`${op} takes an array or another iterable of keys, got ${shown(keys)}`, { op })
  }
  const distinct = new Set<string>()
  for (const key of keys) {
    checkKey(key, op)
    distinct.add(key)
  }
  return [...distinct]
}
