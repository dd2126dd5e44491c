import { randomBytes } from 'node:crypto'
import {
  countsAsAbsent,
  type Encoded,
  FLAG_LEASE,
  FLAG_METADATA,
  FLAGS_TORN,
  type Format,
  type Metadata,
  nativeFormat,
  readMetadata,
  type Serializer,
} from '@anycache/serializer'
import { chain } from '../answer.js'
import { InvalidArgumentError, NotSupportedError, SerializationError } from '../errors.js'
import type { Signals } from '../events/signals.js'
import type { StandardSchema } from '../schema.js'
import { type Call, type Item, type Owed, owed, type StoredItem } from '../store.js'
import { encoded } from './encoding.js'
import { marked } from './marking.js'
import { Shape, Unfit } from './shape.js'
import { areCurrent, type Tags, type TagVersions } from './tags.js'
import { undecodable, unfit } from './unreadable.js'
import { type Judged, type Judging, Miss } from './verdict.js'

const nonceBytes = 8
const marks = FLAG_LEASE | FLAG_METADATA
const noValue = 'the serializer decodes it to undefined, which is no value'

/** What the items of a cache mean: between a store's flags and bytes and the values of the verbs. */
export class Entries {
  readonly format: Format
  readonly tags: Tags
  readonly epochNow: () => number
  readonly #serializer: Serializer
  readonly #signals: Signals
  readonly #shape: Shape | undefined

  constructor(serializer: Serializer, signals: Signals, tags: Tags, epochNow: () => number, shape?: Shape) {
    this.format = serializer.format ?? nativeFormat
    this.tags = tags
    this.epochNow = epochNow
    this.#serializer = serializer
    this.#signals = signals
    this.#shape = shape
  }

  /** Whether values have to fit a schema. */
  get isTyped(): boolean {
    return this.#shape !== undefined
  }

  /** The version of the schema that its values fit, if there are both. */
  get version(): string | undefined {
    return this.#shape?.version
  }

