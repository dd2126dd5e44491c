export type { RedisClient } from './client/client.js'
export type { ClientStream } from './client/corked-writer.js'
export type { RedisStoreOptions } from './options.js'
export { RedisStore } from './store.js'
