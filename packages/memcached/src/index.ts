export type { ServerOptions } from './endpoint.js'
export type { MemjsClient, MemjsSource } from './memjs-client.js'
export type { MemcachedOptions } from './options.js'
export { MemcachedStore } from './store.js'
