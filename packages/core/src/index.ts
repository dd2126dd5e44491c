export type { Cache, CacheInfo, Lock, TypedCache } from './cache.js'
export { cacheOver } from './cache-over.js'
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
export type { CacheEvents, MissReason } from './events/events.js'
export type { CacheStats } from './events/stats.js'
export { hold } from './hold.js'
export { fitKey, hashedKeyBytes, patternOf, prefixOf } from './input/keys.js'
export { checkOptions, nearest } from './input/options.js'
export type { CacheOptions } from './input/settings.js'
export { shown } from './input/shown.js'
export { type Duration, defaultTimeout, milliseconds, type Ttl, ttlMs } from './input/ttl.js'
export type { LoadedMany, Loader, LoaderContext, LoadOutcome, ManyLoader, ManyLoaderContext } from './loader.js'
export type {
  CallOptions,
  CountingOptions,
  CountOptions,
  LoadOptions,
  LockOptions,
  ReadThroughOptions,
  TypedOptions,
  WriteOptions,
} from './options.js'
export { type RememberingOptions, remembering } from './outage/remembering.js'
export type { SchemaIssue, SchemaResult, StandardSchema } from './schema.js'
export { Admission } from './server/admission.js'
export { Backoff } from './server/backoff.js'
export { Breaker, type BreakerOptions, type BreakerSetup, checkBreaker } from './server/breaker.js'
export { type Pending, unwatch, watchDeadline } from './server/deadlines.js'
export { everyServer } from './server/every-server.js'
export { Exchange, type Wire } from './server/exchange.js'
export {
  type HealthOptions,
  type HealthSettings,
  healthOptionNames,
  resolveHealth,
} from './server/health-options.js'
export { Listeners } from './server/listeners.js'
export { Progress, type Verdict } from './server/progress.js'
export { failNextTurn, type Refusable, refusal } from './server/refusals.js'
export { Unsettled } from './server/unsettled.js'
export type {
  Answer,
  Call,
  CasToken,
  Claimed,
  Condition,
  Counted,
  Failed,
  Item,
  Limits,
  Owed,
  ServerStats,
  Space,
  Store,
  StoredItem,
  StoreEvent,
  Touched,
  VersionedItem,
  Write,
  Written,
} from './store.js'
export { owed } from './store.js'
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
