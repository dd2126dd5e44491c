/*
 * The process' clock and timers as they were when this module was loaded. Fake timers that a test installs later (vitest, Jest, sinon,
 * node:test) replace the globals: a deadline set on those would never fire, and an interval begun under them would never be cleared.
 */

/** The clock of every deadline: `performance.now()`, which no change of the system's time moves. */
export const now: () => number = performance.now.bind(performance)
/** Milliseconds since 1970, for what a server counts in Unix time. */
export const epochNow: () => number = Date.now
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval
export const clearInterval: typeof globalThis.clearInterval = globalThis.clearInterval
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask
export const nextTick: typeof process.nextTick = process.nextTick

/**
 * Runs code that opens or closes a socket. Node's sockets read `process.nextTick` at that moment, and under a fake one no connection would
 * ever be made.
 */
export function withRealTicks<T>(run: () => T): T {
  const current = process.nextTick
  if (current === nextTick) return run()
  process.nextTick = nextTick
  try {
    return run()
  } finally {
    process.nextTick = current
  }
}

/** The longest delay of a timer, in ms: Node fires a longer one at once. */
export const longestTimer: number = 2 ** 31 - 1

let turn: Promise<void> | undefined

/**
 * Resolves in the next turn of the event loop. Answers that need no server wait for it: a loop that calls until the server is back would
 * otherwise run in microtasks alone, and no timer or socket would ever get its turn.
 */
export function nextTurn(): Promise<void> {
  turn ??= new Promise(resolve => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  })
  return turn
}
