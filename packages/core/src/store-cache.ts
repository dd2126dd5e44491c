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
import { InvalidArgumentError } from './errors.js'
import { type CacheEvents, eventNames } from './events/events.js'
import type { CacheStats } from './events/stats.js'
import { checkKey, checkKeys, checkNamespace, isIterable } from './input/keys.js'
import { nearest } from './input/options.js'
import { shown } from './input/shown.js'
import { type Ttl, ttlMs } from './input/ttl.js'
import { checkLoadOptions, loadOptionNames, readThrough } from './read-through/get-or-set.js'
import type { Answer, Call, CasToken, ServerStats } from './store.js'
import { count, countOptionNames } from './verbs/counting.js'
import { Namespace, type Root } from './verbs/namespace.js'
import { listKeys, readEntry, readMany, readValue, takeValue } from './verbs/reading.js'
import { clearNamespace, flushAll, removeOne, removeSeveral } from './verbs/removing.js'
import { join, updateValue } from './verbs/updating.js'
import { requireCas, setValue, setValues, writeWhen } from './verbs/writing.js'

const callOptionNames: readonly string[] = ['timeout', 'onError']
const writeOptionNames: readonly string[] = ['timeout', 'onError', 'ttl']

/** The one implementation of {@link Cache}: checks what it is given, then hands each verb to the module that holds it. */
export class StoreCache implements Cache {
  readonly #namespace: Namespace
  readonly #onClose: (() => Promise<void>) | undefined
  #closing: Promise<void> | undefined

  constructor(root: Root, path: readonly string[], onClose: (() => Promise<void>) | undefined) {
    this.#namespace = new Namespace(root, path)
    this.#onClose = onClose
  }

  get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    try {
      this.#namespace.check('get', options, callOptionNames)
      checkKey(key, 'get')
    } catch (error) {
      return Promise.reject(error)
    }
    return readValue(this.#namespace, 'get', key, options)
  }

  async getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    this.#namespace.check('getMany', options, callOptionNames)
    const distinct = checkKeys(keys, 'getMany')
    return distinct.length === 0 ? new Map() : readMany(this.#namespace, 'getMany', distinct, options)
  }

