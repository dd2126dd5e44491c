export type { Clock } from './clock.js'
export type { Entry } from './entry.js'
export type { MemoryOptions } from './options.js'
export { MemoryStore } from './store.js'
