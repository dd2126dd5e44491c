import type { LoadOutcome } from '../loader.js'
import { Run } from './run.js'
import { onAbort } from './until-aborted.js'

/** What a load gave. */
export interface Landed<T> {
  readonly stored: boolean
  /** A fresh copy at each call; the loaded value itself where it is a scalar or cannot be copied. */
  copy(): T | Promise<T>
}

/** How a caller waits. */
interface Ticket {
  readonly signal?: AbortSignal | undefined
  readonly onOutcome?: ((outcome: LoadOutcome) => void) | undefined
}

interface Waiter<T> {
  readonly source: 'load' | 'joined'
  readonly ticket: Ticket | undefined
  readonly resolve: (value: T | Promise<T>) => void
  readonly reject: (error: unknown) => void
  readonly from: Run | undefined
  stay: (() => void) | undefined
}

/** The load of one key, as those see it who ask for the key meanwhile. The loader's {@link Run} may be that of many keys. */
export class Flight<T> {
  readonly key: string
  readonly run: Run
  /** An invalidation came after the load began: its result is for its callers only and is never stored. */
  superseded = false
  #waiters: Waiter<T>[] = []

  constructor(key: string, run: Run) {
    this.key = key
    this.run = run
  }

  /** Waits for the value, or until the caller's signal fires. */
  join(source: 'load' | 'joined', ticket: Ticket | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { source, ticket, resolve, reject, from: Run.current, stay: undefined }
      this.#waiters.push(waiter)
      this.run.joined(waiter.from)
      const signal = ticket?.signal
      if (signal !== undefined) waiter.stay = onAbort(signal, () => this.#leave(waiter, signal.reason))
    })
  }

  /** Gives each caller a value of its own. */
  land(landed: Landed<T>): void {
    this.#settle(waiter => {
      const value = landed.copy()
      if (value instanceof Promise) value.then(late => this.#deliver(waiter, late, landed.stored)).catch(waiter.reject)
      else this.#deliver(waiter, value, landed.stored)
    })
  }

  fail(error: unknown): void {
    this.#settle(waiter => waiter.reject(error))
  }

  #deliver({ source, ticket, resolve }: Waiter<T>, value: T, stored: boolean): void {
    ticket?.onOutcome?.({ source, key: this.key, stored })
    resolve(value)
  }

  #settle(settle: (waiter: Waiter<T>) => void): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      this.#end(waiter, undefined)
      try {
        settle(waiter)
      } catch (error) {
        waiter.reject(error)
      }
    }
  }

  #leave(waiter: Waiter<T>, reason: unknown): void {
    waiter.reject(reason)
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
    this.#end(waiter, reason)
  }

  #end(waiter: Waiter<T>, reason: unknown): void {
    waiter.stay?.()
    this.run.left(waiter.from, reason)
  }
}
