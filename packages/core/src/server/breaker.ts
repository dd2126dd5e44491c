import { type CacheError, ConnectionError, InvalidArgumentError } from '../errors.js'
import { checkOptions } from '../input/options.js'
import { shown } from '../input/shown.js'
import { milliseconds } from '../input/ttl.js'
import type { StoreEvent } from '../store.js'
import { clearTimeout, now, setTimeout } from '../timers.js'
import { Backoff, firstDelay, longestDelay } from './backoff.js'

/** When calls to a failing server are suspended (circuit breaker). */
export interface BreakerOptions {
  /** Failures in a row that open the breaker. A connection that cannot be made opens it at once. Default 5. */
  readonly failures?: number
  /** Milliseconds to the first probe after opening. Default 100. */
  readonly minDelay?: number
  /** Milliseconds from probe to probe at most, unless a probe takes longer; the delay doubles up to here. Default 700. */
  readonly maxDelay?: number
}

const mostFailures = 5
/** Milliseconds that every other probe waits where the timeout is longer: with the delay between probes, a server that is back is found within a second. */
const quickProbe = 500

const optionNames = ['failures', 'minDelay', 'maxDelay'] as const

/** A store's `breaker` option as a {@link Breaker} takes it. Throws `InvalidArgumentError`; `where` names the store. */
export function checkBreaker(where: string, breaker: unknown): BreakerOptions | false | undefined {
  if (breaker === undefined || breaker === false) return breaker
  checkOptions(`${where}: breaker`, breaker, optionNames)
  const { failures = mostFailures, minDelay = firstDelay, maxDelay = longestDelay } = breaker as BreakerOptions
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
  /** How long a probe may take at most, in ms: the store's `timeout`. */
  readonly timeout: number
  /** Connects where needed and asks the server for a sign of life; rejects when none came within `patience` ms. */
  readonly probe: (patience: number) => Promise<void>
  readonly report: (event: StoreEvent) => void
}

/**
 * One server's health: the breaker of Nygard, "Release It!" (2007), with a probe of the store's own, so that no caller's request
 * is the guinea pig. While it is open every call is refused at once; the first answered probe closes it.
 */
export class Breaker {
  /** Changes where the address comes to lead to another server. */
  server: string
  readonly #enabled: boolean
  readonly #limit: number
  readonly #minDelay: number
  readonly #backoff: Backoff
  readonly #timeout: number
  readonly #probe: (patience: number) => Promise<void>
  readonly #report: (event: StoreEvent) => void
  #failures = 0
  #open = false
  #closed = false
  /** Whether the next probe waits for the whole timeout. */
  #isPatient = false
  #timer: NodeJS.Timeout | undefined
  #reason: CacheError | undefined

  constructor(options: BreakerSetup) {
    const breaker = options.breaker === false ? undefined : (options.breaker ?? {})
    this.server = options.server
    this.#enabled = breaker !== undefined
    this.#limit = breaker?.failures ?? mostFailures
    this.#minDelay = breaker?.minDelay ?? firstDelay
    this.#backoff = new Backoff(this.#minDelay, breaker?.maxDelay)
    this.#timeout = options.timeout
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

  /** The server replied, even if with an error, so it is alive. */
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
    this.#backoff.reset()
    this.#isPatient = false
    this.#report({ type: 'breaker', server: this.server, state: 'open' })
    this.#schedule()
  }

  /** {@link failed}, unless the exchange has cost the server a failure before. */
  failedIn(exchange: { isCounted: boolean }, error: CacheError): void {
    if (exchange.isCounted) return
    exchange.isCounted = true
    this.failed(error)
  }

  /** Stops probing. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** `probed`: how many ms the last probe took. The delay counts from its start, or a silent server would be asked too rarely. */
  #schedule(probed = 0): void {
    const delay = Math.max(this.#minDelay, this.#backoff.next() - probed)
    this.#timer = setTimeout(() => void this.#try(), delay)
    this.#timer.unref()
  }

  async #try(): Promise<void> {
    this.#report({ type: 'breaker', server: this.server, state: 'half-open' })
    const began = now()
    try {
      await this.#probe(this.#isPatient ? this.#timeout : Math.min(this.#timeout, quickProbe))
    } catch {
      // By turns: quick probes find a server soon after its return, patient ones find a server that is slow.
      this.#isPatient = !this.#isPatient
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
