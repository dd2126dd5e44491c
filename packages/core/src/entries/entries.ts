import {
  countsAsAbsent,
  type Encoded,
  FLAG_LEASE,
  FLAG_METADATA,
  FLAGS_TORN,
  type Format,
  nativeFormat,
  readMetadata,
  type Serializer,
} from '@anycache/serializer'
import { InvalidArgumentError, SerializationError } from '../errors.js'
import type { Signals } from '../events/signals.js'
import { type Call, type Item, type Owed, owed, type Store, type StoredItem } from '../store.js'
import { epochNow } from '../timers.js'
import { areCurrent, Tags, type TagVersions } from './tags.js'
import { type Judged, Miss } from './verdict.js'

const marks = FLAG_LEASE | FLAG_METADATA

/** What read-through knows or wants of an answer beyond other reads. */
export interface Judging {
  /** Versions of tags that were read with the entry: a look less. */
  readonly versions?: TagVersions | undefined
  /** An entry past its soft deadline is judged as if it were fresh. */
  readonly allowsStale?: boolean | undefined
}

/** What the items of a cache mean: between a store's flags and bytes and the values of the verbs. */
export class Entries {
  readonly format: Format
  readonly tags: Tags
  readonly epochNow: () => number
  readonly #serializer: Serializer
  readonly #signals: Signals

  constructor(serializer: Serializer, signals: Signals, store: Store, path: readonly string[]) {
    this.format = serializer.format ?? nativeFormat
    this.tags = new Tags(store, path, this.format)
    this.epochNow = store.epochNow ?? epochNow
    this.#serializer = serializer
    this.#signals = signals
  }

  /**
   * Decides what an answer means, which nobody else does. What cannot be read is reported. A promise only where a large value is decoded, or
   * tags are looked up within `call`; it rejects with the store's own failure of that look. `server` says which one answered.
   */
  judge<T>(
    op: string,
    key: string,
    answer: StoredItem | Owed | undefined,
    server: (key: string) => string,
    call: Call,
    judging?: Judging,
  ): Judged<T> | Promise<Judged<T>> {
    if (answer === undefined) return Miss.absent
    if (answer === owed) return Miss.outage
    try {
      let { flags } = answer
      if ((flags & marks) !== 0) {
        const miss = this.#judgeMarked(answer, call, judging)
        if (miss instanceof Promise) {
          return miss.then(late => late ?? this.#decode(op, key, (flags & ~FLAG_METADATA) >>> 0, answer, server))
        }
        if (miss !== undefined) return miss
        if (this.format.metadata) flags = (flags & ~FLAG_METADATA) >>> 0
      }
      return this.#decode(op, key, flags, answer, server)
    } catch (error) {
      return this.#undecodable(op, key, server, error)
    }
  }

  #decode<T>(
    op: string,
    key: string,
    flags: number,
    { data }: Item,
    server: (key: string) => string,
  ): Judged<T> | Promise<Judged<T>> {
    try {
      const value = this.#serializer.decode(flags, data)
      if (value instanceof Promise) {
        return value.then(
          late => (late === undefined ? this.#undecodable(op, key, server, noValue) : (late as T)),
          error => this.#undecodable(op, key, server, error),
        )
      }
      return value === undefined ? this.#undecodable(op, key, server, noValue) : (value as T)
    } catch (error) {
      return this.#undecodable(op, key, server, error)
    }
  }

  /** The value as flags and payload. Throws or rejects with the caller's error. */
  encode(op: string, key: string, value: unknown): Encoded | Promise<Encoded> {
    if (value === undefined) {
      const message = 'undefined means a miss and cannot be stored; store null, or delete the key'
      throw new InvalidArgumentError(message, { op, key })
    }
    try {
      const encoded = this.#serializer.encode(value)
      if (encoded instanceof Promise) return encoded.catch(error => Promise.reject(notEncoded(error, op, key)))
      return encoded
    } catch (error) {
      throw notEncoded(error, op, key)
    }
  }

  /** A written value as the next reader gets it; the value itself where it is a scalar or cannot be read back. */
  copyOf<T>(value: T, { flags, data }: Encoded): T | Promise<T> {
    if (typeof value !== 'object' || value === null) return value
    try {
      const copy = this.#serializer.decode(flags, data)
      return copy instanceof Promise ? copy.catch(() => value) : (copy as T)
    } catch {
      // Over `maxDecodedBytes`: every read of it will be a miss, and report so. This caller has the value.
      return value
    }
  }

  /** Throws where the item cannot be read. */
  #judgeMarked(item: Item, call: Call, judging: Judging | undefined): Miss | Promise<Miss | undefined> | undefined {
    if (item.flags === FLAGS_TORN) throw new SerializationError('the stored bytes are cut or of another make')
    if (!this.format.metadata) return undefined
    if (item.flags === FLAG_LEASE) return Miss.absent
    if (!judging?.allowsStale && countsAsAbsent(item, this.epochNow())) return Miss.stale
    if ((item.flags & FLAG_METADATA) === 0) return undefined
    if (item.metadata === undefined) throw new SerializationError('its metadata is missing')
    const { tags } = readMetadata(item.metadata)
    if (tags === undefined) return undefined
    const isInvalid = (current: TagVersions): Miss | undefined => missOf(areCurrent(tags, current))
    const names = [...tags.keys()]
    const versions = judging?.versions
    if (versions !== undefined && names.every(tag => versions.has(tag))) return isInvalid(versions)
    return this.tags.current(names, call).then(isInvalid)
  }

  #undecodable(op: string, key: string, server: (key: string) => string, error: unknown): Miss {
    const message = `the entry cannot be read and counts as a miss: ${error instanceof Error ? error.message : String(error)}`
    this.#signals.failed(new SerializationError(message, { op, key, server: server(key), cause: error }))
    return Miss.undecodable
  }
}

function missOf(isCurrent: boolean | undefined): Miss | undefined {
  if (isCurrent === undefined) return Miss.outage
  return isCurrent ? undefined : Miss.invalidated
}

const noValue = 'the serializer decodes it to undefined, which is no value'

function notEncoded(error: unknown, op: string, key: string): SerializationError {
  const message = error instanceof Error ? error.message : String(error)
  return new SerializationError(message, { op, key, cause: error })
}
