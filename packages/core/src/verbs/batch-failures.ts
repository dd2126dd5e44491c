import type { CacheError } from '../errors.js'
import type { CallOptions } from '../options.js'
import type { Namespace } from './namespace.js'

/** The failures that a call on many keys meets: each server's trouble is reported once, however many of the keys it holds. */
export class BatchFailures {
  readonly #namespace: Namespace
  readonly #op: string
  readonly #open: boolean
  readonly #reported = new Set<string>()
  #first: CacheError | undefined

  constructor(namespace: Namespace, op: string, options: CallOptions | undefined) {
    this.#namespace = namespace
    this.#op = op
    this.#open = namespace.open(options)
  }

  /** Reports the failure behind `key` if it is new. Returns what to throw, where the call does not fail open. */
  report(failure: CacheError, key: string): CacheError | undefined {
    const trouble = `${failure.code} ${failure.server}`
    if (this.#reported.has(trouble)) return undefined
    this.#reported.add(trouble)
    const error = this.#namespace.outage(failure, this.#op, key)
    if (this.#open) return undefined
    this.#first ??= error
    return error
  }

  /** For calls that report everything first. */
  throwFirst(): void {
    if (this.#first !== undefined) throw this.#first
  }
}
