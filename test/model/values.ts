import fc from 'fast-check'
import type { Value } from './model.js'

const kinds = ['text', 'count', 'object', 'null', 'fraction', 'bytes', 'large'] as const
export type Kind = (typeof kinds)[number]

/** Large values are encoded in other threads: what is called after them must wait. */
export const kind: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...kinds.filter(each => each !== 'large')) },
  { weight: 1, arbitrary: fc.constant('large' as const) },
)

/** The value of a kind that only this number has. */
export function valueLike(of: Kind, n: number): Value {
  switch (of) {
    case 'text':
      return `text ${n}`
    case 'count':
      return n
    case 'object':
      return { n }
    case 'null':
      return null
    case 'fraction':
      return n + 0.5
    case 'bytes':
      return Uint8Array.of(n & 255, n >> 8)
    case 'large':
      return `${n} ${'large '.repeat(12_000)}`
  }
}

export function isCounter(value: Value): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

/** Short enough for a report. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return [...part]
    if (part instanceof Uint8Array) return `bytes ${[...part].join(' ')}`
    if (part === undefined) return '(undefined)'
    return typeof part === 'string' && part.length > 40 ? `${part.slice(0, 12)}…` : part
  })
}
