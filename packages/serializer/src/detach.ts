import { EventEmitter } from 'node:events'
import { types } from 'node:util'
import { SerializationError } from './errors.js'
import type { Restoration } from './restoration.js'
import { hasOtherKeys, isJsonNumber } from './survey.js'

/** Plain data that JSON or V8 carries, and what must be restored in it. */
export type Detached = { value: unknown; isJson: boolean; restoration: Restoration | undefined }

// V8 reads and writes recursively: 1000 levels take more than half of Node's default stack.
const MAX_STRUCTURED_DEPTH = 1000

/**
 * A copy of the value as plain data: what toJSON returns, the own enumerable properties of class instances, builtins
 * as themselves. Throws ERR_CACHE_SERIALIZATION for functions, symbols and objects that only this process can hold,
 * saying where they are.
 */
export function detach(value: object): Detached {
  const detacher = new Detacher()
  const copy = detacher.whole(value)
  if (copy === undefined) throw new SerializationError('value.toJSON() returned undefined, which cannot be stored')
  if (!detacher.isJson && detacher.deepest > MAX_STRUCTURED_DEPTH) {
    throw new SerializationError(
      `the value is nested ${detacher.deepest} levels deep; the limit is ${MAX_STRUCTURED_DEPTH}`,
    )
  }
  const { isJson, restoration } = detacher
  return { value: copy, isJson, restoration: restoration.some(list => list.length > 0) ? restoration : undefined }
}

class Detacher {
  isJson = true
  deepest = 0
  readonly restoration: Restoration = [[], [], []]
  readonly #copies = new Map<object, unknown>()
  /** The steps to the current part. They become text only for an error: building it for each part took most of the time. */
  readonly #path: Step[] = []

  whole(value: object): unknown {
    try {
      return this.#copy(value, '')
    } catch (error) {
      if (error instanceof SerializationError || error instanceof RangeError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new SerializationError(`value${this.#where()} cannot be read: ${reason}`, { cause: error })
    }
  }

  #copy(value: unknown, key: string | number): unknown {
    switch (typeof value) {
      case 'function':
      case 'symbol':
        throw this.#refusal(`is a ${typeof value}`)
      case 'number':
        this.isJson &&= isJsonNumber(value)
        return value
      case 'bigint':
      case 'undefined':
        this.isJson = false
        return value
      case 'object':
        return value === null ? null : this.#copyObject(value, key)
      default:
        return value
    }
  }

