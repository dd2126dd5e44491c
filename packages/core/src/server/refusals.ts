import type { CacheError } from '../errors.js'
import { setImmediate } from '../timers.js'

/** A call that can be failed. */
export interface Refusable {
  fail(error: CacheError): void
}

let refused: { readonly call: Refusable; readonly error: CacheError }[] = []

/**
 * Fails a call that was refused without asking the server, in the next turn of the event loop: a caller that tries again at once would
 * otherwise run in microtasks alone and keep the loop from the timers and sockets that end the outage.
 */
export function failNextTurn(call: Refusable, error: CacheError): void {
  if (refused.push({ call, error }) === 1) setImmediate(failAll)
}

/** {@link failNextTurn} for a call that is a promise. */
export function refusal(error: CacheError): Promise<never> {
  return new Promise((_, fail) => failNextTurn({ fail }, error))
}

function failAll(): void {
  const due = refused
  refused = []
  for (const { call, error } of due) call.fail(error)
}
