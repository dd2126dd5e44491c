import { AsyncResource } from 'node:async_hooks'
import type { LoadOptions } from '../cache.js'
import { Run } from './run.js'
import { onAbort } from './until-aborted.js'

interface Waiter<T> {
  readonly source: 'load' | 'joined'
  readonly onOutcome: LoadOptions['onOutcome']
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  /** The run whose loader waits. */
  readonly from: Run | undefined
  stay: (() => void) | undefined
}

/** The load of one key, as those see it who ask for the key meanwhile. The loader's {@link Run} may be that of many keys. */
export class Flight<T> {
  /** Namespace prefix and key. */
  readonly id: string
  readonly key: string
  readonly run: Run
  /** An invalidation came after the load began: its result is for its callers only and is never stored. */
  superseded = false
  #waiters: Waiter<T>[] = []

  constructor(prefix: string, key: string, run: Run) {
    this.id = prefix + key
    this.key = key
    this.run = run
  }

  /** Waits for the value, or until the caller's signal fires. */
  join(source: 'load' | 'joined', options: Pick<LoadOptions, 'signal' | 'onOutcome'> | undefined): Promise<T> {
    let onOutcome = options?.onOutcome
    // The load ends in the async context of the caller who began it, and this is another one.
    if (onOutcome !== undefined && source === 'joined') onOutcome = AsyncResource.bind(onOutcome)
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { source, onOutcome, resolve, reject, from: Run.current, stay: undefined }
      this.#waiters.push(waiter)
      this.run.joined(waiter.from)
      const signal = options?.signal
      if (signal !== undefined) waiter.stay = onAbort(signal, () => this.#leave(waiter, signal.reason))
    })
  }

  /** Gives each caller what `copy` makes for it. */
  land(stored: boolean, copy: () => T | Promise<T>): void {
    this.#settle(waiter => {
      const value = copy()
      if (value instanceof Promise) value.then(late => this.#deliver(waiter, late, stored)).catch(waiter.reject)
      else this.#deliver(waiter, value, stored)
    })
  }

  fail(error: unknown): void {
    this.#settle(waiter => waiter.reject(error))
  }

  #deliver({ source, onOutcome, resolve }: Waiter<T>, value: T, stored: boolean): void {
    onOutcome?.({
      source,
      key: this.key,
      stored,
      stale: false,
      age: 0,
      loadedBy: source === 'load' ? 'this-call' : 'this-process',
    })
    resolve(value)
  }

  #settle(settle: (waiter: Waiter<T>) => void): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      waiter.stay?.()
      this.run.left(waiter.from, undefined)
      try {
        settle(waiter)
      } catch (error) {
        waiter.reject(error)
      }
    }
  }

  #leave(waiter: Waiter<T>, reason: unknown): void {
    const at = this.#waiters.indexOf(waiter)
    // It is being settled: an `onOutcome` before it fired the signal.
    if (at === -1) return
    this.#waiters.splice(at, 1)
    waiter.reject(reason)
    waiter.stay?.()
    this.run.left(waiter.from, reason)
  }
}