  #copyObject(object: object, key: string | number): unknown {
    const known = this.#copies.get(object)
    if (known !== undefined) {
      this.isJson = false
      return known
    }
    const { toJSON } = object as { toJSON?: unknown }
    if (typeof toJSON !== 'function') {
      return Object.getPrototypeOf(object) === Object.prototype ? this.#record(object) : this.#builtin(object)
    }
    if (types.isDate(object) || Buffer.isBuffer(object)) return this.#builtin(object)
    const plain: unknown = toJSON.call(object, String(key))
    // Like JSON.stringify, do not call toJSON on its own result: it may return its own object.
    const copy = typeof plain === 'object' && plain !== null ? this.#builtin(plain) : this.#copy(plain, key)
    if (typeof copy === 'object' && copy !== null) this.#copies.set(object, copy)
    return copy
  }

  #builtin(object: object): unknown {
    if (Array.isArray(object)) return this.#array(object)
    if (types.isNativeError(object) || object instanceof Error) return this.#error(object)
    if (types.isMap(object)) return this.#map(object)
    if (types.isSet(object)) return this.#set(object)
    if (types.isDate(object)) return this.#leaf(object, new Date(object.getTime()))
    if (types.isRegExp(object)) return this.#regExp(object)
    if (ArrayBuffer.isView(object) || types.isArrayBuffer(object)) return this.#leaf(object, object)
    if (types.isBoxedPrimitive(object) && !types.isSymbolObject(object)) return this.#leaf(object, object)
    return this.#record(object)
  }

  /** An object without parts to copy. */
  #leaf<T extends object>(object: object, copy: T): T {
    this.isJson = false
    this.#copies.set(object, copy)
    return copy
  }

  #array(array: unknown[]): unknown[] {
    const copy: unknown[] = []
    this.#copies.set(array, copy)
    if (isDense(array)) {
      for (let index = 0; index < array.length; index++) copy.push(this.#property(array, index))
      return copy
    }
    this.isJson = false
    copy.length = array.length
    for (const key of Object.keys(array)) define(copy, key, this.#property(array, key))
    return copy
  }

  #record(object: object): Record<string, unknown> {
    const keys = Object.keys(object)
    const host = hostName(object, keys.length)
    if (host) throw this.#refusal(`is ${host}`)
    const copy: Record<string, unknown> = {}
    this.#copies.set(object, copy)
    if (Object.getPrototypeOf(object) === null) {
      this.isJson = false
      this.restoration[0].push(copy)
    }
    for (const key of keys) define(copy, key, this.#property(object, key))
    return copy
  }

  #map(map: ReadonlyMap<unknown, unknown>): Map<unknown, unknown> {
    const copy = this.#leaf(map, new Map<unknown, unknown>())
    for (const [key, value] of map) {
      copy.set(this.#item({ keyOf: key }, key), this.#item({ get: key }, value))
    }
    return copy
  }

  #set(set: ReadonlySet<unknown>): Set<unknown> {
    const copy = this.#leaf(set, new Set<unknown>())
    let index = 0
    for (const item of set) copy.add(this.#item({ item: index++ }, item))
    return copy
  }

  #regExp(pattern: RegExp): RegExp {
    const copy = this.#leaf(pattern, new RegExp(pattern.source, pattern.flags))
    if (pattern.lastIndex !== 0) this.restoration[2].push(copy, 'lastIndex', false, pattern.lastIndex)
    return copy
  }

  /** V8 keeps the message, the stack and the builtin class; the rest is restored. */
  #error(error: Error): Error {
    const className = nativeClassOf(error)
    const Native = className === 'AggregateError' ? Error : ERRORS[className]
    const hasMessage = typeof error.message === 'string' && (Object.hasOwn(error, 'message') || error.message !== '')
    const copy = this.#leaf(error, hasMessage ? new Native(error.message) : new Native())
    if (typeof error.stack === 'string') copy.stack = error.stack
    else delete copy.stack
    if (className === 'AggregateError') this.restoration[1].push(copy)

    const keys = new Set(Object.keys(error))
    if (hasMessage) keys.delete('message')
    keys.delete('stack')
    if (error.name !== className) keys.add('name')
    for (const key of ['cause', 'errors']) if (Object.hasOwn(error, key)) keys.add(key)
    for (const key of keys) {
      const part = this.#property(error, key)
      this.restoration[2].push(copy, key, Object.prototype.propertyIsEnumerable.call(error, key), part)
    }
    return copy
  }

  #property(owner: object, key: string | number): unknown {
    this.#enter(key)
    const copy = this.#copy((owner as Record<string | number, unknown>)[key], key)
    this.#path.pop()
    return copy
  }

  #item(step: Step, item: unknown): unknown {
    this.#enter(step)
    const copy = this.#copy(item, '')
    this.#path.pop()
    return copy
  }

  #enter(step: Step): void {
    this.#path.push(step)
    if (this.#path.length > this.deepest) this.deepest = this.#path.length
  }

  #where(): string {
    return this.#path.map(shownStep).join('')
  }

  #refusal(what: string): SerializationError {
    return new SerializationError(`value${this.#where()} ${what}; a cache holds data only`)
  }
}

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

/** By name along the prototypes, since an Error of another realm is not an `instanceof` of ours. */
function nativeClassOf(error: Error): keyof typeof ERRORS | 'AggregateError' {
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const name: unknown = prototype.constructor?.name
    if (name === 'AggregateError') return name
    if (typeof name === 'string' && Object.hasOwn(ERRORS, name)) return name as keyof typeof ERRORS
  }
  return 'Error'
}

/** What to call an object whose content is not in its own enumerable properties; undefined for plain data and classes. */
function hostName(object: object, keys: number): string | undefined {
  const prototype = Object.getPrototypeOf(object)
  if (prototype === null || prototype === Object.prototype) return undefined
  if (object instanceof EventEmitter || object instanceof EventTarget) return 'an event emitter or a stream'
  const tag: unknown = (object as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  if (types.isPromise(object)) return 'a promise that was not awaited'
  if (keys === 0 && typeof tag === 'string') return `a host object (${String(tag)})`
  if (types.isSharedArrayBuffer(object) || types.isSymbolObject(object) || types.isKeyObject(object))
    return 'a host object'
  if (keys === 0 && types.isProxy(object)) return 'a Proxy'
  return undefined
}

function define(object: object, key: string, value: unknown): void {
  if (key !== '__proto__') (object as Record<string, unknown>)[key] = value
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

/** True for an array that JSON writes completely: no holes, and no keys other than its elements. */
function isDense(array: readonly unknown[]): boolean {
  if (hasOtherKeys(array)) return false
  // A hole and another key together.
  for (let index = 0; index < array.length; index++) if (array[index] === undefined && !(index in array)) return false
  return true
}

/** A key of an object or array, or a place in a Map or Set. */
type Step = string | number | { keyOf: unknown } | { get: unknown } | { item: number }

function shownStep(step: Step): string {
  if (typeof step === 'object') {
    if ('item' in step) return `<item ${step.item}>`
    return 'get' in step ? `.get(${shownKey(step.get)})` : `<key ${shownKey(step.keyOf)}>`
  }
  if (typeof step === 'number' || /^\d+$/.test(step)) return `[${step}]`
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${shortened(step)}` : `[${JSON.stringify(shortened(step))}]`
}

function shownKey(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(shortened(key)) : typeof key
}

function shortened(key: string): string {
  return key.length > 40 ? `${key.slice(0, 40)}…` : key
}
