export type { MemcachedOptions, MemjsClient } from './memcached-options.js'
export { MemcachedStore } from './memcached-store.js'
export type { ServerOptions } from './servers.js'
