export { type FakeClock, fakeClock } from './testing/fake-clock.js'
