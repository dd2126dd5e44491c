export { capabilities } from './capabilities.js'
export type { Capability, Case } from './case.js'
export { type ConformanceOptions, describeCache, runCase } from './describe-cache.js'
export { type Backend, Trial } from './trial.js'
