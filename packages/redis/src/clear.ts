import { type Call, ConnectionError, type Written } from '@anycache/core'
import type { Queue } from './batching/batcher.js'
import { nothing } from './protocol/replies.js'
import { literal, scan } from './scan.js'

/** Sweeps of one clear. A connection that is lost in each of so many will be lost in the next one. */
const mostSweeps = 5

/** One `clear()` that is under way, and what this process has written since it was called. */
class Clearing {
  readonly written = new Map<string, Promise<Written>>()
}

/** The clears of one store that are under way: what is set after the call of a clear must survive it. */
export class Clearings {
  readonly #running = new Set<Clearing>()

  get idle(): boolean {
    return this.#running.size === 0
  }

  /** A write under `always`, or one that was found to be stored. */
  wrote(wireKey: string, outcome: Promise<Written>): void {
    for (const clearing of this.#running) clearing.written.set(wireKey, outcome)
  }

  /**
   * Deletes every key of the namespace `path` and those nested in it. `clientPrefix` is what the client puts before each key:
   * SCAN is the one command for which it does not.
   */
  async clear(queue: Queue, path: readonly string[], clientPrefix: string, nextCall: () => Call): Promise<void> {
    const clearing = new Clearing()
    this.#running.add(clearing)
    try {
      for (let sweeps = 1; !(await this.#sweep(clearing, queue, path, clientPrefix, nextCall)); sweeps++) {
        if (sweeps === mostSweeps) throw interrupted(queue.connection.server)
      }
    } finally {
      this.#running.delete(clearing)
    }
  }

  /** False where the connection was made anew meanwhile: SCAN's cursor means nothing to another process, which skips keys then. */
  async #sweep(
    clearing: Clearing,
    queue: Queue,
    path: readonly string[],
    clientPrefix: string,
    nextCall: () => Call,
  ): Promise<boolean> {
    const name = path.join('/')
    // The pattern also finds foreign keys such as "shop/x": only names may stand between the namespace and the colon.
    const own = new RegExp(`^${name.replaceAll('.', '\\.')}(?:/[A-Za-z0-9_.-]+)*:`)
    const cut = Buffer.byteLength(clientPrefix)
    const spared = new Set<string>()
    let connects: number | undefined
    for await (const found of scan(queue, `${literal(clientPrefix + name)}[:/]*`, nextCall)) {
      connects ??= queue.connection.connects
      const doomed: Buffer[] = []
      for (const whole of found) {
        const bytes = whole.subarray(cut)
        // latin1 keeps every byte, and names and separators are ASCII; the key itself may be any bytes.
        if (!own.test(bytes.toString('latin1'))) continue
        const wireKey = bytes.toString()
        if (clearing.written.has(wireKey)) spared.add(wireKey)
        else doomed.push(bytes)
      }
      await unlink(queue, doomed, nextCall())
    }
    for (const wireKey of spared) {
      // A set that failed has left the old value where it was.
      if (!(await wasStored(clearing.written, wireKey))) await unlink(queue, [Buffer.from(wireKey)], nextCall())
    }
    return connects === queue.connection.connects
  }
}

function interrupted(server: string): ConnectionError {
  const fact = `the connection to ${server} was lost in each of ${mostSweeps} sweeps; entries may be left, so clear again`
  return new ConnectionError(fact, { server, outcome: 'unknown' })
}

async function wasStored(written: ReadonlyMap<string, Promise<Written>>, wireKey: string): Promise<boolean> {
  for (;;) {
    const last = written.get(wireKey) as Promise<Written>
    const stored = await last.then(
      ({ outcome }) => outcome === 'stored',
      () => false,
    )
    if (written.get(wireKey) === last) return stored
  }
}

async function unlink(queue: Queue, keys: Buffer[], call: Call): Promise<void> {
  if (keys.length === 0) return
  await queue.request('unlink', keys, undefined, call.deadline, nothing)
}