  /** The same entries, whose values have to fit the schema, and to be of this version where there is one. */
  typed(schema: StandardSchema, version: string | undefined): Entries {
    if (version !== undefined && !this.format.metadata) {
      const message =
        "the serializer's format has no place for a version; leave it out, or use a serializer of the native format"
      throw new NotSupportedError(message, { op: 'typed' })
    }
    return new Entries(this.#serializer, this.#signals, this.tags, this.epochNow, new Shape(schema, version))
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
          return this.#decodeUnless(miss, op, key, answer, server, judging)
        }
        if (miss !== undefined) return miss
        if (this.format.metadata) flags = (flags & ~FLAG_METADATA) >>> 0
      } else if (this.version !== undefined) return Miss.unfit
      return this.#decode(op, key, flags, answer, server, judging)
    } catch (error) {
      return undecodable(this.#signals, op, key, server, error)
    }
  }

  /** Apart, as all that needs a closure: one allocates, even where it is not reached. */
  async #decodeUnless<T>(
    looking: Promise<Miss | undefined>,
    op: string,
    key: string,
    item: Item,
    server: (key: string) => string,
    judging: Judging | undefined,
  ): Promise<Judged<T>> {
    const miss = await looking
    return miss ?? this.#decode<T>(op, key, (item.flags & ~FLAG_METADATA) >>> 0, item, server, judging)
  }

  #decode<T>(
    op: string,
    key: string,
    flags: number,
    { data }: Item,
    server: (key: string) => string,
    judging: Judging | undefined,
  ): Judged<T> | Promise<Judged<T>> {
    try {
      const value = this.#serializer.decode(flags, data)
      if (value instanceof Promise) return this.#decoded<T>(op, key, value, server, judging)
      return this.#valueOf<T>(op, key, value, server, judging)
    } catch (error) {
      return undecodable(this.#signals, op, key, server, error)
    }
  }

  async #decoded<T>(
    op: string,
    key: string,
    decoding: Promise<unknown>,
    server: (key: string) => string,
    judging: Judging | undefined,
  ): Promise<Judged<T>> {
    let value: unknown
    try {
      value = await decoding
    } catch (error) {
      return undecodable(this.#signals, op, key, server, error)
    }
    return this.#valueOf<T>(op, key, value, server, judging)
  }

  #valueOf<T>(
    op: string,
    key: string,
    value: unknown,
    server: (key: string) => string,
    judging: Judging | undefined,
  ): Judged<T> | Promise<Judged<T>> {
    if (value === undefined) return undecodable(this.#signals, op, key, server, noValue)
    return this.#shape === undefined ? (value as T) : this.#fitting<T>(this.#shape, op, key, value, server, judging)
  }

  /** What the schema makes of a decoded value. Neither throws nor rejects. */
  #fitting<T>(
    shape: Shape,
    op: string,
    key: string,
    value: unknown,
    server: (key: string) => string,
    judging: Judging | undefined,
  ): Judged<T> | Promise<Judged<T>> {
    return chain(shape.check(value), output => {
      if (output instanceof Unfit) return unfit(this.#signals, op, key, server, output)
      return (judging?.asStored ? value : output) as T
    })
  }

  /** The value as an item. Throws or rejects with the caller's error, for a value that does not fit as well. */
  encode(op: string, key: string, value: unknown): Item | Promise<Item> {
    const item = encoded(this.#serializer, op, key, value)
    return this.#shape === undefined ? item : this.#checked(op, key, value, item)
  }

  /**
   * Asks the schema about what a reader will get: nobody changes that while the schema takes its time, and an instance of a class is plain
   * data by then.
   */
  #checked(op: string, key: string, value: unknown, encoded: Encoded | Promise<Encoded>): Item | Promise<Item> {
    return chain(encoded, ready => {
      const output = chain(this.copyOf(value, ready), copy => this.fit(op, key, copy))
      return chain(output, () => this.item(ready))
    })
  }

  /** An encoded value with what is noted of it; as it is where there is nothing to note. */
  item(encoded: Encoded, metadata?: Metadata): Item {
    const shape = this.#shape
    if (shape?.metadata === undefined) return metadata === undefined ? encoded : marked(encoded, metadata)
    return marked(encoded, metadata === undefined ? shape.metadata : { ...metadata, shape: shape.version })
  }

  /** The entry as a write with these tags stores it: as it is without any. */
  tagged(item: Item, tags: TagVersions | undefined): Item {
    if (tags === undefined || tags.size === 0) return item
    // The nonce: a token of an entry must not fit the next one of the same value, whatever the clock says.
    return this.item(item, { created: this.epochNow(), nonce: randomBytes(nonceBytes), tags })
  }

  /** What a reader of a stored value gets: what the schema makes of it. Throws or rejects with an error that lists the schema's issues. */
  fit<T>(op: string, key: string, value: unknown): T | Promise<T> {
    // A loader's `undefined` is no value: it is never stored, and no schema is asked about it.
    if (this.#shape === undefined || value === undefined) return value as T
    return chain(this.#shape.check(value), output => {
      if (!(output instanceof Unfit)) return output as T
      const { reason, cause } = output
      throw new InvalidArgumentError(`the value does not fit the schema: ${reason}`, { op, key, cause })
    })
  }

  /**
   * A written value as it will be decoded, which no schema has seen: the value itself where that is known to be the same, or where it cannot
   * be read back.
   */
  copyOf<T>(value: T, { flags, data }: Encoded): T | Promise<T> {
    // Where there is a schema, the value may be what it made of another one.
    if (this.#shape === undefined && (typeof value !== 'object' || value === null)) return value
    try {
      const copy = this.#serializer.decode(this.format.metadata ? (flags & ~FLAG_METADATA) >>> 0 : flags, data)
      return copy instanceof Promise ? copy.catch(() => value) : (copy as T)
    } catch {
      // Over `maxDecodedBytes`: every read of it will be a miss, and report so. This caller has the value.
      return value
    }
  }

  /** A value that was read, for one more reader. Neither throws nor rejects. */
  readAgain<T>(value: T, encoded: Encoded): T | Promise<T> {
    const copy = this.copyOf(value, encoded)
    const shape = this.#shape
    if (shape === undefined) return copy
    return chain(
      chain(copy, stored => shape.check(stored)),
      output => (output instanceof Unfit ? value : (output as T)),
    )
  }

  /** Throws where the item cannot be read. */
  #judgeMarked(item: Item, call: Call, judging: Judging | undefined): Miss | Promise<Miss | undefined> | undefined {
    if (item.flags === FLAGS_TORN) throw new SerializationError('the stored bytes are cut or of another make')
    if (!this.format.metadata) return undefined
    if (item.flags === FLAG_LEASE) return Miss.absent
    if (!judging?.allowsStale && countsAsAbsent(item, this.epochNow())) return Miss.stale
    if ((item.flags & FLAG_METADATA) === 0) return this.version === undefined ? undefined : Miss.unfit
    if (item.metadata === undefined) throw new SerializationError('its metadata is missing')
    if (this.#shape?.isAllOf(item.metadata)) return undefined
    const { tags, shape } = readMetadata(item.metadata)
    if (this.version !== undefined && shape !== this.version) return Miss.unfit
    if (tags === undefined) return undefined
    const isInvalid = (current: TagVersions): Miss | undefined => missOf(areCurrent(tags, current))
    const names = [...tags.keys()]
    const versions = judging?.versions
    if (versions !== undefined && names.every(tag => versions.has(tag))) return isInvalid(versions)
    return this.tags.current(names, call).then(isInvalid)
  }
}

function missOf(isCurrent: boolean | undefined): Miss | undefined {
  if (isCurrent === undefined) return Miss.outage
  return isCurrent ? undefined : Miss.invalidated
}
