import { isUtf8 } from 'node:buffer'
import {
  type CacheError,
  type Call,
  type CasToken,
  type Claimed,
  type Counted,
  epochNow,
  type Failed,
  type Item,
  NotSupportedError,
  patternOf,
  prefixOf,
  type Space,
  type StoredItem,
  type Touched,
  type Write,
  type Written,
} from '@anycache/core'
import { type Format, frame, nativeFormat } from '@anycache/serializer'
import { type Batcher, bigValue, mostKeys } from './batching/batcher.js'
import { Heads } from './batching/heads.js'
import type { Reader } from './batching/request.js'
import type { Clearings } from './clear.js'
import { maxValueBytes } from './connection/value-limit.js'
import { isRefusal } from './protocol/failures.js'
import {
  claimedOf,
  countOf,
  type ItemReader,
  itemOf,
  plainItemOf,
  storedOrExists,
  storedOrMissing,
  touchedOf,
  versionOf,
  wasThere,
  writtenOf,
} from './protocol/replies.js'
import { add, claim, compareAndDelete, compareAndSet, count, replace, touch } from './protocol/scripts.js'
import { globOf, literal, present, scan } from './scan.js'
import type { Topology } from './topology/topology.js'

type Found = StoredItem | undefined | Failed

/** One namespace on Redis: every key under its prefix. */
export class RedisSpace implements Space {
  readonly #topology: Topology
  readonly #clearings: Clearings
  readonly #path: readonly string[]
  readonly #prefix: string
  /** Whether some items count as absent. */
  readonly #hasMetadata: boolean
  readonly #item: ItemReader

  /** Throws `NotSupportedError` for a format whose counters have flags of their own. */
  constructor(topology: Topology, clearings: Clearings, path: readonly string[], format: Format) {
    if (String(format.counterFlags) !== String(nativeFormat.counterFlags)) {
      const given = `got flags ${format.counterFlags.join(', ')}`
      throw new NotSupportedError(`RedisStore: counters lie bare, so a serializer's must have flags 2, ${given}`)
    }
    this.#topology = topology
    this.#clearings = clearings
    this.#path = [...path]
    this.#prefix = prefixOf(path)
    this.#hasMetadata = format.metadata
    this.#item = format.metadata ? itemOf : plainItemOf
  }

  get(key: string, call: Call): Promise<StoredItem | undefined> {
    const wireKey = this.#prefix + key
    return this.#batcherFor(wireKey).get(wireKey, call.deadline, this.#item)
  }

