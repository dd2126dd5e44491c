import { isOutage } from '../errors.js'
import type { Answer, Call, CasToken, Counted, Failed, Item, Space, StoredItem, Write, Written } from '../store.js'
import { nextTurn } from '../timers.js'
import type { Ledger } from './ledger.js'

/** One namespace of a remembering store: notes what failed, hides what is owed, and pays before verbs whose answer depends on it. */
export class RememberingSpace implements Space {
  readonly #inner: Space
  readonly #ledger: Ledger
  readonly #prefix: string
  readonly #onOwing: (server: string) => void
  readonly keys?: (pattern: string, nextCall: () => Call) => AsyncIterable<string>

  constructor(inner: Space, ledger: Ledger, prefix: string, onOwing: (server: string) => void) {
    this.#inner = inner
    this.#ledger = ledger
    this.#prefix = prefix
    this.#onOwing = onOwing
    if (inner.keys !== undefined) this.keys = (pattern, nextCall) => this.#listed(pattern, nextCall)
  }

  get(key: string, call: Call): Answer<StoredItem | undefined> {
    const ledger = this.#ledger
    if (ledger.calm) return this.#inner.get(key, call)
    if (this.#hides(key)) {
      if (call.asks) return this.#afterPaying(key, call, () => this.#inner.get(key, call))
      return nextTurn().then(() => undefined)
    }
    return this.#checked(key, call, this.#inner.get(key, call))
  }

