export type { RedisClient } from './client.js'
export type { ClientStream } from './outlet.js'
export type { RedisStoreOptions } from './redis-options.js'
export { RedisStore } from './redis-store.js'
