import type { Cache, CacheInfo, Lock, TypedCache } from './cache.js'
import { type CacheEvents, checkEvent } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import { checkEntries, checkPart, checkPattern, checkSection } from './input/arguments.js'
import { checkKey, checkKeys, checkNamespace } from './input/keys.js'
import { checkFunction, checkSchema, type Verb } from './input/option-checks.js'
import { tagNames } from './input/tags.js'
import { type Ttl, ttlMs } from './input/ttl.js'
import { versionOf } from './input/typed-options.js'
import type { LoadedMany, Loader, ManyLoader } from './loader.js'
import type {
  CallOptions,
  CountingOptions,
  CountOptions,
  LoadOptions,
  LockOptions,
  TypedOptions,
  WriteOptions,
} from './options.js'
import type { Flights } from './read-through/flights.js'
import { getOrSet } from './read-through/get-or-set.js'
import { getOrSetMany } from './read-through/get-or-set-many.js'
import { requireMarks } from './read-through/windows.js'
import { wrapped } from './read-through/wrap.js'
import type { StandardSchema } from './schema.js'
import type { Answer, CasToken, Condition, ServerStats } from './store.js'
import { count } from './verbs/counting.js'
import { infoOf, listKeys, pingServers, statsOfServers, wireKeyOf } from './verbs/inspecting.js'
import { invalidateTags } from './verbs/invalidating.js'
import { acquireLock } from './verbs/locking.js'
import type { Namespace } from './verbs/namespace.js'
import { readEntry, readMany, readValue, takeValue } from './verbs/reading.js'
import { clearNamespace, flushAll, removeOne, removeSeveral } from './verbs/removing.js'
import { setValue, setValues } from './verbs/setting.js'
import { touchEntry } from './verbs/touching.js'
import { join, update } from './verbs/updating.js'
import { writeIf } from './verbs/writing.js'

type KeyVerb<T> = (namespace: Namespace) => Answer<T>

/** The one implementation of {@link Cache}: checks what it is given, then hands each verb to the module that holds it. */
export class StoreCache implements Cache {
  readonly #namespace: Namespace
  readonly #flights: Flights
  readonly #onClose: (() => Promise<void>) | undefined
  #closing: Promise<void> | undefined

  constructor(namespace: Namespace, flights: Flights, onClose: (() => Promise<void>) | undefined) {
    this.#namespace = namespace
    this.#flights = flights
    this.#onClose = onClose
  }

