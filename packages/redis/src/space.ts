import { isUtf8 } from 'node:buffer'
import {
  type CacheError,
  type Call,
  type CasToken,
  type Counted,
  type Failed,
  type Item,
  patternOf,
  prefixOf,
  type Space,
  type StoredItem,
  type Write,
  type Written,
} from '@anycache/core'
import { frame } from '@anycache/serializer'
import type { Clearings } from './clear.js'
import { isRefusal } from './protocol/failures.js'
import { bigValue, type Queue } from './batching/batcher.js'
import { mostKeys } from './batching/get-batch.js'
import { casOf, countOf, itemOf, itemsOf, storedOrExists, storedOrMissing, wasThere } from './protocol/replies.js'
import { globOf, literal, scan } from './scan.js'
import { compareAndDelete, compareAndSet, count, persist } from './protocol/scripts.js'
import { maxValueBytes, type ValueLimit } from './connection/value-limit.js'

/** One namespace on a Redis server: every key under its prefix. */
export class RedisSpace implements Space {
  readonly #queue: Queue
  readonly #clearings: Clearings
  readonly #limit: ValueLimit
  readonly #path: readonly string[]
  readonly #prefix: string
  readonly #clientPrefix: string

  constructor(queue: Queue, clearings: Clearings, limit: ValueLimit, path: readonly string[], clientPrefix: string) {
    this.#queue = queue
    this.#clearings = clearings
    this.#limit = limit
    this.#path = [...path]
    this.#prefix = prefixOf(path)
    this.#clientPrefix = clientPrefix
  }

  get(key: string, call: Call): Promise<StoredItem | undefined> {
    return this.#queue.get(this.#prefix + key, call.deadline)
  }

  async getMany(keys: readonly string[], call: Call): Promise<(StoredItem | undefined | Failed)[]> {
    const chunks: Promise<(StoredItem | undefined | Failed)[]>[] = []
    for (let from = 0; from < keys.length; from += mostKeys) {
      chunks.push(this.#getChunk(keys.slice(from, from + mostKeys), call))
    }
    return chunks.length === 1
      ? (chunks[0] as Promise<(StoredItem | undefined | Failed)[]>)
      : (await Promise.all(chunks)).flat()
  }

  async #getChunk(keys: readonly string[], call: Call): Promise<(StoredItem | undefined | Failed)[]> {
    try {
      const wireKeys = keys.map(key => this.#prefix + key)
      return await this.#queue.request('mget', wireKeys, undefined, call.deadline, itemsOf)
    } catch (error) {
      // One forbidden key fails the whole MGET; by itself, each key gets its own answer.
      if (!isRefusal(error, 'NOPERM')) return keys.map(() => ({ failure: error as CacheError }))
      return Promise.all(keys.map(key => attempt(() => this.get(key, call))))
    }
  }

  write(write: Write, call: Call): Promise<Written> {
    const { key, item, when } = write
    const wireKey = this.#prefix + key
    const value = payloadOf(item)
    if (value === undefined) return this.#refuse(wireKey, when, call)
    const { length } = value
    const doubtful = !this.#limit.isProven(length)
    if (doubtful && this.#limit.refuses(length)) return this.#refuse(wireKey, when, call)
    const ttl = write.ttl === Number.POSITIVE_INFINITY ? undefined : String(Math.ceil(write.ttl))
    const outcome = this.#send(wireKey, value, ttl, when, call, doubtful)
    if (!this.#clearings.idle) this.#tellClearings(wireKey, when, outcome)
    return outcome
  }

  /** `doubtful`: the value may be too large for the server. */
  #send(
    wireKey: string,
    value: string | Buffer,
    ttl: string | undefined,
    when: Write['when'],
    call: Call,
    doubtful: boolean,
  ): Promise<Written> {
    let name = 'set'
    let args: (string | Buffer)[]
    let read = storedOrMissing
    if (typeof when === 'object') {
      name = 'eval'
      args = [compareAndSet, '1', wireKey, when.casToken, value, ttl ?? '0']
      read = casOf
    } else {
      args = ttl === undefined ? [wireKey, value] : [wireKey, value, 'PX', ttl]
      if (when === 'present') args.push('XX')
      else if (when === 'absent') {
        args.push('NX')
        read = storedOrExists
      }
    }
    if (!doubtful) return this.#queue.request(name, args, wireKey, call.deadline, read)
    return this.#queue.lone(wireKey, {
      deadline: call.deadline,
      limit: this.#limit,
      size: value.length,
      cleared: when === 'always' ? wireKey : undefined,
      name,
      args,
      read,
    })
  }

