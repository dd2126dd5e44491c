import { now } from '@anycache/core'
import type { Request } from './request.js'

/** What was written on a connection and is not answered, in order. */
export class Unanswered {
  /** Those before `#head` are done. */
  #requests: (Request | undefined)[] = []
  #head = 0

  get isEmpty(): boolean {
    return this.#requests.length === 0
  }

  /** The request so many behind the first. */
  at(index: number): Request | undefined {
    return this.#requests[this.#head + index]
  }

  push(request: Request): void {
    this.#requests.push(request)
  }

  /** Takes out the first, which there is. */
  shift(): Request {
    const request = this.#requests[this.#head] as Request
    this.#requests[this.#head++] = undefined
    if (this.#head === this.#requests.length) {
      this.#requests = []
      this.#head = 0
    } else if (this.#head === 4096) {
      this.#requests = this.#requests.slice(4096)
      this.#head = 0
    }
    return request
  }

  rest(): Request[] {
    return this.#requests.slice(this.#head) as Request[]
  }

  clear(): void {
    this.#requests = []
    this.#head = 0
  }
}

/** The reads that may be sent once more: one that goes behind a write of its key would find what was written after it was asked. */
export function repeatableReads(requests: readonly Request[]): Set<Request> {
  const reads = new Set<Request>()
  const written = new Set<string>()
  for (const request of requests.toReversed()) {
    if (!request.isRead) written.add(request.wireKey)
    else if (!written.has(request.wireKey)) reads.add(request)
  }
  return reads
}

/** How many exchanges of these requests are past a deadline, of those that were not found late before. */
export function lateExchanges(requests: readonly Request[]): number {
  const moment = now()
  let late = 0
  for (const { exchange, over, deadline } of requests) {
    if (exchange?.isCounted !== false || over || deadline > moment) continue
    exchange.isCounted = true
    late++
  }
  return late
}