  /** A write of the key may fail while a read waits behind it; what that finds is what the write should have replaced. */
  async #checked(key: string, call: Call, answer: Answer<StoredItem | undefined>): Promise<StoredItem | undefined> {
    const item = await answer
    if (!this.owes(key)) return item
    if (!call.asks) return undefined
    // A store may answer at once while the write is still under way, which would then never get its turn.
    await nextTurn()
    return this.get(key, call)
  }

  getMany(keys: readonly string[], call: Call): Answer<readonly (StoredItem | undefined | Failed)[]> {
    if (this.#ledger.calm) return this.#inner.getMany(keys, call)
    return this.#getOthers(keys, call)
  }

  async #getOthers(keys: readonly string[], call: Call): Promise<readonly (StoredItem | undefined | Failed)[]> {
    if (call.asks) return this.#getAfterPaying(keys, call)
    const asked = keys.filter(key => !this.#hides(key))
    if (asked.length === 0) await nextTurn()
    const answers = asked.length === 0 ? [] : await this.#inner.getMany(asked, call)
    const byKey = new Map(asked.map((key, i) => [key, answers[i]]))
    return keys.map(key => {
      const answer = byKey.get(key)
      return answer !== undefined && !('failure' in answer) && this.owes(key) ? undefined : answer
    })
  }

  async #getAfterPaying(keys: readonly string[], call: Call): Promise<readonly (StoredItem | undefined | Failed)[]> {
    const owed = keys.filter(key => this.#hides(key))
    const [paid, answers] = await Promise.all([
      owed.length === 0 ? [] : this.#notingMany(owed, () => this.#inner.removeMany(owed, call)),
      this.#inner.getMany(keys, call),
    ])
    const unpaid = new Map(owed.map((key, i) => [key, paid[i]]))
    return Promise.all(
      keys.map((key, i) => {
        const payment = unpaid.get(key)
        if (typeof payment === 'object') return payment
        const answer = answers[i]
        return answer !== undefined && !('failure' in answer) && this.owes(key) ? this.#single(key, call) : answer
      }),
    )
  }

  async #single(key: string, call: Call): Promise<StoredItem | undefined | Failed> {
    try {
      return await this.get(key, call)
    } catch (error) {
      if (isOutage(error)) return { failure: error }
      throw error
    }
  }

  write(write: Write, call: Call): Answer<Written> {
    if (write.when !== 'always') return this.#afterPaying(write.key, call, () => this.#inner.write(write, call))
    return this.#noting(write.key, () => this.#inner.write(write, call))
  }

  async writeMany(writes: readonly Write[], call: Call): Promise<readonly (Written | Failed)[]> {
    return this.#notingMany(
      writes.map(write => write.key),
      () => this.#inner.writeMany(writes, call),
    )
  }

  remove(key: string, only: CasToken | undefined, call: Call): Answer<boolean> {
    if (only !== undefined) return this.#afterPaying(key, call, () => this.#inner.remove(key, only, call))
    if (this.#ledger.size === 0) return this.#noting(key, () => this.#inner.remove(key, undefined, call))
    return this.#removeOwed(key, call)
  }

  /** What is owed reads as a miss, so deleting it finds nothing. */
  async #removeOwed(key: string, call: Call): Promise<boolean> {
    const owed = this.#hides(key)
    const there = await this.#noting(key, () => this.#inner.remove(key, undefined, call))
    return there && !owed
  }

  async removeMany(keys: readonly string[], call: Call): Promise<readonly (boolean | Failed)[]> {
    const owed = this.#ledger.size === 0 ? undefined : keys.map(key => this.#hides(key))
    const answers = await this.#notingMany(keys, () => this.#inner.removeMany(keys, call))
    return owed === undefined ? answers : answers.map((answer, i) => (answer === true ? !owed[i] : answer))
  }

  take(key: string, call: Call): Answer<Item | undefined> {
    return this.#afterPaying(key, call, () => this.#inner.take(key, call))
  }

  touch(key: string, ttl: number, call: Call): Answer<boolean> {
    const touch = (): Promise<boolean> => this.#attempt(key, () => this.#inner.touch(key, ttl, call))
    if (!this.#hides(key)) return touch()
    return call.asks ? this.#afterPaying(key, call, touch) : nextTurn().then(() => false)
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Answer<Counted> {
    return this.#afterPaying(key, call, () => this.#inner.count(key, by, create, call))
  }

  async clear(nextCall: () => Call): Promise<void> {
    const since = this.#ledger.version
    await this.#inner.clear(nextCall)
    this.#ledger.clear(this.#prefix, since)
  }

  async *#listed(pattern: string, nextCall: () => Call): AsyncGenerator<string, void, undefined> {
    const listed = this.#inner.keys?.(pattern, nextCall)
    if (listed === undefined) return
    for await (const key of listed) if (!this.owes(key)) yield key
  }

  wireKey(key: string, call: Call): Answer<string> {
    return this.#inner.wireKey(key, call)
  }

  serverOf(key: string): string {
    return this.#inner.serverOf(key)
  }

  /** Nothing under the key may be seen, and nothing under way will change that. */
  #hides(key: string): boolean {
    return this.#ledger.size !== 0 && this.#ledger.hides(this.#prefix, key)
  }

  owes(key: string): boolean {
    return this.#ledger.size !== 0 && this.#ledger.owes(this.#prefix, key)
  }

  /** Runs a verb that leaves nothing of the old value behind; when it fails, the key's delete is owed. */
  #noting<T>(key: string, run: () => Answer<T>): Promise<T> {
    return this.#attempt(key, run, this.#ledger.size === 0 ? undefined : this.#ledger.supersede(this.#prefix, key))
  }

  /** Runs a verb that must not be left undone; when it fails, the key's delete is owed. */
  #attempt<T>(key: string, run: () => Answer<T>, settled?: (done: boolean) => void): Promise<T> {
    const ledger = this.#ledger
    ledger.uncertain++
    let answer: Answer<T>
    try {
      answer = run()
    } catch (error) {
      answer = Promise.reject(error)
    }
    // One step after the answer, no more: a read answered in the same breath looks at the ledger in its own first step.
    return Promise.resolve(answer).then(
      value => {
        ledger.uncertain--
        settled?.(true)
        return value
      },
      error => {
        ledger.uncertain--
        if (isOutage(error)) this.owe(key)
        settled?.(false)
        throw error
      },
    )
  }

  async #notingMany<T>(
    keys: readonly string[],
    run: () => Answer<readonly (T | Failed)[]>,
  ): Promise<readonly (T | Failed)[]> {
    const ledger = this.#ledger
    const settled = ledger.size === 0 ? undefined : keys.map(key => ledger.supersede(this.#prefix, key))
    ledger.uncertain++
    try {
      const answers = await run()
      for (const [i, answer] of answers.entries()) {
        const failed = typeof answer === 'object' && answer !== null && 'failure' in answer
        if (failed) this.owe(keys[i] as string)
        settled?.[i]?.(!failed)
      }
      return answers
    } catch (error) {
      if (isOutage(error)) for (const key of keys) this.owe(key)
      if (settled !== undefined) for (const settle of settled) settle(false)
      throw error
    } finally {
      ledger.uncertain--
    }
  }

  /** Deletes what is owed first, in the same breath: nothing called later on the key may come in between. */
  #afterPaying<T>(key: string, call: Call, run: () => Answer<T>): Answer<T> {
    if (!this.#hides(key)) return run()
    const paid = this.#noting(key, () => this.#inner.remove(key, undefined, call))
    let answer: Answer<T>
    try {
      answer = run()
    } catch (error) {
      answer = Promise.reject(error)
    }
    return Promise.all([paid, answer]).then(([, paidFor]) => paidFor)
  }

  owe(key: string): void {
    const server = this.#inner.serverOf(key)
    this.#ledger.remember(this.#prefix, key, server)
    this.#onOwing(server)
  }
}
