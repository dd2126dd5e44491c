import { type CacheError, InvalidArgumentError } from '../errors.js'
import { nearest } from '../input/options.js'
import { shown } from '../input/shown.js'

interface KeyEvent {
  /** The verb, as the caller named it. */
  readonly op: string
  /** The caller's key. */
  readonly key: string
  /** The namespace, names joined by `/`; `undefined` for none. */
  readonly namespace: string | undefined
}

/**
 * Why a read was a miss: nothing there; past its ttl, though kept for read-through; invalidated by a tag; bytes that cannot be read; a value
 * that does not fit the schema, or of another `version`; the server was failing, or a delete is owed to it.
 */
export type MissReason = 'absent' | 'stale' | 'invalidated' | 'undecodable' | 'unfit' | 'outage'

/** Every event and its detail, which never holds a value. */
export interface CacheEvents {
  /** A read found a value within its ttl. */
  hit: KeyEvent
  /** A read found none. `outage`: whether the reason is `'outage'`, and nothing is known of the entry. */
  miss: KeyEvent & { readonly outage: boolean; readonly reason: MissReason }
  /** Read-through served a value past its ttl, by this many ms. */
  stale: KeyEvent & { readonly staleFor: number }
  /** A loader settled, one event for each key. `duration` in ms. `background`: nobody waited for it. `error`: what the loader threw, where `ok` is false. */
  load: KeyEvent & {
    readonly duration: number
    readonly ok: boolean
    readonly background: boolean
    readonly error?: unknown
  }
  /** An entry was written; `stored: false`: a condition or the item limit prevented it. */
  write: KeyEvent & { readonly stored: boolean }
  /** The server answered a delete or take, whether or not the key was there. */
  delete: KeyEvent
  /** `clear()` has finished; `undefined`: everything, as with `flush()`. */
  clear: { readonly namespace: string | undefined }
  /** Tags were invalidated. `namespace`: of the cache as it was opened, to which the tags belong. */
  invalidate: { readonly tags: readonly string[]; readonly namespace: string | undefined }
  /** An entry gave way to another one, for space. `key` is the key as the store sees it. */
  evict: { readonly key: string }
  /** A failure that `onError: 'open'` turned into a miss, or that was thrown; bytes that could not be read; a value too large. */
  error: { readonly error: CacheError }
  /** A server's breaker changed. `'half-open'`: a probe is in flight. */
  breaker: { readonly server: string; readonly state: 'open' | 'half-open' | 'closed' }
  /** A connection is ready. */
  connect: { readonly server: string }
  /** A connection ended; `error` is `undefined` where we closed it. */
  disconnect: { readonly server: string; readonly error: CacheError | undefined }
}

/** Their names. */
export const eventNames: readonly (keyof CacheEvents)[] = [
  'hit',
  'miss',
  'stale',
  'load',
  'write',
  'delete',
  'clear',
  'invalidate',
  'evict',
  'error',
  'breaker',
  'connect',
  'disconnect',
]

/** Throws unless there is an event of this name; names the nearest. */
export function checkEvent(event: unknown): asserts event is keyof CacheEvents {
  if (typeof event === 'string' && (eventNames as readonly string[]).includes(event)) return
  const near = typeof event === 'string' ? nearest(event, eventNames) : undefined
  throw new InvalidArgumentError(
    `there is no event ${shown(event)}; ${near === undefined ? `there are ${eventNames.join(', ')}` : `did you mean "${near}"?`}`,
    { op: 'on' },
  )
}
