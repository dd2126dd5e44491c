import { InvalidArgumentError } from '../errors.js'
import type { CasToken } from '../store.js'
import { checkKey, isIterable } from './keys.js'
import { shown } from './shown.js'

/** The entries of a `setMany`. */
export function checkEntries(entries: unknown): (readonly [string, unknown])[] {
  const wanted = 'setMany takes entries: a Map, or an iterable of [key, value]'
  if (!isIterable(entries)) {
    throw new InvalidArgumentError(`${wanted}; got ${shown(entries)}`, { op: 'setMany' })
  }
  const list = [...entries]
  for (const entry of list) {
    if (Array.isArray(entry) && entry.length === 2) continue
    throw new InvalidArgumentError(`${wanted}; one of them is ${shown(entry)}`, { op: 'setMany' })
  }
  for (const [key] of list as [unknown, unknown][]) checkKey(key, 'setMany')
  return list as [string, unknown][]
}

export function checkCasToken(casToken: unknown, key: unknown): asserts casToken is CasToken {
  if (typeof casToken === 'string') return
  throw new InvalidArgumentError(`casToken must come from getEntry(), got ${shown(casToken)}`, {
    op: 'compareAndSet',
    key: typeof key === 'string' ? key : undefined,
  })
}

/** What `append` and `prepend` join. */
export function checkPart(part: unknown, op: string, key: string): asserts part is string | Uint8Array {
  if (typeof part === 'string' || part instanceof Uint8Array) return
  throw new InvalidArgumentError(`${op} takes a string or a Uint8Array, got ${shown(part)}`, { op, key })
}

export function checkPattern(pattern: unknown): asserts pattern is string {
  if (typeof pattern === 'string' && pattern !== '') return
  throw new InvalidArgumentError(`pattern must be a non-empty string, got ${shown(pattern)}`, { op: 'keys' })
}

/** The name of a section of a server's statistics. */
export function checkSection(section: unknown): asserts section is string | undefined {
  if (section === undefined || (typeof section === 'string' && /^[A-Za-z0-9_ ]+$/.test(section))) return
  throw new InvalidArgumentError(`section must be a word of the server's, got ${shown(section)}`, {
    op: 'serverStats',
  })
}
