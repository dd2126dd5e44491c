export type { ClientStream, RedisClient } from './client.js'
export type { RedisStoreOptions } from './redis-options.js'
export { RedisStore } from './redis-store.js'
