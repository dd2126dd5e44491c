export type { MemcachedOptions } from './memcached-options.js'
export { MemcachedStore } from './memcached-store.js'
export type { MemjsClient, MemjsSource } from './memjs-client.js'
export type { ServerOptions } from './servers.js'
