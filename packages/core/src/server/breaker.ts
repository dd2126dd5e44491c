import { type CacheError, ConnectionError, InvalidArgumentError } from '../errors.js'
import { checkOptions } from '../input/options.js'
import { shown } from '../input/shown.js'
import { milliseconds } from '../input/ttl.js'
import type { StoreEvent } from '../store.js'
import { clearTimeout, now, setTimeout } from '../timers.js'

/** When a server is given a rest. */
export interface BreakerOptions {
  /** Failures in a row that open the breaker. A connection that cannot be made opens it at once. Default 5. */
  readonly failures?: number
  /** Milliseconds to the first probe after opening. Default 100. */
  readonly minDelay?: number
  /** Milliseconds from probe to probe at most, unless a probe takes longer; the delay doubles up to here. Default 700. */
  readonly maxDelay?: number
}

const optionNames = ['failures', 'minDelay', 'maxDelay'] as const

/** A store's `breaker` option as a {@link Breaker} takes it. Throws `InvalidArgumentError`; `where` names the store. */
export function checkBreaker(where: string, breaker: unknown): BreakerOptions | false | undefined {
  if (breaker === undefined || breaker === false) return breaker
  checkOptions(`${where}: breaker`, breaker, optionNames)
  const { failures = 5, minDelay = 100, maxDelay = 700 } = breaker as BreakerOptions
  if (!Number.isInteger(failures) || failures < 1) {
    throw new InvalidArgumentError(`${where}: breaker.failures must be a whole number from 1, got ${shown(failures)}`)
  }
  return {
    failures,
    minDelay: milliseconds(minDelay, `${where}: breaker.minDelay`),
    maxDelay: milliseconds(maxDelay, `${where}: breaker.maxDelay`),
  }
}

export interface BreakerSetup {
  /** `host:port` or a socket path, without credentials. */
  readonly server: string
  /** `false`: every call tries for itself. */
  readonly breaker?: BreakerOptions | false | undefined
  /** Connects where needed and asks the server for a sign of life; rejects when none came. */
  readonly probe: () => Promise<void>
  readonly report: (event: StoreEvent) => void
}

/**
 * One server's health: the breaker of Nygard, "Release It!" (2007), with a probe of the store's own, so that no caller's request
 * is the guinea pig. While it is open every call is refused at once; the first answered probe closes it.
 */
export class Breaker {
  readonly server: string
  readonly #enabled: boolean
  readonly #limit: number
  readonly #minDelay: number
  readonly #maxDelay: number
  readonly #probe: () => Promise<void>
  readonly #report: (event: StoreEvent) => void
  #failures = 0
  #open = false
  #closed = false
  #attempt = 0
  #timer: NodeJS.Timeout | undefined
  #reason: CacheError | undefined

  constructor(options: BreakerSetup) {
    const breaker = options.breaker === false ? undefined : (options.breaker ?? {})
    this.server = options.server
    this.#enabled = breaker !== undefined
    this.#limit = breaker?.failures ?? 5
    this.#minDelay = breaker?.minDelay ?? 100
    this.#maxDelay = Math.max(breaker?.maxDelay ?? 700, this.#minDelay)
    this.#probe = options.probe
    this.#report = options.report
  }

  /** The error to reject with at once, or `undefined` when requests may be sent. */
  refusal(): ConnectionError | undefined {
    if (!this.#open) return undefined
    return new ConnectionError(
      `${this.server} is not asked: its breaker is open after ${this.#reason?.message ?? 'failures'}; a probe closes it when the server answers`,
      { server: this.server, outcome: 'not-sent', cause: this.#reason },
    )
  }

  /** A reply came, be it an error of the server's: it lives. */
  succeeded(): void {
    this.#failures = 0
  }

  /** No reply came in time, or the connection was lost. `refused`: no connection can be made, so one failure is enough. */
  failed(error: CacheError, refused = false): void {
    if (!this.#enabled || this.#open || this.#closed) return
    this.#failures++
    if (!refused && this.#failures < this.#limit) return
    this.#open = true
    this.#reason = error
    this.#attempt = 0
    this.#report({ type: 'breaker', server: this.server, state: 'open' })
    this.#schedule()
  }

  /** Stops probing. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** `probed`: how many ms the last probe took. The delay counts from its start, or a silent server would be asked too rarely. */
  #schedule(probed = 0): void {
    const step = Math.min(this.#minDelay * 2 ** this.#attempt++, this.#maxDelay)
    // Half fixed, half random: a fleet that lost one server must not come back to it in one wave.
    const delay = Math.max(this.#minDelay, step * (0.5 + Math.random() / 2) - probed)
    this.#timer = setTimeout(() => void this.#try(), delay)
    this.#timer.unref()
  }

  async #try(): Promise<void> {
    this.#report({ type: 'breaker', server: this.server, state: 'half-open' })
    const began = now()
    try {
      await this.#probe()
    } catch {
      if (this.#closed) return
      this.#report({ type: 'breaker', server: this.server, state: 'open' })
      this.#schedule(now() - began)
      return
    }
    this.#open = false
    this.#failures = 0
    this.#reason = undefined
    if (!this.#closed) this.#report({ type: 'breaker', server: this.server, state: 'closed' })
  }
}
