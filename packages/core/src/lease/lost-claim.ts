import { isOutage } from '../errors.js'
import { Backoff } from '../server/backoff.js'
import type { Call, Space } from '../store.js'
import { now, setTimeout } from '../timers.js'
import { isHeldBy } from './placeholder.js'

/** A claim whose answer was lost: it may have taken effect, or may do so later. */
export interface LostClaim {
  readonly space: Space
  readonly key: string
  /** The bytes that it would have left there. */
  readonly data: Buffer
  /** How long to look for it, on the clock of `performance.now()`. */
  readonly until: number
  /** What each step may take, in ms. */
  readonly timeout: number
  readonly route: string | undefined
}

const firstPause = 50
const longestPause = 2000
/** How often it must not be there: what a server has yet to read of a lost connection may come after the first look. */
const looks = 2

/**
 * Deletes what such a claim left under its key, as soon as the server answers, so that nobody waits for a holder that does not know of its lease.
 * In the background. Never rejects.
 */
export async function withdraw(claim: LostClaim): Promise<void> {
  const pauses = new Backoff(firstPause, longestPause)
  for (let absent = 0; absent < looks; ) {
    await new Promise(resolve => setTimeout(resolve, pauses.next()).unref())
    if (now() >= claim.until) return
    try {
      if (await isWithdrawn(claim)) return
      absent++
    } catch (error) {
      // Closed, or a server without versions: nothing more can be done.
      if (!isOutage(error)) return
    }
  }
}

async function isWithdrawn({ space, key, data, timeout, route }: LostClaim): Promise<boolean> {
  const call: Call = { deadline: now() + timeout, versioned: true, route }
  const found = await space.get(key, call)
  if (typeof found !== 'object' || found.casToken === undefined || !isHeldBy(data, found)) return false
  return space.remove(key, found.casToken, call)
}
