import type { Encoded } from '@anycache/serializer'
import type {
  Cache,
  CacheInfo,
  CallOptions,
  CountingOptions,
  CountOptions,
  Loader,
  LoadOptions,
  WriteOptions,
} from './cache.js'
import { type CacheEvents, checkEvent } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import { checkCasToken, checkEntries, checkPart, checkPattern, checkSection } from './input/arguments.js'
import { checkKey, checkKeys, checkNamespace } from './input/keys.js'
import {
  callOptions,
  checkFunction,
  countOptions,
  loadOptions,
  type OptionTable,
  wrapOptions,
  writeOptions,
} from './input/option-checks.js'
import { type Ttl, ttlMs } from './input/ttl.js'
import type { Flights } from './read-through/flights.js'
import { getOrSet } from './read-through/get-or-set.js'
import type { Answer, CasToken, Condition, ServerStats } from './store.js'
import { count } from './verbs/counting.js'
import { listKeys, pingServers, statsOfServers, wireKeyOf } from './verbs/inspecting.js'
import { Namespace, type Root } from './verbs/namespace.js'
import { readEntry, readMany, readValue, takeValue } from './verbs/reading.js'
import { clearNamespace, flushAll, removeOne, removeSeveral } from './verbs/removing.js'
import { touchEntry } from './verbs/touching.js'
import { join, updateValue } from './verbs/updating.js'
import { requireCas, setValue, setValues, writeWhen } from './verbs/writing.js'

type KeyVerb<T> = (namespace: Namespace) => Answer<T>

/** The one implementation of {@link Cache}: checks what it is given, then hands each verb to the module that holds it. */
export class StoreCache implements Cache {
  readonly #namespace: Namespace
  readonly #flights: Flights
  readonly #onClose: (() => Promise<void>) | undefined
  #closing: Promise<void> | undefined

  constructor(root: Root, path: readonly string[], flights: Flights, onClose: (() => Promise<void>) | undefined) {
    this.#namespace = new Namespace(root, path)
    this.#flights = flights
    this.#onClose = onClose
  }

  /** Checks options and arguments, then runs the verb. What either throws is a rejection. */
  #checked<T>(op: string, options: CallOptions | undefined, table: OptionTable, run: KeyVerb<T>): Promise<T> {
    const namespace = this.#namespace
    try {
      namespace.check(op, options, table)
      const answer = run(namespace)
      return answer instanceof Promise ? answer : Promise.resolve(answer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** {@link StoreCache.#checked}, for a verb on one key. */
  #onKey<T>(
    op: string,
    key: string,
    options: CallOptions | undefined,
    table: OptionTable,
    run: KeyVerb<T>,
  ): Promise<T> {
    return this.#checked(op, options, table, namespace => {
      checkKey(key, op)
      return run(namespace)
    })
  }

  get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    try {
      this.#namespace.check('get', options, callOptions)
      checkKey(key, 'get')
    } catch (error) {
      return Promise.reject(error)
    }
    return readValue(this.#namespace, 'get', key, options)
  }

  getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    return this.#checked('getMany', options, callOptions, namespace => {
      const distinct = checkKeys(keys, 'getMany')
      return distinct.length === 0 ? new Map() : readMany(namespace, 'getMany', distinct, options)
    })
  }

  getEntry<T>(key: string, options?: CallOptions): Promise<{ value: T; casToken: CasToken } | undefined> {
    return this.#onKey('getEntry', key, options, callOptions, namespace => readEntry<T>(namespace, key, options))
  }

  has(key: string, options?: CallOptions): Promise<boolean> {
    return this.#onKey('has', key, options, callOptions, async namespace => {
      return (await readValue(namespace, 'has', key, options)) !== undefined
    })
  }

  set(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    const namespace = this.#namespace
    let encoded: Encoded | Promise<Encoded>
    let ttl: number
    try {
      namespace.check('set', options, writeOptions, key)
      checkKey(key, 'set')
      ttl = namespace.ttl(options?.ttl, 'set', key)
      encoded = namespace.entries.encode('set', key, value)
    } catch (error) {
      return Promise.reject(error)
    }
    return setValue(namespace, namespace.changing(key), key, encoded, ttl, options)
  }

  setMany(entries: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<string[]> {
    return this.#checked('setMany', options, writeOptions, namespace => {
      const encodings = new Map<string, Encoded | Promise<Encoded>>()
      for (const [key, value] of checkEntries(entries)) {
        checkKey(key, 'setMany')
        const encoded = namespace.entries.encode('setMany', key, value)
        // One that fails rejects the call, and nobody waits for the others that are under way.
        if (encoded instanceof Promise) encoded.catch(() => {})
        encodings.set(key, encoded)
      }
      if (encodings.size === 0) return []
      const ttls = Array.from(encodings.keys(), key => namespace.ttl(options?.ttl, 'setMany', key))
      return setValues(namespace, namespace.changingMany(encodings.keys()), encodings, ttls, options)
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
    const written = this.#write('compareAndSet', key, value, { casToken }, options)
    return written as Promise<'stored' | 'conflict' | 'missing'>
  }

  #write(
    op: 'add' | 'replace' | 'compareAndSet',
    key: string,
    value: unknown,
    when: Exclude<Condition, 'always'>,
    options: WriteOptions | undefined,
  ): Promise<'stored' | 'exists' | 'missing' | 'conflict'> {
    return this.#onKey(op, key, options, writeOptions, namespace => {
      const ttl = namespace.ttl(options?.ttl, op, key)
      if (typeof when === 'object') {
        checkCasToken(when.casToken, key)
        requireCas(namespace, op, key)
      }
      const encoded = namespace.entries.encode(op, key, value)
      const space = namespace.changing(key)
      return writeWhen(namespace, { op, key, space, encoded, ttl, when, call: () => namespace.call(options) })
    })
  }

  update<T>(
    key: string,
    change: (current: T | undefined) => T | undefined | Promise<T | undefined>,
    options?: WriteOptions,
  ): Promise<T | undefined> {
    return this.#onKey('update', key, options, writeOptions, namespace => {
      checkFunction(change, 'change', 'update', key)
      const changeWhileOpen = async (current: T | undefined): Promise<T | undefined> => {
        const next = await change(current)
        // However long it took: a store that was closed meanwhile is not written to.
        if (next !== undefined) namespace.checkOpen('update', key)
        return next
      }
      const call = () => namespace.versionedCall(options, true)
      return updateValue(namespace, { op: 'update', key, change: changeWhileOpen, call, options })
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
    return this.#onKey(op, key, options, writeOptions, namespace => {
      checkPart(part, op, key)
      // Bytes are copied: they are joined only when the entry has been read, and the caller may change them before.
      const own = typeof part === 'string' ? part : new Uint8Array(part)
      // One deadline for all its steps. What an outage has left undone is no answer to it: the server is asked.
      const call = namespace.versionedCall(options, true)
      return namespace.steps(op, key, call, (within, step) => join(within, op, key, own, step, options))
    })
  }

  touch(key: string, ttl: Ttl, options?: CallOptions): Promise<boolean> {
    return this.#onKey('touch', key, options, callOptions, namespace => {
      const ms = namespace.ttl(ttlMs(ttl, 'touch', key), 'touch', key)
      return touchEntry(namespace, key, ms, options)
    })
  }

  increment(key: string, by?: number, options?: CountingOptions): Promise<number>
  increment(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  increment(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    return this.#onKey('increment', key, options, countOptions, namespace =>
      count(namespace, 'increment', key, by, options),
    )
  }

  decrement(key: string, by?: number, options?: CountingOptions): Promise<number>
  decrement(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  decrement(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    return this.#onKey('decrement', key, options, countOptions, namespace =>
      count(namespace, 'decrement', key, by, options),
    )
  }

  take<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    return this.#onKey('take', key, options, callOptions, namespace => takeValue<T>(namespace, key, options))
  }

  delete(key: string, options?: CallOptions): Promise<boolean> {
    return this.#onKey('delete', key, options, callOptions, namespace => removeOne(namespace, key, options))
  }

  deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    return this.#checked('deleteMany', options, callOptions, namespace => {
      const distinct = checkKeys(keys, 'deleteMany')
      return distinct.length === 0 ? 0 : removeSeveral(namespace, distinct, options)
    })
  }

  clear(options?: CallOptions): Promise<void> {
    return this.#checked('clear', options, callOptions, namespace => clearNamespace(namespace, options))
  }

  flush(options?: CallOptions): Promise<void> {
    return this.#checked('flush', options, callOptions, namespace => flushAll(namespace, options))
  }

  getOrSet<T>(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T> {
    try {
      this.#namespace.check('getOrSet', options, loadOptions, key)
      checkKey(key, 'getOrSet')
      checkFunction(loader, 'loader', 'getOrSet', key)
    } catch (error) {
      return Promise.reject(error)
    }
    return getOrSet({ namespace: this.#namespace, flights: this.#flights, key, loader, options })
  }

  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: (...args: A) => string },
  ): (...args: A) => Promise<T> {
    checkFunction(fn, 'fn', 'wrap')
    this.#namespace.check('wrap', options, wrapOptions)
    const { key, ...forLoad } = options ?? {}
    checkFunction(key, 'key', 'wrap')
    const cache = this
    return async function (this: unknown, ...args: A): Promise<T> {
      return cache.getOrSet<T>(key(...args), () => fn.apply(this, args), forLoad)
    }
  }

  namespace(name: string): Cache {
    checkNamespace(name)
    const { root, path } = this.#namespace
    this.#namespace.checkOpen('namespace')
    return new StoreCache(root, [...path, name], this.#flights, undefined)
  }

  keyFor(key: string, options?: CallOptions): Promise<string> {
    return this.#onKey('keyFor', key, options, callOptions, namespace => wireKeyOf(namespace, key, options))
  }

  async *keys(pattern: string = '*', options?: CallOptions): AsyncGenerator<string, void, undefined> {
    this.#namespace.check('keys', options, callOptions)
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
    return this.#checked('serverStats', options, callOptions, namespace => {
      checkSection(section)
      return statsOfServers(namespace, section, options)
    })
  }

  ping(options?: CallOptions): Promise<void> {
    return this.#checked('ping', options, callOptions, namespace => pingServers(namespace, options))
  }

  info(): CacheInfo {
    const { store, settings } = this.#namespace.root
    return {
      name: settings.name,
      driver: store.driver,
      servers: [...store.servers],
      namespace: this.#namespace.name,
      ttl: settings.ttl,
      timeout: settings.timeout,
      onError: settings.onError,
      limits: { ...store.limits },
      source: settings.source,
    }
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
