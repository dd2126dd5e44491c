import { OverloadedError } from '@anycache/core'
import type { Request } from './request.js'

/** What a small request costs in memory beside its payload, roughly. */
const requestBytes = 256

/** Bounds the bytes that are queued or unanswered on one server. */
export class Budget {
  readonly #server: string
  readonly #most: number
  #bytes = 0

  constructor(server: string, maxInFlightBytes: number) {
    this.#server = server
    this.#most = maxInFlightBytes
  }

  /** Why the request does not fit in. One always does: a bound below the item limit would otherwise shut some values out for ever. */
  refusal({ bytes }: Request): OverloadedError | undefined {
    if (this.#bytes === 0 || this.#bytes + bytes <= this.#most) return undefined
    return new OverloadedError(
      `${this.#server} has ${this.#bytes} bytes queued or unanswered, over maxInFlightBytes (${this.#most})`,
      { server: this.#server, outcome: 'not-sent' },
    )
  }

  spend({ bytes }: Request): void {
    this.#bytes += requestBytes + bytes
  }

  refund({ bytes }: Request): void {
    this.#bytes -= requestBytes + bytes
  }
}
