export type { RedisClient } from './client.js'
export type { RedisStoreOptions } from './options.js'
export type { ClientStream } from './outlet.js'
export { RedisStore } from './store.js'