  /** Over the server's limit: the key must not keep its old value under `always`, and must keep it under any condition. */
  async #refuse(wireKey: string, when: Write['when'], call: Call): Promise<Written> {
    if (when === 'always') await this.#queue.request('unlink', [wireKey], wireKey, call.deadline, wasThere)
    return { outcome: 'too-large' }
  }

  #tellClearings(wireKey: string, when: Write['when'], outcome: Promise<Written>): void {
    if (when === 'always') {
      this.#clearings.wrote(wireKey, outcome)
      return
    }
    outcome.then(
      written => {
        if (written.outcome === 'stored') this.#clearings.wrote(wireKey, outcome)
      },
      () => {},
    )
  }

  writeMany(writes: readonly Write[], call: Call): Promise<(Written | Failed)[]> {
    return Promise.all(writes.map(write => attempt(() => this.write(write, call))))
  }

  remove(key: string, only: CasToken | undefined, call: Call): Promise<boolean> {
    const wireKey = this.#prefix + key
    if (only === undefined) return this.#queue.request('unlink', [wireKey], wireKey, call.deadline, wasThere)
    return this.#queue.request('eval', [compareAndDelete, '1', wireKey, only], wireKey, call.deadline, wasThere)
  }

  removeMany(keys: readonly string[], call: Call): Promise<(boolean | Failed)[]> {
    return Promise.all(keys.map(key => attempt(() => this.remove(key, undefined, call))))
  }

  take(key: string, call: Call): Promise<Item | undefined> {
    const wireKey = this.#prefix + key
    return this.#queue.request('getdel', [wireKey], wireKey, call.deadline, itemOf).catch(error => {
      // A list under the key is a miss, and stays.
      if (isRefusal(error, 'WRONGTYPE')) return undefined
      throw error
    })
  }

  touch(key: string, ttl: number, call: Call): Promise<boolean> {
    const wireKey = this.#prefix + key
    if (ttl === Number.POSITIVE_INFINITY) {
      return this.#queue.request('eval', [persist, '1', wireKey], wireKey, call.deadline, wasThere)
    }
    return this.#queue.request('pexpire', [wireKey, String(Math.ceil(ttl))], wireKey, call.deadline, wasThere)
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Promise<Counted> {
    const wireKey = this.#prefix + key
    const value = create === undefined ? '' : String(create.value)
    const ttl = create === undefined || create.ttl === Number.POSITIVE_INFINITY ? '0' : String(Math.ceil(create.ttl))
    return this.#queue.request('eval', [count, '1', wireKey, String(by), value, ttl], wireKey, call.deadline, countOf)
  }

  clear(nextCall: () => Call): Promise<void> {
    return this.#clearings.clear(this.#queue, this.#path, this.#clientPrefix, nextCall)
  }

  async *keys(pattern: string, nextCall: () => Call): AsyncGenerator<string, void, undefined> {
    const prefix = this.#clientPrefix + this.#prefix
    const matches = patternOf(pattern)
    const cut = Buffer.byteLength(prefix)
    // SCAN may tell a key twice while the server's table grows or shrinks.
    const told = new Set<string>()
    for await (const found of scan(this.#queue, literal(prefix) + globOf(pattern), nextCall)) {
      for (const whole of found) {
        const bytes = whole.subarray(cut)
        // Bytes that are no text are no key that could be asked for.
        if (!isUtf8(bytes)) continue
        const key = bytes.toString()
        if (key === '' || told.has(key) || !matches.test(key)) continue
        told.add(key)
        yield key
      }
    }
  }

  wireKey(key: string): string {
    return this.#clientPrefix + this.#prefix + key
  }

  serverOf(): string {
    return this.#queue.connection.server
  }
}

/** What is stored for an item; a large text as bytes, which ioredis writes without making one long string of the command. */
function payloadOf(item: Item): string | Buffer | undefined {
  const framed = frame(item)
  if (typeof framed === 'string') {
    if (framed.length < bigValue) return framed
    const bytes = Buffer.from(framed)
    return bytes.length <= maxValueBytes ? bytes : undefined
  }
  if (framed.length > maxValueBytes) return undefined
  return Buffer.isBuffer(framed) ? framed : Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength)
}

/** The answer for one of many: its failure costs no other. */
async function attempt<T>(send: () => Promise<T>): Promise<T | Failed> {
  try {
    return await send()
  } catch (error) {
    return { failure: error as CacheError }
  }
}
