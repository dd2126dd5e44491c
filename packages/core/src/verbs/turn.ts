import type { CacheError } from '../errors.js'
import { unwatch, watchDeadline } from '../server/deadlines.js'
import type { Answer, Call } from '../store.js'

/** A call that must wait for earlier ones on its key. */
export interface Waiting<T> {
  /** A promise where the value is still being encoded: the server's time begins after that. */
  readonly call: Call | Promise<Call>
  /** Takes the call's place now, and runs the given function when its turn has come. */
  readonly queue: (run: () => Answer<T>) => Promise<T>
  readonly send: (call: Call) => Answer<T>
  /** Runs instead of `send` where the deadline passed before the turn came, since an undone delete must be remembered. */
  readonly forgo?: (() => void) | undefined
  readonly tooLate: () => CacheError
}

/** Sends in turn, or rejects at the deadline and never sends. */
export function inTurn<T>({ call, queue, send, forgo, tooLate }: Waiting<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let known: Call | undefined
    let expired = false
    const wait = {
      deadline: Number.POSITIVE_INFINITY,
      expire: () => {
        expired = true
        reject(tooLate())
      },
    }
    const begin = (from: Call): void => {
      known = from
      if (from.deadline === Number.POSITIVE_INFINITY) return
      wait.deadline = from.deadline
      watchDeadline(wait)
    }
    if (call instanceof Promise) call.then(begin, () => {})
    else begin(call)
    const run = (): Answer<T> => {
      unwatch(wait)
      if (!expired) return send(known as Call)
      forgo?.()
      return undefined as T
    }
    queue(run).then(resolve, reject)
  })
}
