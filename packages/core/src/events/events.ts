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

/** Every event and its detail, which never holds a value. */
export interface CacheEvents {
  hit: KeyEvent
  /** `outage`: nothing is known of the entry, the server was ill. */
  miss: KeyEvent & { readonly outage: boolean }
  /** A loader settled. `duration` in ms. */
  load: KeyEvent & { readonly duration: number; readonly ok: boolean }
  /** An entry was written; `stored: false`: a condition or the item limit prevented it. */
  write: KeyEvent & { readonly stored: boolean }
  delete: KeyEvent
  clear: { readonly namespace: string | undefined }
  /** An entry gave way to another one, for space. `key` is the key as the store sees it. */
  evict: { readonly key: string }
  /** A failure that `onError: 'open'` turned into a miss, or that was thrown; bytes that could not be read; a value too large. */
  error: { readonly error: CacheError }
  breaker: { readonly server: string; readonly state: 'open' | 'half-open' | 'closed' }
  connect: { readonly server: string }
  disconnect: { readonly server: string; readonly error: CacheError | undefined }
}

/** Their names. */
export const eventNames: readonly (keyof CacheEvents)[] = [
  'hit',
  'miss',
  'load',
  'write',
  'delete',
  'clear',
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
