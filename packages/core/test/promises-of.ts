import { createHook } from 'node:async_hooks'

/** How many promises one call makes, the caller's `await` excepted. No timer or socket runs in between: all of them are the call's. */
export async function promisesOf(call: () => Promise<unknown>): Promise<number> {
  await call()
  // What follows the loaders of the first call ends with the loop's turn.
  await new Promise(resolve => setImmediate(resolve))
  let count = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') count++
    },
  })
  hook.enable()
  const answer = call()
  await answer
  hook.disable()
  return count - 1
}
