import { inspect, types } from 'node:util'

/** JSON carries the value exactly. */
export const JSON_CARRIES = 0
/** V8's structured clone carries the value exactly. */
export const V8_CARRIES = 1
/** Neither does, or a cheap look cannot tell: see detach.ts. */
export const UNSURE = 2

export type Verdict = typeof JSON_CARRIES | typeof V8_CARRIES | typeof UNSURE

// What is deeper or larger is looked at again with a memory of what was seen: it may be a cycle, or a small value that
// names the same object so often that JSON would never end.
const MAX_DEPTH = 500
const MAX_OBJECTS = 50_000

let objectsLeft = 0

/** What carries the value, found at a fraction of JSON.stringify's cost: nothing is remembered or copied. */
export function survey(value: object): Verdict {
  objectsLeft = MAX_OBJECTS
  try {
    return ofObject(value, 0)
  } catch {
    // A getter threw: detach.ts says where.
    return UNSURE
  }
}

function ofObject(value: object, depth: number): Verdict {
  if (depth > MAX_DEPTH || --objectsLeft < 0) return UNSURE
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return ofRecord(value as Record<string, unknown>, depth)
  if (Array.isArray(value)) return prototype === Array.prototype ? ofArray(value, depth) : UNSURE
  if (prototype === Map.prototype && types.isMap(value))
    return ofCollection([...value.keys(), ...value.values()], depth)
  if (prototype === Set.prototype && types.isSet(value)) return ofCollection([...value], depth)
  if (ArrayBuffer.isView(value)) return V8_CARRIES
  if (prototype === Date.prototype && types.isDate(value)) return V8_CARRIES
  return UNSURE
}

function ofRecord(record: Record<string, unknown>, depth: number): Verdict {
  // JSON.stringify asks a function under this name, also where it is inherited or not enumerable.
  if (record.toJSON !== undefined) return UNSURE
  let verdict: Verdict = JSON_CARRIES
  for (const key in record) {
    const child = record[key]
    if (typeof child === 'string' || (typeof child === 'number' && isJsonNumber(child))) continue
    const found = ofValue(child, depth)
    if (found === UNSURE) return UNSURE
    if (found > verdict) verdict = found
  }
  return verdict
}

function ofArray(array: readonly unknown[], depth: number): Verdict {
  return hasOtherKeys(array) ? UNSURE : ofItems(array, depth)
}

function ofCollection(items: readonly unknown[], depth: number): Verdict {
  return ofItems(items, depth) === UNSURE ? UNSURE : V8_CARRIES
}

function ofItems(items: readonly unknown[], depth: number): Verdict {
  let verdict: Verdict = JSON_CARRIES
  for (let index = 0; index < items.length; index++) {
    const child = items[index]
    if (typeof child === 'string' || (typeof child === 'number' && isJsonNumber(child))) continue
    // Four thousand million holes are one look to detach.ts, which goes by keys.
    if (child === undefined && !(index in items)) return UNSURE
    const found = ofValue(child, depth)
    if (found === UNSURE) return UNSURE
    if (found > verdict) verdict = found
  }
  return verdict
}

function ofValue(value: unknown, depth: number): Verdict {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON_CARRIES
    case 'number':
      return isJsonNumber(value) ? JSON_CARRIES : V8_CARRIES
    case 'object':
      return value === null ? JSON_CARRIES : ofObject(value, depth + 1)
    case 'undefined':
    case 'bigint':
      return V8_CARRIES
    default:
      return UNSURE
  }
}

/** Finite and not −0. Strings need no such look: JSON.stringify escapes lone surrogates, and JSON.parse restores them. */
export function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0)
}

// inspect()'s cost does not grow with the array: 1.4 µs, where the values of 20 000 elements take 230, as long as their JSON.
const MANY = 512
const NO_ELEMENTS = { maxArrayLength: 0, depth: 0, customInspect: false, breakLength: Number.POSITIVE_INFINITY }

/** True for an array with keys beside its elements (what String.prototype.match returns), which JSON would lose, or with holes. */
function hasOtherKeys(array: readonly unknown[]): boolean {
  const { length } = array
  if (length > MANY && inspect(array, NO_ELEMENTS) === `[ ... ${length} more items ]`) return false
  return Object.values(array).length !== length
}
