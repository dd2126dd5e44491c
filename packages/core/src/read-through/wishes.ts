import { InvalidArgumentError } from '../errors.js'
import { type Ttl, ttlMs } from '../input/ttl.js'

/** What a loader wants for one of its keys. */
export class Wishes {
  ttl: number | undefined
  /** Instead of those of the call. */
  tags: readonly string[] | undefined
  isStorable = true
  isNotModified = false

  setTtl(ttl: Ttl, op: string, key: string): void {
    this.ttl = ttlMs(ttl, op, key)
  }

  /** The old value, which is kept. */
  keep<T>(old: T | undefined, op: string, key: string): T {
    if (old === undefined) {
      throw new InvalidArgumentError('notModified() needs a stale value, and there is none; return a value', {
        op,
        key,
      })
    }
    this.isNotModified = true
    return old
  }
}
