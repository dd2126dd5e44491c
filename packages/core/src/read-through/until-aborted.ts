/** Who waits under a signal. One listener for all of them: Node warns of a leak at the eleventh on one signal. */
const waits = new WeakMap<AbortSignal, Set<() => void>>()

/** The promise, or a rejection with the signal's reason, whichever is first. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      // Nobody else may be told of its failure any more.
      promise.catch(() => {})
      reject(signal.reason)
      return
    }
    const leave = (): void => reject(signal.reason)
    const waiting = waitsUnder(signal)
    waiting.add(leave)
    const done = (): void => {
      waiting.delete(leave)
      if (waiting.size === 0 && waits.delete(signal)) signal.removeEventListener('abort', abort)
    }
    promise.then(resolve, reject).finally(done)
  })
}

function waitsUnder(signal: AbortSignal): Set<() => void> {
  let waiting = waits.get(signal)
  if (waiting === undefined) {
    waiting = new Set()
    waits.set(signal, waiting)
    signal.addEventListener('abort', abort, { once: true })
  }
  return waiting
}

function abort(this: AbortSignal): void {
  for (const leave of waits.get(this) ?? []) leave()
}