  /** Checks options and arguments, then runs the verb. What either throws is a rejection. */
  #checked<T>(op: Verb, options: CallOptions | undefined, run: KeyVerb<T>, key?: unknown): Promise<T> {
    const namespace = this.#namespace
    try {
      namespace.check(op, options, key)
      const answer = run(namespace)
      return answer instanceof Promise ? answer : Promise.resolve(answer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #onKey<T>(op: Verb, key: string, options: CallOptions | undefined, run: KeyVerb<T>): Promise<T> {
    const runOnKey = (namespace: Namespace): Answer<T> => {
      checkKey(key, op)
      return run(namespace)
    }
    return this.#checked(op, options, runOnKey, key)
  }

  get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    try {
      this.#namespace.check('get', options)
      checkKey(key, 'get')
    } catch (error) {
      return Promise.reject(error)
    }
    return readValue(this.#namespace, 'get', key, options)
  }

  getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    return this.#checked('getMany', options, namespace => {
      const distinct = checkKeys(keys, 'getMany')
      return distinct.length === 0 ? new Map() : readMany(namespace, 'getMany', distinct, options)
    })
  }

  getEntry<T>(key: string, options?: CallOptions): Promise<{ value: T; casToken: CasToken } | undefined> {
    return this.#onKey('getEntry', key, options, namespace => readEntry<T>(namespace, key, options))
  }

  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.#onKey('has', key, options, namespace =>
      readValue(namespace, 'has', key, options).then(value => value !== undefined),
    )
  }

  set(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    try {
      this.#namespace.check('set', options, key)
      checkKey(key, 'set')
      return setValue(this.#namespace, key, value, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  setMany(entries: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<string[]> {
    return this.#checked('setMany', options, namespace => {
      const list = checkEntries(entries)
      return list.length === 0 ? [] : setValues(namespace, list, options)
    })
  }

  add(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    return this.#write('add', key, value, 'absent', options).then(outcome => outcome === 'stored')
  }

  replace(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    return this.#write('replace', key, value, 'present', options).then(outcome => outcome === 'stored')
  }

  compareAndSet(
    key: string,
    value: unknown,
    casToken: CasToken,
    options?: WriteOptions,
  ): Promise<'stored' | 'conflict' | 'missing'> {
    return this.#write('compareAndSet', key, value, { casToken }, options) as Promise<'stored' | 'conflict' | 'missing'>
  }

  #write(
    op: 'add' | 'replace' | 'compareAndSet',
    key: string,
    value: unknown,
    when: Exclude<Condition, 'always'>,
    options: WriteOptions | undefined,
  ): Promise<'stored' | 'exists' | 'missing' | 'conflict'> {
    return this.#onKey(op, key, options, namespace => writeIf(namespace, op, key, value, when, options))
  }

  update<T>(
    key: string,
    change: (current: T | undefined) => T | undefined | Promise<T | undefined>,
    options?: WriteOptions,
  ): Promise<T | undefined> {
    return this.#onKey('update', key, options, namespace => {
      checkFunction(change, 'change', 'update', key)
      return update(namespace, key, change, options)
    })
  }

  append(key: string, suffix: string | Uint8Array, options?: WriteOptions): Promise<boolean> {
    return this.#join('append', key, suffix, options)
  }

  prepend(key: string, prefix: string | Uint8Array, options?: WriteOptions): Promise<boolean> {
    return this.#join('prepend', key, prefix, options)
  }

  #join(
    op: 'append' | 'prepend',
    key: string,
    part: string | Uint8Array,
    options: WriteOptions | undefined,
  ): Promise<boolean> {
    return this.#onKey(op, key, options, namespace => {
      checkPart(part, op, key)
      return join(namespace, op, key, part, options)
    })
  }

  touch(key: string, ttl: Ttl, options?: CallOptions): Promise<boolean> {
    return this.#onKey('touch', key, options, namespace => {
      const ms = namespace.ttl(ttlMs(ttl, 'touch', key), 'touch', key)
      return touchEntry(namespace, key, ms, options)
    })
  }

  increment(key: string, by?: number, options?: CountingOptions): Promise<number>
  increment(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  increment(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    return this.#count('increment', key, by, options)
  }

  decrement(key: string, by?: number, options?: CountingOptions): Promise<number>
  decrement(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  decrement(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    return this.#count('decrement', key, by, options)
  }

  #count(op: 'increment' | 'decrement', key: string, by: number, options?: CountOptions): Promise<number | undefined> {
    return this.#onKey(op, key, options, namespace => count(namespace, op, key, by, options))
  }

  take<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    return this.#onKey('take', key, options, namespace => takeValue<T>(namespace, key, options))
  }

  delete(key: string, options?: CallOptions): Promise<boolean> {
    return this.#onKey('delete', key, options, namespace => removeOne(namespace, key, options))
  }

  deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    return this.#checked('deleteMany', options, namespace => {
      const distinct = checkKeys(keys, 'deleteMany')
      return distinct.length === 0 ? 0 : removeSeveral(namespace, distinct, options)
    })
  }

  clear(options?: CallOptions): Promise<void> {
    return this.#checked('clear', options, namespace => clearNamespace(namespace, options))
  }

  flush(options?: CallOptions): Promise<void> {
    return this.#checked('flush', options, namespace => flushAll(namespace, options))
  }

  // Whatever a loader takes its old value for, that is what it is handed: the schema, or the caller who names the type, says so.
  getOrSet<T>(key: string, loader: (context: never) => T | Promise<T>, options?: LoadOptions<T>): Promise<T> {
    try {
      this.#namespace.check('getOrSet', options, key)
      checkKey(key, 'getOrSet')
      checkFunction(loader, 'loader', 'getOrSet', key)
      if (options !== undefined) requireMarks(this.#namespace, 'getOrSet', key, options)
    } catch (error) {
      return Promise.reject(error)
    }
    return getOrSet({
      namespace: this.#checkedBy(options),
      flights: this.#flights,
      op: 'getOrSet',
      key,
      loader: loader as Loader<T>,
      options,
      repeat: getOrSet,
    })
  }

  getOrSetMany<T>(
    keys: Iterable<string>,
    loader: (missing: readonly string[], context: never) => LoadedMany<T> | Promise<LoadedMany<T>>,
    options?: LoadOptions<T>,
  ): Promise<Map<string, T>> {
    return this.#checked('getOrSetMany', options, () => {
      const distinct = checkKeys(keys, 'getOrSetMany')
      checkFunction(loader, 'loader', 'getOrSetMany')
      if (options !== undefined) requireMarks(this.#namespace, 'getOrSetMany', undefined, options)
      if (distinct.length === 0) return new Map()
      return getOrSetMany({
        namespace: this.#checkedBy(options),
        flights: this.#flights,
        keys: distinct,
        loader: loader as ManyLoader<T>,
        options,
      })
    })
  }

  /** The namespace with the schema of a load. */
  #checkedBy<T>(options: LoadOptions<T> | undefined): Namespace {
    return options?.schema === undefined ? this.#namespace : this.#namespace.withSchema(options.schema)
  }

  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: (...args: A) => string },
  ): (...args: A) => Promise<T> {
    checkFunction(fn, 'fn', 'wrap')
    this.#namespace.check('wrap', options)
    return wrapped(this, fn, options)
  }

  invalidateTags(tags: string | readonly string[], options?: CallOptions): Promise<void> {
    return this.#checked('invalidateTags', options, namespace => {
      const distinct = tagNames(tags, 'invalidateTags')
      return distinct.length === 0 ? undefined : invalidateTags(namespace, distinct, options)
    })
  }

  lock(key: string, options?: LockOptions): Promise<Lock | undefined> {
    return this.#onKey('lock', key, options, namespace => acquireLock(namespace, key, options))
  }

  typed<Input, Output>(schema: StandardSchema<Input, Output>, options?: TypedOptions): TypedCache<Input, Output> {
    checkSchema(schema, 'schema', 'typed')
    const version = versionOf(options)
    this.#namespace.checkOpen('typed')
    const cache: Cache = new StoreCache(this.#namespace.typed(schema, version), this.#flights, undefined)
    return cache as TypedCache<Input, Output>
  }

  namespace(name: string): Cache {
    checkNamespace(name)
    this.#namespace.checkOpen('namespace')
    return new StoreCache(this.#namespace.nested(name), this.#flights, undefined)
  }

  keyFor(key: string, options?: CallOptions): Promise<string> {
    return this.#onKey('keyFor', key, options, namespace => wireKeyOf(namespace, key, options))
  }

  async *keys(pattern: string = '*', options?: CallOptions): AsyncGenerator<string, void, undefined> {
    this.#namespace.check('keys', options)
    checkPattern(pattern)
    yield* listKeys(this.#namespace, pattern, options)
  }

  on<E extends keyof CacheEvents>(event: E, listener: (detail: CacheEvents[E]) => void): () => void {
    checkEvent(event)
    checkFunction(listener, 'listener', 'on')
    return this.#namespace.root.signals.on(event, listener)
  }

  stats(): CacheStats {
    return { ...this.#namespace.root.signals.counts }
  }

  serverStats(section?: string, options?: CallOptions): Promise<ServerStats[]> {
    return this.#checked('serverStats', options, namespace => {
      checkSection(section)
      return statsOfServers(namespace, section, options)
    })
  }

  ping(options?: CallOptions): Promise<void> {
    return this.#checked('ping', options, namespace => pingServers(namespace, options))
  }

  info(): CacheInfo {
    return infoOf(this.#namespace)
  }

  close(): Promise<void> {
    // A nested namespace closes for itself; the connections are its parent's.
    this.#namespace.closed = true
    this.#closing ??= this.#onClose?.() ?? this.#namespace.root.order.settled()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
