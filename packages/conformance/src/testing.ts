export type { ChaosVerb } from './testing/chaos-space.js'
export { type ChaosStore, chaosStore } from './testing/chaos-store.js'
export { type FakeClock, fakeClock } from './testing/fake-clock.js'
