import { type CacheError, nextTurn } from '@anycache/core'
import type { Request } from './request.js'

/**
 * Requests that are refused without asking the server. They settle in the next turn of the event loop: a caller that tries again
 * at once would otherwise keep the loop from the timers and sockets that end the outage.
 */
export class Refusals {
  #refused: { readonly request: Request; readonly error: CacheError }[] = []

  add(request: Request, error: CacheError): void {
    this.#refused.push({ request, error })
    if (this.#refused.length === 1) void nextTurn().then(() => this.#settle())
  }

  #settle(): void {
    const refused = this.#refused
    this.#refused = []
    for (const { request, error } of refused) request.fail(error)
  }
}
