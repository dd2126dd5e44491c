export type { Clock } from './clock.js'
export type { Entry } from './entry.js'
export type { MemoryOptions } from './memory-options.js'
export { MemoryStore } from './memory-store.js'
