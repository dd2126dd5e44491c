import type { CacheError } from '../errors.js'
import { shown } from '../input/shown.js'
import type { CacheEvents } from './events.js'
import type { CacheStats } from './stats.js'

type Listener = (detail: never) => void

/** Listeners and counters of one open cache. Nothing is built for an event nobody listens to: ask {@link Signals.hasListeners} first. */
export class Signals {
  readonly counts: { -readonly [Name in keyof CacheStats]: CacheStats[Name] } = {
    hits: 0,
    misses: 0,
    absentMisses: 0,
    staleMisses: 0,
    invalidatedMisses: 0,
    undecodableMisses: 0,
    unfitMisses: 0,
    outageMisses: 0,
    stale: 0,
    loads: 0,
    loadErrors: 0,
    refreshes: 0,
    joins: 0,
    writes: 0,
    deletes: 0,
    invalidations: 0,
    evictions: 0,
    errors: 0,
    bytesRead: 0,
    bytesWritten: 0,
  }
  readonly #listeners = new Map<keyof CacheEvents, readonly Listener[]>()
  /** The one test a hot path makes. */
  hasListeners = false

  on(event: keyof CacheEvents, listener: Listener): () => void {
    // A wrapper for each registration: a function registered twice is called twice, and removed once.
    const entry: Listener = detail => listener(detail)
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), entry])
    this.hasListeners = true
    return () => {
      const rest = (this.#listeners.get(event) ?? []).filter(other => other !== entry)
      if (rest.length === 0) this.#listeners.delete(event)
      else this.#listeners.set(event, rest)
      this.hasListeners = this.#listeners.size !== 0
    }
  }

  listensTo(event: keyof CacheEvents): boolean {
    return this.#listeners.has(event)
  }

  emit<E extends keyof CacheEvents>(event: E, detail: CacheEvents[E]): void {
    const listeners = this.#listeners.get(event)
    if (listeners === undefined) return
    for (const listener of listeners) {
      try {
        const answer: unknown = listener(detail as never)
        if (answer instanceof Promise) answer.catch(complain)
      } catch (error) {
        complain(error)
      }
    }
  }

  failed(error: CacheError): void {
    this.counts.errors++
    this.emit('error', { error })
  }
}

function complain(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : shown(error), { code: 'ANYCACHE_LISTENER' })
}
