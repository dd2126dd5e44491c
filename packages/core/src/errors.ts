/** Every code a {@link CacheError} can carry. Match on the code, not on `instanceof`: two copies of a package may be loaded. */
export type ErrorCode =
  | 'ERR_CACHE_INVALID_ARGUMENT'
  | 'ERR_CACHE_CONFIG'
  | 'ERR_CACHE_NOT_SUPPORTED'
  | 'ERR_CACHE_CLOSED'
  | 'ERR_CACHE_CONNECTION'
  | 'ERR_CACHE_TIMEOUT'
  | 'ERR_CACHE_SERVER'
  | 'ERR_CACHE_VALUE_TOO_LARGE'
  | 'ERR_CACHE_SERIALIZATION'
  | 'ERR_CACHE_NOT_A_COUNTER'
  | 'ERR_CACHE_NOT_APPENDABLE'
  | 'ERR_CACHE_CONFLICT'
  | 'ERR_CACHE_OVERLOADED'
  | 'ERR_CACHE_COUNTER_RANGE'

/** What happened to the request behind a failure: it never left, nobody knows, or the server said no. */
export type Outcome = 'not-sent' | 'unknown' | 'refused'

/** Where a failure happened. Each field is there only when it is known. */
export interface ErrorContext {
  /** The verb that failed, as the caller named it: `get`, `setMany`. */
  readonly op?: string | undefined
  /** The caller's key, never the wire key. */
  readonly key?: string | undefined
  /** The server, as `host:port` or a socket path, without credentials. */
  readonly server?: string | undefined
  readonly outcome?: Outcome | undefined
  readonly cause?: unknown
}

/** The base of every error anycache throws. `code` is stable; the message gives the fact, the value and the way out. */
export abstract class CacheError extends Error {
  abstract readonly code: ErrorCode
  readonly op: string | undefined
  readonly key: string | undefined
  readonly server: string | undefined
  /** For failures of a server: whether the request may have taken effect. `undefined` for every other error. */
  readonly outcome: Outcome | undefined

  constructor(message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.op = context.op
    this.key = context.key
    this.server = context.server
    this.outcome = context.outcome
  }

  /**
   * A new error for the same failure, seen from elsewhere: what `context` and `message` leave out stays. Its cause is this error's own
   * cause, or this error. Many calls may share one failure, and each needs an error of its own.
   */
  at(context: ErrorContext, message: string = this.message): this {
    const Class = this.constructor as new (message: string, context: ErrorContext) => this
    const { op, key, server, outcome, cause = this } = this
    return new Class(message, { op, key, server, outcome, cause, ...context })
  }
}

/** A value the caller passed cannot be used. Thrown before any I/O. */
export class InvalidArgumentError extends CacheError {
  override readonly name = 'InvalidArgumentError'
  readonly code = 'ERR_CACHE_INVALID_ARGUMENT' as const
}

/** The configuration cannot be used; the message lists every problem with its path. */
export class ConfigError extends CacheError {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CACHE_CONFIG' as const
}

/** The backend cannot do this, now or ever; `cache.info().limits` says so beforehand. */
export class NotSupportedError extends CacheError {
  override readonly name = 'NotSupportedError'
  readonly code = 'ERR_CACHE_NOT_SUPPORTED' as const
}

/** The cache was closed before the call. */
export class ClosedError extends CacheError {
  override readonly name = 'ClosedError'
  readonly code = 'ERR_CACHE_CLOSED' as const
}

/** The server cannot be reached, or the connection was lost before the reply. */
export class ConnectionError extends CacheError {
  override readonly name = 'ConnectionError'
  readonly code = 'ERR_CACHE_CONNECTION' as const
}

/** No answer came before the call's deadline. A write behind it may still take effect later. */
export class TimeoutError extends CacheError {
  override readonly name = 'TimeoutError'
  readonly code = 'ERR_CACHE_TIMEOUT' as const
}

/** The server answered with an error: out of memory, loading, read-only, no permission. */
export class ServerError extends CacheError {
  override readonly name = 'ServerError'
  readonly code = 'ERR_CACHE_SERVER' as const
}

/** The encoded value is over the item limit of the server or of `maxValueBytes`. */
export class ValueTooLargeError extends CacheError {
  override readonly name = 'ValueTooLargeError'
  readonly code = 'ERR_CACHE_VALUE_TOO_LARGE' as const
}

/** The value cannot be encoded, or stored bytes cannot be decoded. */
export class SerializationError extends CacheError {
  override readonly name = 'SerializationError'
  readonly code = 'ERR_CACHE_SERIALIZATION' as const
}

/** The value under the key is not a whole number from 0 to 2^53−1 that `set` or `increment` wrote. */
export class NotACounterError extends CacheError {
  override readonly name = 'NotACounterError'
  readonly code = 'ERR_CACHE_NOT_A_COUNTER' as const
}

/** `append` and `prepend` join text to text and bytes to bytes; the entry holds something else. */
export class NotAppendableError extends CacheError {
  override readonly name = 'NotAppendableError'
  readonly code = 'ERR_CACHE_NOT_APPENDABLE' as const
}

/** An `update`, `append` or `prepend` kept losing against other writers. */
export class ConflictError extends CacheError {
  override readonly name = 'ConflictError'
  readonly code = 'ERR_CACHE_CONFLICT' as const
}

/** Too much is in flight to the server already; nothing was sent. */
export class OverloadedError extends CacheError {
  override readonly name = 'OverloadedError'
  readonly code = 'ERR_CACHE_OVERLOADED' as const
}

/** The counter would leave 0…2^53−1; nothing was counted. */
export class CounterRangeError extends CacheError {
  override readonly name = 'CounterRangeError'
  readonly code = 'ERR_CACHE_COUNTER_RANGE' as const
}

const outageCodes: ReadonlySet<string> = new Set([
  'ERR_CACHE_CONNECTION',
  'ERR_CACHE_TIMEOUT',
  'ERR_CACHE_SERVER',
  'ERR_CACHE_OVERLOADED',
])

/** True for the failures that `onError` governs: server trouble, never a caller's mistake. */
export function isOutage(error: unknown): error is CacheError {
  return error instanceof Error && outageCodes.has((error as { code?: unknown }).code as string)
}

/** The same failure with the caller's op and key. A new error each time: many calls may share one lost connection. */
export function located(error: CacheError, op: string, key: string | undefined): CacheError {
  return error.at({ op, key })
}
