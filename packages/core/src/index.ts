export type {
  Cache,
  CacheInfo,
  CallOptions,
  CountingOptions,
  CountOptions,
  Loader,
  LoadOptions,
  WriteOptions,
} from './cache.js'
export { cacheOver } from './cache-over.js'
export { awaitBy, type Pending, settled } from './deadlines.js'
export {
  CacheError,
  ClosedError,
  ConfigError,
  ConflictError,
  ConnectionError,
  CounterRangeError,
  type ErrorCode,
  type ErrorContext,
  InvalidArgumentError,
  NotACounterError,
  NotAppendableError,
  NotSupportedError,
  type Outcome,
  OverloadedError,
  SerializationError,
  ServerError,
  TimeoutError,
  ValueTooLargeError,
} from './errors.js'
export type { CacheEvents } from './events.js'
export { carried, hashedKeyBytes, patternOf, prefixOf } from './keys.js'
export { type BreakerOptions, checkBreaker, Link, type LinkOptions } from './link.js'
export type { LoaderContext, LoadOutcome } from './load.js'
export { checkOptions, nearest } from './options.js'
export type { CacheOptions } from './settings.js'
export { shown } from './shown.js'
export type { CacheStats } from './stats.js'
export type {
  Answer,
  Call,
  CasToken,
  Condition,
  Counted,
  Failed,
  Item,
  Limits,
  ServerStats,
  Space,
  Store,
  StoredItem,
  StoreEvent,
  Write,
  Written,
} from './store.js'
export {
  clearInterval,
  clearTimeout,
  epochNow,
  longestTimer,
  nextTick,
  nextTurn,
  now,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
  withRealTicks,
} from './timers.js'
export { type Duration, milliseconds, type Ttl, ttlMs } from './ttl.js'
