import { EventEmitter } from 'node:events'
import { inspect, types } from 'node:util'

/** JSON carries the value exactly. */
export const JSON_CARRIES = 0
/** V8's structured clone carries the value exactly. */
export const V8_CARRIES = 1
/** Neither does, or a cheap check cannot tell: see detach.ts. */
export const UNSURE = 2

export type Verdict = typeof JSON_CARRIES | typeof V8_CARRIES | typeof UNSURE

/** A check without a memory cannot continue: it may be in a cycle. */
const LOOK_AGAIN = 3

type Found = Verdict | typeof LOOK_AGAIN

const MAX_DEPTH = 500
const MAX_OBJECTS = 50_000

/** Objects visited so far. */
let met = 0
/** The objects to recognise. Most values are small and shallow, and need none. */
let memory: Memory | undefined

/** Finds what can carry the value at a fraction of JSON.stringify's cost: it copies nothing and remembers little. */
export function survey(value: object): Verdict {
  // A getter may encode a value of its own.
  const outer = memory
  try {
    memory = undefined
    met = 0
    let found = ofObject(value, 0)
    if (found === LOOK_AGAIN) {
      memory = new Memory()
      found = ofObject(value, 0)
    }
    return found === LOOK_AGAIN ? UNSURE : found
  } catch {
    // A getter threw: detach.ts says where.
    return UNSURE
  } finally {
    memory = outer
  }
}

/**
 * Just enough to terminate: the objects that enclose the current one, and those that held many. An object that holds few is checked,
 * and written to JSON, each time it is referenced. Remembering every object in a Set would take longer than JSON.stringify.
 */
class Memory {
  readonly #within: object[] = []
  readonly #large = new Set<object>()

  has(value: object, depth: number): boolean {
    for (let level = 0; level < depth; level++) if (this.#within[level] === value) return true
    return this.#large.has(value)
  }

  enter(value: object, depth: number): void {
    this.#within[depth] = value
  }

  leave(value: object, held: number): void {
    if (held >= MANY_OBJECTS) this.#large.add(value)
  }
}

const MANY_OBJECTS = 16

function ofObject(value: object, depth: number): Found {
  if (memory === undefined) {
    if (depth > MAX_DEPTH) return LOOK_AGAIN
    if (++met <= MAX_OBJECTS) return ofParts(value, depth)
    memory = new Memory()
  }
  if (depth > MAX_DEPTH) return UNSURE
  // V8 writes the object once, and handles cycles.
  if (memory.has(value, depth)) return V8_CARRIES
  memory.enter(value, depth)
  const before = met++
  const found = ofParts(value, depth)
  memory?.leave(value, met - before)
  return found
}

function ofParts(value: object, depth: number): Found {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return ofRecord(value as Record<string, unknown>, depth)
  if (Array.isArray(value)) return prototype === Array.prototype ? ofArray(value, depth) : UNSURE
  if (prototype === Map.prototype && types.isMap(value))
    return Math.max(V8_CARRIES, ofEach(value.keys(), depth), ofEach(value.values(), depth)) as Found
  if (prototype === Set.prototype && types.isSet(value)) return Math.max(V8_CARRIES, ofEach(value, depth)) as Found
  if (ArrayBuffer.isView(value)) return V8_CARRIES
  if (prototype === Date.prototype && types.isDate(value)) return V8_CARRIES
  // An object without properties may be one that only this process can hold.
  if (prototype !== null && isClass(prototype) && Object.keys(value).length > 0)
    return ofRecord(value as Record<string, unknown>, depth)
  return UNSURE
}

// Their instances hold more than their properties. Other builtins, and those of the platform, have a toStringTag.
const BUILTINS: ReadonlySet<object> = new Set(
  [Array, Boolean, Date, Error, EventEmitter, Function, Number, RegExp, String].map(({ prototype }) => prototype),
)
const classes = new WeakMap<object, boolean>()

/** True for the prototype of an application's class of this realm, whose instances JSON and V8 write as plain objects. */
function isClass(prototype: object): boolean {
  let known = classes.get(prototype)
  if (known === undefined) {
    let above: object | null = Symbol.toStringTag in prototype ? null : prototype
    while (above !== null && above !== Object.prototype)
      above = BUILTINS.has(above) ? null : Object.getPrototypeOf(above)
    known = above !== null
    classes.set(prototype, known)
  }
  return known
}

function ofRecord(record: Record<string, unknown>, depth: number): Found {
  // JSON.stringify calls a function of this name, even an inherited or non-enumerable one.
  if (record.toJSON !== undefined) return UNSURE
  let verdict: Found = JSON_CARRIES
  for (const key in record) {
    const child = record[key]
    if (typeof child === 'string' || (typeof child === 'number' && isJsonNumber(child))) continue
    const found = ofValue(child, depth)
    if (found >= UNSURE) return found
    if (found > verdict) verdict = found
  }
  return verdict
}

function ofArray(array: readonly unknown[], depth: number): Found {
  if (hasOtherKeys(array)) return UNSURE
  let verdict: Found = JSON_CARRIES
  for (let index = 0; index < array.length; index++) {
    const child = array[index]
    if (typeof child === 'string' || (typeof child === 'number' && isJsonNumber(child))) continue
    // A sparse array may have 2^32 holes; detach.ts walks keys, so leave it to that.
    if (child === undefined && !(index in array)) return UNSURE
    const found = ofValue(child, depth)
    if (found >= UNSURE) return found
    if (found > verdict) verdict = found
  }
  return verdict
}

function ofEach(items: Iterable<unknown>, depth: number): Found {
  let verdict: Found = JSON_CARRIES
  for (const item of items) {
    const found = ofValue(item, depth)
    if (found >= UNSURE) return found
    if (found > verdict) verdict = found
  }
  return verdict
}

function ofValue(value: unknown, depth: number): Found {
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

/** Finite and not −0. Strings need no check: JSON.stringify escapes lone surrogates, and JSON.parse restores them. */
export function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0)
}

// inspect()'s cost does not grow with the array: 1.4 µs, where Object.values of 20 000 elements takes 230, as long as their JSON.
const MANY = 512
const NO_ELEMENTS = { maxArrayLength: 0, depth: 0, customInspect: false, breakLength: Number.POSITIVE_INFINITY }

/** True for an array with holes, or with keys other than its elements (as String.prototype.match returns), which JSON would lose. */
export function hasOtherKeys(array: readonly unknown[]): boolean {
  const { length } = array
  if (length > MANY && inspect(array, NO_ELEMENTS) === `[ ... ${length} more items ]`) return false
  return Object.values(array).length !== length
}
