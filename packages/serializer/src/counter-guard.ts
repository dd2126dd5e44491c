/*
 * memcached's incr and decr ignore flags and read a prefix of the payload by strtoull: blanks, a sign, digits, and
 * then a blank, a NUL or the end. "12 monkeys", "007", " 41" and "+41" all count there. Such text and bytes are stored
 * behind one guard byte, so that the server counts only what is a number to us.
 *
 *   "12 monkeys"  ->  flags 32, payload  27 31 32 20 6d ...      (0x27 is "'")
 */
const QUOTE = 0x27
const NUL = 0x00
const PLUS = 0x2b
const MINUS = 0x2d

/** True if memcached could take the payload for a counter. For most text, checking the first character is enough. */
export function needsGuard(payload: string | Uint8Array): boolean {
  const first = codeAt(payload, 0)
  if (!isBlank(first) && !isDigit(first) && first !== PLUS && first !== MINUS) return false
  // A loop, since a regular expression needs a backtracking stack as long as the run of digits.
  let at = 0
  while (isBlank(codeAt(payload, at))) at++
  if (codeAt(payload, at) === PLUS || codeAt(payload, at) === MINUS) at++
  const digits = at
  while (isDigit(codeAt(payload, at))) at++
  if (at === digits) return false
  return at === payload.length || codeAt(payload, at) === NUL || isBlank(codeAt(payload, at))
}

/** A copy of the payload behind the guard byte. */
export function guarded(payload: Uint8Array): Uint8Array {
  const copy = new Uint8Array(payload.length + 1)
  copy[0] = QUOTE
  copy.set(payload, 1)
  return copy
}

/** The payload without its guard byte, undefined if that is missing. */
export function unguarded(payload: string | Uint8Array): string | Uint8Array | undefined {
  if (codeAt(payload, 0) !== QUOTE) return undefined
  return typeof payload === 'string' ? payload.slice(1) : payload.subarray(1)
}

function codeAt(payload: string | Uint8Array, at: number): number {
  return typeof payload === 'string' ? payload.charCodeAt(at) : (payload[at] ?? Number.NaN)
}

/** C's isspace in the C locale: tab, line feed, vertical tab, form feed, carriage return, space. */
function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