  getMany(keys: readonly string[], call: Call): Promise<Found[]> {
    const wireKeys = keys.map(key => this.#prefix + key)
    const { masters } = this.#topology
    if (!this.#clearings.idle) for (const wireKey of wireKeys) this.#batcherFor(wireKey)
    return masters.length === 1
      ? this.#getFrom(masters[0] as Batcher, wireKeys, call)
      : this.#getFromSeveral(wireKeys, call)
  }

  async #getFromSeveral(wireKeys: readonly string[], call: Call): Promise<Found[]> {
    const places = new Map<Batcher, number[]>()
    for (const [i, wireKey] of wireKeys.entries()) {
      const batcher = this.#topology.batcherFor(wireKey)
      const indices = places.get(batcher)
      if (indices === undefined) places.set(batcher, [i])
      else indices.push(i)
    }
    const answers: Found[] = new Array(wireKeys.length)
    const read = async ([batcher, indices]: [Batcher, number[]]): Promise<void> => {
      const own = indices.map(i => wireKeys[i] as string)
      for (const [j, found] of (await this.#getFrom(batcher, own, call)).entries())
        answers[indices[j] as number] = found
    }
    await Promise.all([...places].map(read))
    return answers
  }

  #getFrom(batcher: Batcher, wireKeys: readonly string[], call: Call): Promise<Found[]> {
    if (wireKeys.length <= mostKeys) return this.#getChunk(batcher, wireKeys, call)
    const chunks: Promise<Found[]>[] = []
    for (let from = 0; from < wireKeys.length; from += mostKeys) {
      chunks.push(this.#getChunk(batcher, wireKeys.slice(from, from + mostKeys), call))
    }
    return Promise.all(chunks).then(answers => answers.flat())
  }

  async #getChunk(batcher: Batcher, wireKeys: readonly string[], call: Call): Promise<Found[]> {
    if (wireKeys.length === 0) return []
    if (batcher.joinsKeys) {
      try {
        const itemsOf = (reply: unknown): (StoredItem | undefined)[] => (reply as readonly unknown[]).map(this.#item)
        return await batcher.request('mget', wireKeys as string[], undefined, call.deadline, itemsOf)
      } catch (error) {
        // One forbidden key fails the whole MGET; by itself, each key gets its own answer.
        if (!isRefusal(error, 'NOPERM')) return wireKeys.map(() => ({ failure: error as CacheError }))
      }
    }
    return Promise.all(wireKeys.map(wireKey => settleOne(() => batcher.get(wireKey, call.deadline, this.#item))))
  }

  write(write: Write, call: Call): Promise<Written> {
    const { key, item, when } = write
    const wireKey = this.#prefix + key
    const batcher = this.#batcherFor(wireKey)
    const { limit } = batcher.connection
    const value = payloadOf(item)
    if (value === undefined) return refuseLarge(batcher, wireKey, when, call)
    const { length } = value
    const doubtful = !limit.isProven(length)
    if (doubtful && limit.refuses(length)) return refuseLarge(batcher, wireKey, when, call)
    const px = pxOf(write.ttl)
    let name = 'set'
    let args: (string | Buffer)[]
    let read: Reader<Written> = storedOrMissing
    if (typeof when === 'object') {
      name = 'eval'
      args = [compareAndSet, '1', wireKey, when.casToken, value, px]
      read = reply => versionOf(reply, value)
    } else if (when !== 'always' && this.#hasMetadata) {
      name = 'eval'
      args = [when === 'absent' ? add : replace, '1', wireKey, this.#now(), value, px]
      read = writtenOf
    } else {
      args = px === '' ? [wireKey, value] : [wireKey, value, 'PX', px]
      if (when === 'present') args.push('XX')
      else if (when === 'absent') {
        args.push('NX')
        read = storedOrExists
      }
    }
    if (!doubtful) return batcher.request(name, args, wireKey, call.deadline, read)
    const cleared = when === 'always' ? wireKey : undefined
    return batcher.lone(wireKey, { deadline: call.deadline, size: length, cleared, name, args, read })
  }

  writeMany(writes: readonly Write[], call: Call): Promise<(Written | Failed)[]> {
    return Promise.all(writes.map(write => settleOne(() => this.write(write, call))))
  }

  claim(key: string, lease: Item, ttl: number, call: Call): Promise<Claimed> {
    const value = payloadOf(lease) as string | Buffer
    return this.#run(claim, key, [value, pxOf(ttl)], call, reply => claimedOf(reply, value, this.#item))
  }

  remove(key: string, only: CasToken | undefined, call: Call): Promise<boolean> {
    if (only !== undefined) return this.#run(compareAndDelete, key, [only], call, wasThere)
    const wireKey = this.#prefix + key
    // Not by a script: docs/decisions/0015-what-counts-as-absent-on-redis.md.
    const heads = this.#hasMetadata ? new Heads([wireKey]) : undefined
    return this.#batcherFor(wireKey).request('unlink', [wireKey], wireKey, call.deadline, wasThere, heads)
  }

  removeMany(keys: readonly string[], call: Call): Promise<(boolean | Failed)[]> {
    return Promise.all(keys.map(key => settleOne(() => this.remove(key, undefined, call))))
  }

  take(key: string, call: Call): Promise<Item | undefined> {
    const wireKey = this.#prefix + key
    const taken = this.#batcherFor(wireKey).request('getdel', [wireKey], wireKey, call.deadline, this.#item)
    return taken.catch(error => {
      // A list under the key is a miss, and stays.
      if (isRefusal(error, 'WRONGTYPE')) return undefined
      throw error
    })
  }

  touch(key: string, ttl: number, call: Call): Promise<Touched> {
    return this.#run(touch, key, [this.#now(), pxOf(ttl)], call, touchedOf)
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Promise<Counted> {
    const created = create === undefined ? ['', ''] : [String(create.value), pxOf(create.ttl)]
    return this.#run(count, key, [this.#now(), String(by), ...created], call, countOf)
  }

  clear(nextCall: () => Call): Promise<void> {
    return this.#clearings.clear(this.#topology, this.#path, nextCall)
  }

  async *keys(pattern: string, nextCall: () => Call): AsyncGenerator<string, void, undefined> {
    const { keyPrefix, masters } = this.#topology
    const whole = literal(keyPrefix + this.#prefix) + globOf(pattern)
    const matches = patternOf(pattern)
    const cut = Buffer.byteLength(keyPrefix)
    const skipped = Buffer.byteLength(this.#prefix)
    // SCAN may give a key twice while the server's table grows or shrinks.
    const seen = new Set<string>()
    for (const master of masters) {
      for await (const found of scan(master, whole, nextCall)) {
        const wireKeys = found.map(key => key.subarray(cut))
        for (const wireKey of this.#hasMetadata ? await present(master, wireKeys, nextCall()) : wireKeys) {
          const bytes = wireKey.subarray(skipped)
          // Bytes that are no text are no key that could be asked for.
          if (!isUtf8(bytes)) continue
          const key = bytes.toString()
          if (key === '' || seen.has(key) || !matches.test(key)) continue
          seen.add(key)
          yield key
        }
      }
    }
  }

  wireKey(key: string): string {
    return this.#topology.keyPrefix + this.#prefix + key
  }

  serverOf(key: string): string {
    return this.#topology.batcherFor(this.#prefix + key).connection.server
  }

  /** A script that changes the key. */
  #run<T>(script: string, key: string, args: (string | Buffer)[], call: Call, read: Reader<T>): Promise<T> {
    const wireKey = this.#prefix + key
    const batcher = this.#batcherFor(wireKey)
    return batcher.request('eval', [script, '1', wireKey, ...args], wireKey, call.deadline, read)
  }

  /** Where the call on this key is about to be sent. */
  #batcherFor(wireKey: string): Batcher {
    const batcher = this.#topology.batcherFor(wireKey)
    if (!this.#clearings.idle) this.#clearings.reach(wireKey, batcher)
    return batcher
  }

  /** The moment for scripts to judge by. */
  #now(): string {
    return this.#hasMetadata ? String(epochNow()) : ''
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

/** A ttl for PX, or '' for no expiry. */
function pxOf(ttl: number): string {
  return ttl === Number.POSITIVE_INFINITY ? '' : String(Math.ceil(ttl))
}

/** Over the server's limit: the key must not keep its old value under `always`, and must keep it under any condition. */
async function refuseLarge(batcher: Batcher, wireKey: string, when: Write['when'], call: Call): Promise<Written> {
  if (when === 'always') await batcher.request('unlink', [wireKey], wireKey, call.deadline, wasThere)
  return { outcome: 'too-large' }
}

/** The answer for one of many: its failure costs no other. */
async function settleOne<T>(send: () => Promise<T>): Promise<T | Failed> {
  try {
    return await send()
  } catch (error) {
    return { failure: error as CacheError }
  }
}
