import type { Encoded } from '@anycache/serializer'
import type { Loader, LoadOptions } from '../cache.js'
import { CacheError, InvalidArgumentError, located, type SerializationError, ServerError } from '../errors.js'
import { checkJitter } from '../input/settings.js'
import { shown } from '../input/shown.js'
import { ttlMs } from '../input/ttl.js'
import type { Call, StoredItem } from '../store.js'
import { now } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import { readItem } from '../verbs/reading.js'
import { sendWrite } from '../verbs/writing.js'
import type { Flight, Landed } from './flights.js'
import type { Load } from './load.js'
import { untilAborted } from './until-aborted.js'

export const loadOptionNames: readonly string[] = [
  'timeout',
  'onError',
  'ttl',
  'jitter',
  'force',
  'skipNull',
  'shouldCache',
  'signal',
  'onOutcome',
]

/** Throws unless every option of a `getOrSet` is of its type. */
export function checkLoadOptions(op: string, key: string | undefined, options: LoadOptions<never>): void {
  const { ttl, jitter, force, skipNull, shouldCache, signal, onOutcome } = options
  const refuse = (name: string, wanted: string, got: unknown): never => {
    throw new InvalidArgumentError(`${name} must be ${wanted}, got ${shown(got)}`, { op, key })
  }
  if (ttl !== undefined) ttlMs(ttl, op, key)
  if (jitter !== undefined) checkJitter(jitter, op)
  if (force !== undefined && typeof force !== 'boolean') refuse('force', 'true or false', force)
  if (skipNull !== undefined && typeof skipNull !== 'boolean') refuse('skipNull', 'true or false', skipNull)
  if (shouldCache !== undefined && typeof shouldCache !== 'function') refuse('shouldCache', 'a function', shouldCache)
  if (onOutcome !== undefined && typeof onOutcome !== 'function') refuse('onOutcome', 'a function', onOutcome)
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', 'an AbortSignal', signal)
}

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function readThrough<T>(
  namespace: Namespace,
  key: string,
  loader: Loader<T>,
  options: LoadOptions<T> | undefined,
): Promise<T> {
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const { flights } = namespace.root
  if (flights.size !== 0) {
    const flight = flights.get<T>(namespace.prefix + key)
    if (flight !== undefined) return join(namespace, flight, key, loader, options)
  }
  if (options?.force) return lead(namespace, key, loader, options, false)
  const read = readFirst(namespace, key, loader, options)
  return signal === undefined ? read : untilAborted(read, signal)
}

