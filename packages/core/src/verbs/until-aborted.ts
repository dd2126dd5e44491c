/** Who leaves when a signal fires. One listener for all of them: Node warns of a leak at the eleventh on one signal. */
const leaving = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `leave` when the signal fires. Returns what ends that. */
export function onAbort(signal: AbortSignal, leave: () => void): () => void {
  let all = leaving.get(signal)
  if (all === undefined) {
    all = new Set()
    leaving.set(signal, all)
    signal.addEventListener('abort', abort, { once: true })
  }
  all.add(leave)
  return () => {
    all.delete(leave)
    if (all.size === 0 && leaving.delete(signal)) signal.removeEventListener('abort', abort)
  }
}

/** The promise, or a rejection with the signal's reason, whichever is first. The signal has not fired yet. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stay = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(stay)
  })
}

function abort(this: AbortSignal): void {
  for (const leave of leaving.get(this) ?? []) leave()
}
