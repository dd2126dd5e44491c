import type { Cache } from '../cache.js'
import { InvalidArgumentError } from '../errors.js'
import type { StandardSchema } from '../schema.js'
import { isRecord, noOptions, unknownOption } from './options.js'
import { readThroughChecks } from './read-through-options.js'
import { shown } from './shown.js'
import { tagsOf } from './tags.js'
import { maxTtl, milliseconds, ttlMs } from './ttl.js'

/** Throws `InvalidArgumentError` for a value that the option does not take. */
type Check = (value: unknown, name: string, op: string | undefined, key: string | undefined) => unknown

/** The options of a verb, each with what it takes: names, nearest names and checks in one table. */
interface OptionTable {
  readonly names: readonly string[]
  readonly checks: ReadonlyMap<string, Check>
}

/** Throws unless every option that is given is in the table and passes its check; `undefined` counts as not given. */
export function checkTable(
  where: string,
  options: unknown,
  { names, checks }: OptionTable,
  op?: string,
  key?: string,
): void {
  if (!isRecord(options)) throw noOptions(where, options, names, op)
  for (const name in options) {
    const check = checks.get(name)
    if (check === undefined) throw unknownOption(where, name, names, op)
    const value = options[name]
    if (value !== undefined) check(value, name, op, key)
  }
}

export function checkTtl(ttl: unknown, _name?: string, op?: string, key?: string): void {
  // The common case, and the verb converts it once more.
  if (typeof ttl === 'number' && ttl >= 1 && ttl <= maxTtl) return
  ttlMs(ttl, op, key)
}

export function checkJitter(jitter: unknown, _name?: string, op?: string): void {
  if (typeof jitter === 'number' && jitter >= 0 && jitter <= 1) return
  throw new InvalidArgumentError(`jitter must be a share of the ttl from 0 to 1, got ${shown(jitter)}`, { op })
}

export function checkOnError(onError: unknown, _name?: string, op?: string): void {
  if (onError === 'open' || onError === 'throw') return
  throw new InvalidArgumentError(`onError must be "open" or "throw", got ${shown(onError)}`, { op })
}

/** Throws unless the value is a whole number that a counter can hold. */
export function checkCount(value: unknown, name: string, op?: string, key?: string): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  throw new InvalidArgumentError(`${name} must be a whole number from 0 to 2^53−1, got ${shown(value)}`, { op, key })
}

export function checkFunction(value: unknown, name: string, op?: string, key?: string): void {
  if (typeof value !== 'function') throw wrongType(value, name, 'a function', op, key)
}

export function checkBoolean(value: unknown, name: string, op?: string, key?: string): void {
  if (typeof value !== 'boolean') throw wrongType(value, name, 'true or false', op, key)
}

function checkSignal(value: unknown, name: string, op?: string, key?: string): void {
  if (!(value instanceof AbortSignal)) throw wrongType(value, name, 'an AbortSignal', op, key)
}

function checkTags(tags: unknown, _name?: string, op?: string, key?: string): void {
  tagsOf(tags, op ?? '', key)
}

/** How long to wait for a lock: 0, or a duration. */
function checkWait(value: unknown, name: string, op?: string, key?: string): void {
  if (value !== 0) milliseconds(value, name, op, key, '0, ')
}

/** Throws unless it is a schema of Standard Schema. */
export function checkSchema(value: unknown, name: string, op?: string, key?: string): void {
  const standard = (value as Partial<StandardSchema> | null | undefined)?.['~standard']
  if (typeof standard?.validate === 'function') return
  throw wrongType(value, name, 'a schema of Standard Schema, such as one of zod, valibot or arktype', op, key)
}

function wrongType(value: unknown, name: string, wanted: string, op?: string, key?: string): InvalidArgumentError {
  return new InvalidArgumentError(`${name} must be ${wanted}, got ${shown(value)}`, { op, key })
}

export function optionTable(checks: Readonly<Record<string, Check>>): OptionTable {
  return { names: Object.keys(checks), checks: new Map(Object.entries(checks)) }
}

const call = { timeout: milliseconds, onError: checkOnError }
const write = { ...call, ttl: checkTtl, tags: checkTags }
const load = {
  ...write,
  ...readThroughChecks,
  jitter: checkJitter,
  force: checkBoolean,
  shouldCache: checkFunction,
  schema: checkSchema,
  signal: checkSignal,
  onOutcome: checkFunction,
}

const callOptions = optionTable(call)
const writeOptions = optionTable(write)
const loadOptions = optionTable(load)
const countOptions = optionTable({ ...call, ttl: checkTtl, initial: checkCount, create: checkBoolean })

/** A method of {@link Cache} that takes options. */
export type Verb = Exclude<
  keyof Cache,
  'typed' | 'namespace' | 'on' | 'stats' | 'info' | 'close' | typeof Symbol.asyncDispose
>

/** What each verb takes. */
const verbOptions: Readonly<Record<Verb, OptionTable>> = {
  get: callOptions,
  getMany: callOptions,
  getEntry: callOptions,
  has: callOptions,
  set: writeOptions,
  setMany: writeOptions,
  add: writeOptions,
  replace: writeOptions,
  compareAndSet: writeOptions,
  update: writeOptions,
  append: writeOptions,
  prepend: writeOptions,
  touch: callOptions,
  increment: countOptions,
  decrement: countOptions,
  take: callOptions,
  delete: callOptions,
  deleteMany: callOptions,
  clear: callOptions,
  flush: callOptions,
  invalidateTags: callOptions,
  lock: optionTable({ ...call, ttl: milliseconds, wait: checkWait, signal: checkSignal }),
  getOrSet: loadOptions,
  getOrSetMany: loadOptions,
  wrap: optionTable({ key: checkFunction, ...load }),
  keyFor: callOptions,
  keys: callOptions,
  serverStats: callOptions,
  ping: callOptions,
}

/** Throws unless the options are as the verb takes them. */
export function checkVerbOptions(verb: Verb, options: unknown, key?: string): void {
  checkTable(verb, options, verbOptions[verb], verb, key)
}

/** Throws unless the options are what every call takes. `op`: a method of something that a cache gave out. */
export function checkCallOptions(op: string, options: unknown, key: string): void {
  checkTable(op, options, callOptions, op, key)
}
