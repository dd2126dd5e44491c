import type { CallOptions } from './cache.js'
import type { CacheError } from './errors.js'
import type { Scope } from './scope.js'

/** The failures that a call on many keys meets: each server's trouble is reported once, however many of the keys it holds. */
export class Troubles {
  readonly #scope: Scope
  readonly #op: string
  readonly #open: boolean
  readonly #told = new Set<string>()
  #first: CacheError | undefined

  constructor(scope: Scope, op: string, options: CallOptions | undefined) {
    this.#scope = scope
    this.#op = op
    this.#open = scope.open(options)
  }

  /** Reports the failure behind `key` if it is new. Returns what to throw, where the call does not fail open. */
  tell(failure: CacheError, key: string): CacheError | undefined {
    const trouble = `${failure.code} ${failure.server}`
    if (this.#told.has(trouble)) return undefined
    this.#told.add(trouble)
    const error = this.#scope.outage(failure, this.#op, key)
    if (this.#open) return undefined
    this.#first ??= error
    return error
  }

  /** For calls that report everything first. */
  throwFirst(): void {
    if (this.#first !== undefined) throw this.#first
  }
}
