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
import { type Item, type Owed, owed, type StoredItem } from '../store.js'
import { epochNow } from '../timers.js'
import { type Judged, Miss } from './verdict.js'

const marks = FLAG_LEASE | FLAG_METADATA

/** What the items of a cache mean: between a store's flags and bytes and the values of the verbs. */
export class Entries {
  readonly format: Format
  readonly #serializer: Serializer
  readonly #signals: Signals

  constructor(serializer: Serializer, signals: Signals) {
    this.format = serializer.format ?? nativeFormat
    this.#serializer = serializer
    this.#signals = signals
  }

  /**
   * Decides what an answer means, which nobody else does. What cannot be read is reported. A promise only where a large value is decoded.
   * `server` says which one answered.
   */
  judge<T>(
    op: string,
    key: string,
    answer: StoredItem | Owed | undefined,
    server: (key: string) => string,
  ): Judged<T> | Promise<Judged<T>> {
    if (answer === undefined) return Miss.absent
    if (answer === owed) return Miss.owed
    try {
      let { flags } = answer
      if ((flags & marks) !== 0) {
        const miss = this.#judgeMarked(answer)
        if (miss !== undefined) return miss
        if (this.format.metadata) flags = (flags & ~FLAG_METADATA) >>> 0
      }
      const value = this.#serializer.decode(flags, answer.data)
      if (value instanceof Promise) {
        return value.then(
          late => (late === undefined ? this.#unreadable(op, key, server, noValue) : (late as T)),
          error => this.#unreadable(op, key, server, error),
        )
      }
      return value === undefined ? this.#unreadable(op, key, server, noValue) : (value as T)
    } catch (error) {
      return this.#unreadable(op, key, server, error)
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
  #judgeMarked(item: Item): Miss | undefined {
    if (item.flags === FLAGS_TORN) throw new SerializationError('the stored bytes are cut or of another make')
    if (!this.format.metadata) return undefined
    if (countsAsAbsent(item, epochNow())) return item.flags === FLAG_LEASE ? Miss.absent : Miss.stale
    if ((item.flags & FLAG_METADATA) === 0) return undefined
    if (item.metadata === undefined) throw new SerializationError('its metadata is missing')
    // Whether its tags are still valid is not looked up: it may have been invalidated.
    return readMetadata(item.metadata).tags === undefined ? undefined : Miss.invalidated
  }

  #unreadable(op: string, key: string, server: (key: string) => string, error: unknown): Miss {
    const message = `the entry cannot be read and counts as a miss: ${error instanceof Error ? error.message : String(error)}`
    this.#signals.failed(new SerializationError(message, { op, key, server: server(key), cause: error }))
    return Miss.unreadable
  }
}

const noValue = 'the serializer decodes it to undefined, which is no value'

function notEncoded(error: unknown, op: string, key: string): SerializationError {
  const message = error instanceof Error ? error.message : String(error)
  return new SerializationError(message, { op, key, cause: error })
}
