import { type CacheError, type Call, everyServer } from '@anycache/core'
import type { Batcher } from './batching/batcher.js'
import { nothing } from './protocol/replies.js'
import { literal, scan } from './scan.js'
import type { Topology } from './topology/topology.js'

/** One `clear()` that is under way. */
class Clearing {
  /** A Redis pattern that finds the namespace's keys and some foreign ones, such as "shop/x". */
  readonly pattern: string
  /** Only names may stand between the namespace and the colon. */
  readonly #own: RegExp
  /** Keys that a call cleared before the walk came to them. */
  readonly #reached = new Set<string>()
  /** Keys that a call could not clear. */
  readonly #missed = new Set<string>()
  /** What calls clear, until the server has answered. */
  readonly #underWay = new Set<Promise<void>>()
  /** Why it is not known whether a call has cleared its key. */
  #doubt: CacheError | undefined
  readonly #nextCall: () => Call

  constructor(path: readonly string[], keyPrefix: string, nextCall: () => Call) {
    this.#nextCall = nextCall
    const name = path.join('/')
    this.pattern = `${literal(keyPrefix + name)}[:/]*`
    this.#own = new RegExp(`^${name.replaceAll('.', '\\.')}(?:/[A-Za-z0-9_.-]+)*:`)
  }

  /** Clears the key, unless a call did so before. */
  reach(wireKey: string, batcher: Batcher): void {
    if (this.#reached.has(wireKey) || !this.#own.test(wireKey)) return
    this.#reached.add(wireKey)
    this.#missed.delete(wireKey)
    // By the clear's own patience: a call with less must not take its key's clearing with it, on which those behind it rely.
    const { deadline } = this.#nextCall()
    const cleared = batcher.request('unlink', [wireKey], wireKey, deadline, nothing).catch((error: CacheError) => {
      if (error.code === 'ERR_CACHE_TIMEOUT') {
        this.#doubt = error
        return
      }
      this.#reached.delete(wireKey)
      this.#missed.add(wireKey)
    })
    this.#underWay.add(cleared)
    cleared.then(() => this.#underWay.delete(cleared))
  }

  async sweep(batcher: Batcher, keyPrefix: string): Promise<void> {
    const cut = Buffer.byteLength(keyPrefix)
    for await (const found of scan(batcher, this.pattern, this.#nextCall)) {
      const keys = found.map(key => key.subarray(cut))
      // latin1 keeps every byte, and names and separators are ASCII; the key itself may be any bytes.
      const own = keys.filter(key => this.#own.test(key.toString('latin1')) && !this.#reached.has(key.toString()))
      await unlink(batcher, own, this.#nextCall())
    }
  }

  /** Waits for what calls clear, and clears what they could not. */
  async finish(topology: Topology): Promise<void> {
    await Promise.all(this.#underWay)
    const again = [...this.#missed].map(wireKey =>
      unlink(topology.batcherFor(wireKey), [Buffer.from(wireKey)], this.#nextCall()),
    )
    await Promise.all(again)
    if (this.#doubt !== undefined) throw this.#doubt
  }
}

/**
 * The clears of one store that are under way. Until a clear has ended, the first call on each of its keys clears that key in front of it:
 * no call sees what was there before the clear, and what is set after it survives.
 */
export class Clearings {
  readonly #running = new Set<Clearing>()

  get idle(): boolean {
    return this.#running.size === 0
  }

  /** A call on the key is about to be sent. */
  reach(wireKey: string, batcher: Batcher): void {
    for (const clearing of this.#running) clearing.reach(wireKey, batcher)
  }

  /** Deletes every key of the namespace `path` and those nested in it. */
  async clear(topology: Topology, path: readonly string[], nextCall: () => Call): Promise<void> {
    const clearing = new Clearing(path, topology.keyPrefix, nextCall)
    this.#running.add(clearing)
    try {
      await everyServer('clear', topology.masters, master => clearing.sweep(master, topology.keyPrefix))
      await clearing.finish(topology)
    } finally {
      this.#running.delete(clearing)
    }
  }
}

async function unlink(batcher: Batcher, keys: Buffer[], call: Call): Promise<void> {
  const send = (args: Buffer[]): Promise<void> => batcher.request('unlink', args, undefined, call.deadline, nothing)
  if (batcher.joinsKeys && keys.length > 0) await send(keys)
  else await Promise.all(keys.map(key => send([key])))
}
