import { describe, vi } from 'vitest'
import { worksUnder } from './works-under.js'

function restore(): void {
  vi.useRealTimers()
}

describe('the fakes that vitest installs by default', () => {
  worksUnder(() => {
    vi.useFakeTimers()
    return restore
  })
})

// Vitest itself refuses to fake `process.nextTick` in a forked process.
describe("all of vitest's fakes", () => {
  worksUnder(() => {
    vi.useFakeTimers({
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'setImmediate',
        'clearImmediate',
        'queueMicrotask',
        'performance',
        'hrtime',
        'Date',
      ],
    })
    return restore
  })
})
