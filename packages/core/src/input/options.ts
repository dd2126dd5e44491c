import { type CacheError, InvalidArgumentError } from '../errors.js'
import { shown } from './shown.js'

/** Throws `InvalidArgumentError` unless `options` is an object whose every property is `known`; names the nearest known one. `op`: the verb they were given to. */
export function checkOptions(where: string, options: unknown, known: readonly string[], op?: string): void {
  if (!isRecord(options)) throw noOptions(where, options, known, op)
  for (const name in options) if (!known.includes(name)) throw unknownOption(where, name, known, op)
}

export function isRecord(options: unknown): options is Record<string, unknown> {
  return typeof options === 'object' && options !== null && !Array.isArray(options)
}

export function noOptions(where: string, options: unknown, known: readonly string[], op?: string): CacheError {
  const message = `${where}: options must be an object, got ${shown(options)}; it takes ${known.join(', ')}`
  return new InvalidArgumentError(message, { op })
}

export function unknownOption(where: string, name: string, known: readonly string[], op?: string): CacheError {
  const near = nearest(name, known)
  const wayOut = near === undefined ? `it takes ${known.join(', ')}` : `did you mean "${near}"?`
  return new InvalidArgumentError(`${where}: unknown option ${shown(name)}; ${wayOut}`, { op })
}

/** The known name closest to a misspelt one, if one is close: a third of its letters may differ. Two swapped letters count once (Damerau 1964, Levenshtein 1966). */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let beforeThat: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (beforeThat[j - 2] as number) + 1 : substituted
      row.push(Math.min(substituted, swapped, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    beforeThat = previous
    previous = row
  }
  return previous[b.length] as number
}