  async getEntry<T>(key: string, options?: CallOptions): Promise<{ value: T; casToken: CasToken } | undefined> {
    this.#namespace.check('getEntry', options, callOptionNames)
    checkKey(key, 'getEntry')
    return readEntry(this.#namespace, key, options)
  }

  async has(key: string, options?: CallOptions): Promise<boolean> {
    this.#namespace.check('has', options, callOptionNames)
    checkKey(key, 'has')
    return (await readValue(this.#namespace, 'has', key, options)) !== undefined
  }

  set(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    const namespace = this.#namespace
    let encoded: Encoded | Promise<Encoded>
    let ttl: number
    try {
      namespace.check('set', options, writeOptionNames)
      checkKey(key, 'set')
      ttl = namespace.ttl(options?.ttl, 'set', key)
      encoded = namespace.encode('set', key, value)
    } catch (error) {
      return Promise.reject(error)
    }
    namespace.supersede(key)
    return setValue(namespace, key, encoded, ttl, options)
  }

  async setMany(entries: Iterable<readonly [string, unknown]>, options?: WriteOptions): Promise<string[]> {
    const namespace = this.#namespace
    namespace.check('setMany', options, writeOptionNames)
    if (options?.ttl !== undefined) ttlMs(options.ttl, 'setMany')
    const encodings = new Map<string, Encoded | Promise<Encoded>>()
    for (const [key, value] of checkEntries(entries)) {
      checkKey(key, 'setMany')
      const encoded = namespace.encode('setMany', key, value)
      // One that fails rejects the call; the others that are under way then have nobody to tell.
      if (encoded instanceof Promise) encoded.catch(() => {})
      encodings.set(key, encoded)
    }
    if (encodings.size === 0) return []
    for (const key of encodings.keys()) namespace.supersede(key)
    const ttls = Array.from(encodings.keys(), key => namespace.ttl(options?.ttl, 'setMany', key))
    return setValues(namespace, encodings, ttls, options)
  }

  async add(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    return (await this.#write('add', key, value, 'absent', options)) === 'stored'
  }

  async replace(key: string, value: unknown, options?: WriteOptions): Promise<boolean> {
    return (await this.#write('replace', key, value, 'present', options)) === 'stored'
  }

  async compareAndSet(
    key: string,
    value: unknown,
    casToken: CasToken,
    options?: WriteOptions,
  ): Promise<'stored' | 'conflict' | 'missing'> {
    if (typeof casToken !== 'string') {
      throw new InvalidArgumentError(`casToken must come from getEntry(), got ${shown(casToken)}`, {
        op: 'compareAndSet',
        key: typeof key === 'string' ? key : undefined,
      })
    }
    const outcome = await this.#write('compareAndSet', key, value, { casToken }, options)
    return outcome as 'stored' | 'conflict' | 'missing'
  }

  #write(
    op: 'add' | 'replace' | 'compareAndSet',
    key: string,
    value: unknown,
    when: 'absent' | 'present' | { casToken: CasToken },
    options: WriteOptions | undefined,
  ): Promise<'stored' | 'exists' | 'missing' | 'conflict'> {
    const namespace = this.#namespace
    namespace.check(op, options, writeOptionNames)
    checkKey(key, op)
    const ttl = namespace.ttl(options?.ttl, op, key)
    if (typeof when === 'object') requireCas(namespace, op, key)
    const encoded = namespace.encode(op, key, value)
    namespace.supersede(key)
    return writeWhen(namespace, { op, key, encoded, ttl, when, call: () => namespace.call(options) })
  }

  async update<T>(
    key: string,
    change: (current: T | undefined) => T | undefined | Promise<T | undefined>,
    options?: WriteOptions,
  ): Promise<T | undefined> {
    const namespace = this.#namespace
    namespace.check('update', options, writeOptionNames)
    checkKey(key, 'update')
    checkFunction(change, 'change', 'update', key)
    if (options?.ttl !== undefined) ttlMs(options.ttl, 'update', key)
    const changeWhileOpen = async (current: T | undefined): Promise<T | undefined> => {
      const next = await change(current)
      // However long it took: a store that was closed meanwhile is not written to.
      if (next !== undefined) namespace.checkOpen('update', key)
      return next
    }
    return updateValue(namespace, {
      op: 'update',
      key,
      change: changeWhileOpen,
      call: () => namespace.call(options, true),
      options,
    })
  }

  append(key: string, suffix: string | Uint8Array, options?: WriteOptions): Promise<boolean> {
    return this.#join('append', key, suffix, options)
  }

  prepend(key: string, prefix: string | Uint8Array, options?: WriteOptions): Promise<boolean> {
    return this.#join('prepend', key, prefix, options)
  }

  async #join(
    op: 'append' | 'prepend',
    key: string,
    part: string | Uint8Array,
    options: WriteOptions | undefined,
  ): Promise<boolean> {
    this.#namespace.check(op, options, writeOptionNames)
    checkKey(key, op)
    if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
      throw new InvalidArgumentError(`${op} takes a string or a Uint8Array, got ${shown(part)}`, { op, key })
    }
    if (options?.ttl !== undefined) ttlMs(options.ttl, op, key)
    // Bytes are copied: they are joined only when the entry has been read, and the caller may change them before.
    const own = typeof part === 'string' ? part : new Uint8Array(part)
    // One deadline for all its steps. What an outage has left owed is no answer to it: the server is asked.
    const call = this.#namespace.call(options, true)
    return this.#namespace.steps(op, key, call, (namespace, within) => join(namespace, op, key, own, within, options))
  }

  async touch(key: string, ttl: Ttl, options?: CallOptions): Promise<boolean> {
    const namespace = this.#namespace
    namespace.check('touch', options, callOptionNames)
    checkKey(key, 'touch')
    const ms = namespace.ttl(ttlMs(ttl, 'touch', key), 'touch', key)
    try {
      const send = (call: Call): Answer<boolean> => namespace.space.touch(key, ms, call)
      return await namespace.inOrder(key, namespace.call(options), send, () => namespace.space.owe?.(key))
    } catch (error) {
      namespace.endure(error, 'touch', key, options)
      return false
    }
  }

  increment(key: string, by?: number, options?: CountingOptions): Promise<number>
  increment(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  async increment(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    this.#namespace.check('increment', options, countOptionNames)
    checkKey(key, 'increment')
    return count(this.#namespace, 'increment', key, by, options)
  }

  decrement(key: string, by?: number, options?: CountingOptions): Promise<number>
  decrement(key: string, by?: number, options?: CountOptions): Promise<number | undefined>
  async decrement(key: string, by: number = 1, options?: CountOptions): Promise<number | undefined> {
    this.#namespace.check('decrement', options, countOptionNames)
    checkKey(key, 'decrement')
    return count(this.#namespace, 'decrement', key, by, options)
  }

  async take<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    this.#namespace.check('take', options, callOptionNames)
    checkKey(key, 'take')
    this.#namespace.supersede(key)
    return takeValue(this.#namespace, key, options)
  }

  async delete(key: string, options?: CallOptions): Promise<boolean> {
    this.#namespace.check('delete', options, callOptionNames)
    checkKey(key, 'delete')
    this.#namespace.supersede(key)
    return removeOne(this.#namespace, key, options)
  }

  async deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    this.#namespace.check('deleteMany', options, callOptionNames)
    const distinct = checkKeys(keys, 'deleteMany')
    if (distinct.length === 0) return 0
    for (const key of distinct) this.#namespace.supersede(key)
    return removeSeveral(this.#namespace, distinct, options)
  }

  async clear(options?: CallOptions): Promise<void> {
    this.#namespace.check('clear', options, callOptionNames)
    return clearNamespace(this.#namespace, options)
  }

  async flush(options?: CallOptions): Promise<void> {
    this.#namespace.check('flush', options, callOptionNames)
    return flushAll(this.#namespace, options)
  }

  getOrSet<T>(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T> {
    try {
      this.#namespace.check('getOrSet', options, loadOptionNames)
      checkKey(key, 'getOrSet')
      checkFunction(loader, 'loader', 'getOrSet', key)
      if (options !== undefined) checkLoadOptions('getOrSet', key, options)
    } catch (error) {
      return Promise.reject(error)
    }
    return readThrough(this.#namespace, key, loader, options)
  }

  wrap<A extends unknown[], T>(
    fn: (...args: A) => T | Promise<T>,
    options: LoadOptions<T> & { readonly key: (...args: A) => string },
  ): (...args: A) => Promise<T> {
    checkFunction(fn, 'fn', 'wrap')
    this.#namespace.check('wrap', options, ['key', ...loadOptionNames])
    const { key, ...loadOptions } = options ?? {}
    checkFunction(key, 'key', 'wrap')
    checkLoadOptions('wrap', undefined, loadOptions)
    const cache = this
    return async function (this: unknown, ...args: A): Promise<T> {
      return cache.getOrSet<T>(key(...args), () => fn.apply(this, args), loadOptions)
    }
  }

  namespace(name: string): Cache {
    checkNamespace(name)
    this.#namespace.check('namespace', undefined, [])
    return new StoreCache(this.#namespace.root, [...this.#namespace.path, name], undefined)
  }

  async keyFor(key: string, options?: CallOptions): Promise<string> {
    const namespace = this.#namespace
    namespace.check('keyFor', options, callOptionNames)
    checkKey(key, 'keyFor')
    try {
      return await namespace.space.wireKey(key, namespace.call(options))
    } catch (error) {
      throw namespace.outage(error, 'keyFor', key)
    }
  }

  async *keys(pattern: string = '*', options?: CallOptions): AsyncGenerator<string, void, undefined> {
    this.#namespace.check('keys', options, callOptionNames)
    if (typeof pattern !== 'string' || pattern === '') {
      throw new InvalidArgumentError(`pattern must be a non-empty string, got ${shown(pattern)}`, { op: 'keys' })
    }
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

  async serverStats(section?: string, options?: CallOptions): Promise<ServerStats[]> {
    const namespace = this.#namespace
    namespace.check('serverStats', options, callOptionNames)
    if (section !== undefined && (typeof section !== 'string' || !/^[A-Za-z0-9_ ]+$/.test(section))) {
      throw new InvalidArgumentError(`section must be a word of the server's, got ${shown(section)}`, {
        op: 'serverStats',
      })
    }
    let told: readonly ServerStats[]
    try {
      told = await namespace.root.store.serverStats(section, namespace.call(options))
    } catch (error) {
      throw namespace.outage(error, 'serverStats', undefined)
    }
    const entries = told.map(entry =>
      entry.error === undefined ? entry : { ...entry, error: namespace.outage(entry.error, 'serverStats', undefined) },
    )
    const [first] = entries
    if (first?.error !== undefined && entries.every(({ error }) => error !== undefined)) throw first.error
    return entries
  }

  async ping(options?: CallOptions): Promise<void> {
    const namespace = this.#namespace
    namespace.check('ping', options, callOptionNames)
    try {
      await namespace.root.store.ping(namespace.call(options))
    } catch (error) {
      throw namespace.outage(error, 'ping', undefined)
    }
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

function checkFunction(value: unknown, name: string, op: string, key?: string): void {
  if (typeof value === 'function') return
  throw new InvalidArgumentError(`${name} must be a function, got ${shown(value)}`, { op, key })
}

function checkEvent(event: unknown): void {
  if (typeof event === 'string' && (eventNames as readonly string[]).includes(event)) return
  const near = typeof event === 'string' ? nearest(event, eventNames) : undefined
  throw new InvalidArgumentError(
    `there is no event ${shown(event)}; ${near === undefined ? `there are ${eventNames.join(', ')}` : `did you mean "${near}"?`}`,
    { op: 'on' },
  )
}

function checkEntries(entries: unknown): Iterable<readonly [string, unknown]> {
  const wanted = 'setMany takes entries: a Map, or an iterable of [key, value]'
  if (!isIterable(entries)) {
    throw new InvalidArgumentError(`${wanted}; got ${shown(entries)}`, { op: 'setMany' })
  }
  const list = [...entries]
  for (const entry of list) {
    if (Array.isArray(entry) && entry.length === 2) continue
    throw new InvalidArgumentError(`${wanted}; one of them is ${shown(entry)}`, { op: 'setMany' })
  }
  return list as [string, unknown][]
}
