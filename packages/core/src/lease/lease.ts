import { FLAG_LEASE } from '@anycache/serializer'
import { type CacheError, isOutage } from '../errors.js'
import type { Answer, Call, CasToken, Item, Space, VersionedItem, Written } from '../store.js'
import { clearTimeout, now, setTimeout } from '../timers.js'
import { withdraw } from './lost-claim.js'
import { holderIn, isHeldBy, newHolder, placeholder, renewed } from './placeholder.js'

/** How often a token may turn out to be lost with its connection, in one step. */
const maxRegained = 3
/** How much longer than its lease a lost claim is looked for, in ms: a server that was frozen may take it up late. */
const grace = 60_000
const missing: Written = { outcome: 'missing' }

/**
 * A sign under a key that one holder is at work on it. It ends by itself, and is nothing to every verb of a cache. Whatever else is written,
 * deleted or cleared there ends it too, and then nothing of the holder's is stored.
 * Its steps are taken one after the other: each stands on the version that the one before it left.
 */
export class Lease {
  readonly #space: Space
  readonly #key: string
  #data: Buffer
  #ms: number
  #casToken: CasToken
  /** When it ends at the earliest, on the clock of `performance.now()`. */
  #endsAt: number
  #isLost = false
  /** Released, or replaced by what it was held for. */
  #isOver = false
  /** The step under way. */
  #step: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(space: Space, key: string, data: Buffer, ms: number, casToken: CasToken, endsAt: number) {
    this.#space = space
    this.#key = key
    this.#data = data
    this.#ms = ms
    this.#casToken = casToken
    this.#endsAt = endsAt
  }

  /**
   * Takes the key where nothing lies under it. Rejects with the store's own failure; where the claim may have taken effect all the same, it is
   * withdrawn in the background.
   */
  static async claim(
    space: Space,
    key: string,
    ms: number,
    call: Call,
  ): Promise<Lease | { readonly found: VersionedItem }> {
    const data = newHolder(ms)
    const began = now()
    try {
      const claimed = await space.claim(key, placeholder(data), ms, call)
      return 'won' in claimed ? new Lease(space, key, data, ms, claimed.won, began + ms) : claimed
    } catch (error) {
      withdrawUnless(error, space, key, data, ms, call, began)
      throw error
    }
  }

  /** Takes the place of the item that was read with this token; `undefined` where it is not there any more. Rejects as {@link Lease.claim} does. */
  static async over(space: Space, key: string, casToken: CasToken, ms: number, call: Call): Promise<Lease | undefined> {
    const data = newHolder(ms)
    const began = now()
    try {
      const written = await space.write({ key, item: placeholder(data), ttl: ms, when: { casToken } }, call)
      if (written.outcome !== 'stored') return undefined
      return new Lease(space, key, data, ms, written.casToken as CasToken, began + ms)
    } catch (error) {
      withdrawUnless(error, space, key, data, ms, call, began)
      throw error
    }
  }

  /** Its holder: {@link holderOf}. */
  get holder(): string {
    return holderIn(this.#data)
  }

  /** It was found to be removed, replaced by somebody else, or ended. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Holds it for another `ms` from now. False: it is not ours any more. Rejects with the store's own failure, and may then be tried again. */
  renew(call: Call, ms: number = this.#ms): Promise<boolean> {
    return this.#next(async () => {
      if (this.#isLost || this.#isOver) return false
      const data = renewed(this.#data, ms)
      const began = now()
      const { outcome, casToken } = await this.#overOwn(
        token =>
          this.#space.write({ key: this.#key, item: placeholder(data), ttl: ms, when: { casToken: token } }, call),
        call,
      )
      if (outcome !== 'stored') return false
      this.#data = data
      this.#ms = ms
      this.#casToken = casToken as CasToken
      this.#endsAt = began + ms
      return true
    })
  }

  /**
   * Writes in the place of the lease, where it still stands: `write` is called with the token that names it, again where that was lost with its
   * connection. What was stored ends the lease. Waits for a renewal under way, and none follows. Rejects with the store's own failure.
   */
  replace(write: (casToken: CasToken) => Answer<Written>, call: Call): Promise<Written> {
    return this.#next(async () => {
      if (this.#isLost || this.#isOver) return missing
      const written = await this.#overOwn(write, call)
      if (written.outcome === 'stored') {
        this.#isOver = true
        this.stopRenewing()
      }
      return written
    })
  }

  /** Gives the key free. False: it was not ours any more. Rejects with the store's own failure, and may then be tried again. */
  release(call: Call): Promise<boolean> {
    this.stopRenewing()
    return this.#next(async () => {
      if (this.#isLost || this.#isOver) return false
      let isRemoved = await this.#space.remove(this.#key, this.#casToken, call)
      for (let i = 0; !isRemoved && i < maxRegained && (await this.#regain(call)); i++) {
        isRemoved = await this.#space.remove(this.#key, this.#casToken, call)
      }
      this.#isOver = true
      return isRemoved
    })
  }

  /**
   * Renews it at each third of its time, until it is over. Failed renewals are tried again as long as it lasts. Calls `onLost` once, when it is not
   * ours any more or its time ran out. Keeps no process alive.
   */
  startRenewing(call: () => Call, onLost: () => void): void {
    this.stopRenewing()
    this.#renewIn(this.#ms / 3, call, onLost)
  }

  stopRenewing(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #renewIn(ms: number, call: () => Call, onLost: () => void): void {
    const timer = setTimeout(() => {
      this.#renewNow(call).then(pause => {
        // Stopped meanwhile, or started again.
        if (this.#timer !== timer) return
        if (pause !== undefined) this.#renewIn(pause, call, onLost)
        else if (this.#isLost) onLost()
      })
    }, ms)
    this.#timer = timer.unref()
  }

  /** How long to wait before the next renewal, in ms; `undefined`: there is none. */
  async #renewNow(call: () => Call): Promise<number | undefined> {
    try {
      return (await this.renew(call())) ? this.#ms / 3 : undefined
    } catch (error) {
      if (isOutage(error) && now() < this.#endsAt) return this.#ms / 9
      this.#isLost = true
      return undefined
    }
  }

  /** Runs a write over our own placeholder, under the token that it has now. */
  async #overOwn(
    write: (casToken: CasToken) => Answer<Written>,
    call: Call,
  ): Promise<Written & { casToken?: CasToken }> {
    let written = await write(this.#casToken)
    for (let i = 0; written.outcome === 'conflict' && i < maxRegained && (await this.#regain(call)); i++) {
      written = await write(this.#casToken)
    }
    if (written.outcome === 'conflict' || written.outcome === 'missing') {
      this.#isLost = true
    }
    return written
  }

  /** A token may be lost with its connection, or with the answer to a renewal, though the lease is not: then what stands there says so. */
  async #regain(call: Call): Promise<boolean> {
    const found = await this.#space.get(this.#key, { ...call, versioned: true })
    if (typeof found !== 'object' || found.casToken === undefined || !isHeldBy(this.#data, found)) return false
    this.#casToken = found.casToken
    return true
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const step = this.#step === undefined ? run() : this.#step.then(run)
    const settled = step.then(noop, noop)
    this.#step = settled
    settled.then(() => {
      if (this.#step === settled) this.#step = undefined
    })
    return step
  }
}

/** What changes with each holder and each renewal of a lease; `undefined` for an item that is none. */
export function leaseMark(item: Item): string | undefined {
  if (item.flags !== FLAG_LEASE) return undefined
  return typeof item.data === 'string' ? item.data : Buffer.from(item.data).toString('latin1')
}

function noop(): void {}

function withdrawUnless(
  error: unknown,
  space: Space,
  key: string,
  data: Buffer,
  ms: number,
  { deadline, route }: Call,
  began: number,
): void {
  if (!isOutage(error) || (error as CacheError).outcome !== 'unknown') return
  withdraw({ space, key, data, until: began + ms + grace, timeout: deadline - began, route })
}