function readFirst<T>(
  namespace: Namespace,
  key: string,
  loader: Loader<T>,
  given: LoadOptions<T> | undefined,
): Promise<T> {
  let options = given
  const settle = (item: StoredItem | undefined): T | Promise<T> => {
    if (item === undefined) return loadOrJoin(namespace, key, loader, options, false)
    const value = namespace.decode('getOrSet', key, item)
    if (value instanceof Promise) {
      return value.then(late =>
        late === undefined
          ? loadOrJoin(namespace, key, loader, options, false)
          : hit(namespace, key, item, late as T, options),
      )
    }
    if (value === undefined) return loadOrJoin(namespace, key, loader, options, false)
    return hit(namespace, key, item, value as T, options)
  }
  const fail = (error: unknown): Promise<T> => {
    namespace.endure(error, 'getOrSet', key, options)
    return loadOrJoin(namespace, key, loader, options, true)
  }
  let answer: StoredItem | undefined | Promise<StoredItem | undefined>
  try {
    answer = readItem(namespace, key, namespace.call(options))
  } catch (error) {
    answer = Promise.reject(error)
  }
  if (answer instanceof Promise) {
    options = own(given)
    return answer.then(settle, fail)
  }
  try {
    return Promise.resolve(settle(answer))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** A copy of the options: the caller may change the object as soon as the call was made. */
function own<O extends object>(options: O | undefined): O | undefined {
  if (options === undefined) return undefined
  const copy: Record<string, unknown> = {}
  // With what they inherit, since that counts as given.
  for (const name in options) copy[name] = options[name]
  return copy as O
}

function hit<T>(namespace: Namespace, key: string, item: StoredItem, value: T, options: LoadOptions<T> | undefined): T {
  namespace.hit('getOrSet', key, item)
  options?.onOutcome?.({ source: 'hit', key, stored: true })
  return value
}

function loadOrJoin<T>(
  namespace: Namespace,
  key: string,
  loader: Loader<T>,
  options: LoadOptions<T> | undefined,
  outage: boolean,
): Promise<T> {
  // Everyone who had left by now has been told so; nobody is left to load for.
  if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
  const flight = namespace.root.flights.get<T>(namespace.prefix + key)
  if (flight !== undefined) return join(namespace, flight, key, loader, options)
  if (outage) namespace.miss('getOrSet', key, true)
  else namespace.absent('getOrSet', key)
  return lead(namespace, key, loader, options, outage)
}

async function join<T>(
  namespace: Namespace,
  flight: Flight<T>,
  key: string,
  loader: Loader<T>,
  options: LoadOptions<T> | undefined,
): Promise<T> {
  // Its loader waits, directly or not, for the one this call was made in. Loading twice is better than waiting for ever.
  if (flight.wouldDeadlock()) return lead(namespace, key, loader, options, false, true)
  namespace.root.signals.counts.joins++
  return land(await flight.join(options?.signal), 'joined', key, options)
}

async function lead<T>(
  namespace: Namespace,
  key: string,
  loader: Loader<T>,
  given: LoadOptions<T> | undefined,
  outage: boolean,
  nested = false,
): Promise<T> {
  const options = own(given)
  const run = (load: Load, flight: Flight<T>): Promise<Landed<T>> =>
    fly(namespace, load, flight, loader, options, outage)
  const id = namespace.prefix + key
  // Nested in a load of the same key: it stays unregistered, so that the outer one keeps its place.
  const flight = nested ? namespace.root.flights.startApart(id, key, run) : namespace.root.flights.start(id, key, run)
  return land(await flight.join(options?.signal), 'load', key, options)
}

async function land<T>(
  landed: Landed<T>,
  source: 'load' | 'joined',
  key: string,
  options: LoadOptions<T> | undefined,
): Promise<T> {
  const value = await landed.copy()
  options?.onOutcome?.({ source, key, stored: landed.stored })
  return value
}

/** Runs the loader, stores what it gave, and hands out copies of it. */
async function fly<T>(
  namespace: Namespace,
  load: Load,
  flight: Flight<T>,
  loader: Loader<T>,
  options: LoadOptions<T> | undefined,
  outage: boolean,
): Promise<Landed<T>> {
  const { key } = load
  const { signals } = namespace.root
  const value = await timed(namespace, load, loader)
  if (value === undefined) return { stored: false, copy: () => value }
  let encoded: Encoded
  try {
    encoded = await namespace.encode('getOrSet', key, value)
  } catch (error) {
    // The caller asked for the value; that it cannot be stored is the operator's business.
    signals.failed(error as SerializationError)
    return { stored: false, copy: () => value }
  }
  const copy = (): T | Promise<T> => namespace.copyOf(value, encoded)
  const wanted =
    load.storable && !(value === null && options?.skipNull === true) && options?.shouldCache?.(value) !== false
  if (!wanted || flight.superseded || namespace.closed || namespace.root.closed) return { stored: false, copy }
  const ttl = namespace.ttl(load.ttl ?? options?.ttl, 'getOrSet', key, options?.jitter)
  const writing = store(namespace, key, encoded, ttl, options)
  // The server did not answer the read: the caller has waited for it once and is not made to wait again.
  return { stored: outage ? false : await writing, copy }
}

async function timed<T>(namespace: Namespace, load: Load, loader: Loader<T>): Promise<T> {
  const { signals } = namespace.root
  const started = now()
  signals.counts.loads++
  let ok = false
  try {
    const value = await loader(load)
    ok = true
    return value
  } finally {
    if (!ok) signals.counts.loadErrors++
    if (signals.hasListeners) {
      const duration = now() - started
      signals.emit('load', { op: 'getOrSet', key: load.key, namespace: namespace.name, duration, ok })
    }
  }
}

/** Never rejects: a value that was loaded is returned whatever becomes of its write. */
async function store(
  namespace: Namespace,
  key: string,
  encoded: Encoded,
  ttl: number,
  options: LoadOptions<never> | undefined,
): Promise<boolean> {
  try {
    const call = (): Call => namespace.call(options)
    const written = await sendWrite(namespace, { op: 'getOrSet', key, encoded, ttl, when: 'always', call })
    return written.outcome === 'stored'
  } catch (error) {
    namespace.root.signals.failed(
      error instanceof CacheError
        ? located(error, 'getOrSet', key)
        : new ServerError(`the store failed: ${shown(error)}`, { op: 'getOrSet', key, cause: error }),
    )
    return false
  }
}
