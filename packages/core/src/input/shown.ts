import { inspect } from 'node:util'

/** A value as an error message shows it: short, on one line. Of an object only its kind, and of a URL no login: they may hold secrets. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value).replace(/:\/\/[^/?#]*@/, '://***@')
      : inspect(value, { depth: -1, customInspect: false }).replace(/\s+/g, ' ')
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
