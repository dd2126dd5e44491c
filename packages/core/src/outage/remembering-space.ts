import { isOutage } from '../errors.js'
import {
  type Answer,
  type Call,
  type CasToken,
  type Claimed,
  type Counted,
  type Failed,
  type Item,
  isFailed,
  type Owed,
  owed,
  type Space,
  type StoredItem,
  type Touched,
  type Write,
  type Written,
} from '../store.js'
import { nextTurn } from '../timers.js'
import type { Ledger } from './ledger.js'

/** What a read finds. */
type Found = StoredItem | Owed | undefined

/** One namespace of a remembering store: notes what failed, hides keys whose delete is owed, and sends that delete before verbs whose answer depends on it. */
export class RememberingSpace implements Space {
  readonly #inner: Space
  readonly #ledger: Ledger
  readonly #prefix: string
  readonly #onOwing: (server: string) => void

  constructor(inner: Space, ledger: Ledger, prefix: string, onOwing: (server: string) => void) {
    this.#inner = inner
    this.#ledger = ledger
    this.#prefix = prefix
    this.#onOwing = onOwing
  }

  get(key: string, call: Call): Answer<Found> {
    const ledger = this.#ledger
    if (ledger.calm) return this.#inner.get(key, call)
    if (this.#hides(key)) {
      if (call.asks) return this.#afterPaying(key, call, () => this.#inner.get(key, call))
      return nextTurn().then(() => owed)
    }
    return this.#checked(key, call, this.#inner.get(key, call))
  }

  /** A write may fail while a read of its key waits behind it; the read then finds what the write should have replaced. */
  async #checked(key: string, call: Call, answer: Answer<Found>): Promise<Found> {
    const item = await answer
    if (!this.#owes(key)) return item
    if (!call.asks) return owed
    // A store may answer in the same tick while the write is still under way: without a pause this would never end.
    await nextTurn()
    return this.get(key, call)
  }

  getMany(keys: readonly string[], call: Call): Answer<readonly (Found | Failed)[]> {
    if (this.#ledger.calm) return this.#inner.getMany(keys, call)
    return this.#getOthers(keys, call)
  }

  async #getOthers(keys: readonly string[], call: Call): Promise<readonly (Found | Failed)[]> {
    if (call.asks) return this.#getAfterPaying(keys, call)
    const asked = keys.filter(key => !this.#hides(key))
    if (asked.length === 0) await nextTurn()
    const answers = asked.length === 0 ? [] : await this.#inner.getMany(asked, call)
    const byKey = new Map<string, Found | Failed>(asked.map((key, i) => [key, answers[i]]))
    return keys.map((key): Found | Failed => {
      if (!byKey.has(key)) return owed
      const answer = byKey.get(key)
      return isFailed(answer) || !this.#owes(key) ? answer : owed
    })
  }

  async #getAfterPaying(keys: readonly string[], call: Call): Promise<readonly (Found | Failed)[]> {
    const hidden = keys.filter(key => this.#hides(key))
    // A function of its own: what the store throws at once must not leave the payment's rejection unhandled.
    const ask = async (): Promise<readonly (Found | Failed)[]> => this.#inner.getMany(keys, call)
    const [paid, answers] = await Promise.all([this.#pay(hidden, call), ask()])
    const unpaid = new Map(hidden.map((key, i) => [key, paid[i]]))
    return Promise.all(
      keys.map((key, i) => {
        const payment = unpaid.get(key)
        if (typeof payment === 'object') return payment
        const answer = answers[i]
        return isFailed(answer) || !this.#owes(key) ? answer : this.#single(key, call)
      }),
    )
  }

  async #single(key: string, call: Call): Promise<Found | Failed> {
    try {
      return await this.get(key, call)
    } catch (error) {
      if (isOutage(error)) return { failure: error }
      throw error
    }
  }

  write(write: Write, call: Call): Answer<Written> {
    if (write.when !== 'always') return this.#afterPaying(write.key, call, () => this.#inner.write(write, call))
    return this.#noting(write.key, call.route, () => this.#inner.write(write, call))
  }

  async writeMany(writes: readonly Write[], call: Call): Promise<readonly (Written | Failed)[]> {
    const send = (): Answer<readonly (Written | Failed)[]> => this.#inner.writeMany(writes, call)
    const keys = writes.map(write => write.key)
    if (writes.every(write => write.when === 'always')) return this.#notingMany(keys, call.route, send)
    return this.#writeAfterPaying(writes, keys, call, send)
  }

  /** Deletes first what should be gone already, where a condition would meet it. */
  async #writeAfterPaying(
    writes: readonly Write[],
    keys: readonly string[],
    call: Call,
    send: () => Answer<readonly (Written | Failed)[]>,
  ): Promise<readonly (Written | Failed)[]> {
    const hidden = keys.filter((key, i) => writes[i]?.when !== 'always' && this.#hides(key))
    const paying = this.#pay(hidden, call)
    const unconditional = new Set(keys.filter((_, i) => writes[i]?.when === 'always'))
    const writing = this.#notingMany(keys, call.route, send, key => unconditional.has(key))
    const [paid, answers] = await Promise.all([paying, writing])
    const failures = new Map(hidden.map((key, i) => [key, paid[i]]))
    return answers.map((answer, i) => {
      const payment = failures.get(keys[i] as string)
      return typeof payment === 'object' ? payment : answer
    })
  }

  claim(key: string, lease: Item, ttl: number, call: Call): Answer<Claimed> {
    return this.#afterPaying(key, call, () => this.#inner.claim(key, lease, ttl, call))
  }

  remove(key: string, only: CasToken | undefined, call: Call): Answer<boolean> {
    if (only !== undefined) return this.#afterPaying(key, call, () => this.#inner.remove(key, only, call))
    if (this.#ledger.size === 0) return this.#noting(key, call.route, () => this.#inner.remove(key, undefined, call))
    return this.#removeOwed(key, call)
  }

  /** A key whose delete is owed reads as a miss, so a delete of it answers false. */
  async #removeOwed(key: string, call: Call): Promise<boolean> {
    const isOwed = this.#hides(key)
    const there = await this.#noting(key, call.route, () => this.#inner.remove(key, undefined, call))
    return there && !isOwed
  }

  async removeMany(keys: readonly string[], call: Call): Promise<readonly (boolean | Failed)[]> {
    const hidden = this.#ledger.size === 0 ? undefined : keys.map(key => this.#hides(key))
    const answers = await this.#notingMany(keys, call.route, () => this.#inner.removeMany(keys, call))
    return hidden === undefined ? answers : answers.map((answer, i) => (answer === true ? !hidden[i] : answer))
  }

  take(key: string, call: Call): Answer<Item | undefined> {
    return this.#afterPaying(key, call, () => this.#inner.take(key, call))
  }

  touch(key: string, ttl: number, call: Call): Answer<Touched> {
    const touch = (): Promise<Touched> => this.#attempt(key, call.route, () => this.#inner.touch(key, ttl, call))
    if (!this.#hides(key)) return touch()
    return call.asks ? this.#afterPaying(key, call, touch) : nextTurn().then(() => 'missing')
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Answer<Counted> {
    return this.#afterPaying(key, call, () => this.#inner.count(key, by, create, call))
  }

  async clear(nextCall: () => Call): Promise<void> {
    const since = this.#ledger.version
    await this.#inner.clear(nextCall)
    this.#ledger.clear(this.#prefix, since)
  }

  async *keys(pattern: string, nextCall: () => Call): AsyncGenerator<string, void, undefined> {
    for await (const key of this.#inner.keys(pattern, nextCall)) if (!this.#owes(key)) yield key
  }

  wireKey(key: string, call: Call): Answer<string> {
    return this.#inner.wireKey(key, call)
  }

  serverOf(key: string, route?: string): string {
    return this.#inner.serverOf(key, route)
  }

  /** No read may see the key, and no write under way will change that. */
  #hides(key: string): boolean {
    return this.#ledger.size !== 0 && this.#ledger.hides(this.#prefix, key)
  }

  #owes(key: string): boolean {
    return this.#ledger.size !== 0 && this.#ledger.owes(this.#prefix, key)
  }

  /** Runs a verb that leaves nothing of the old value behind; when it fails, the key's delete is owed. */
  #noting<T>(key: string, route: string | undefined, run: () => Answer<T>): Promise<T> {
    return this.#attempt(
      key,
      route,
      run,
      this.#ledger.size === 0 ? undefined : this.#ledger.supersede(this.#prefix, key),
    )
  }

  /** Runs a verb that must not be left undone; when it fails, the key's delete is owed. */
  #attempt<T>(
    key: string,
    route: string | undefined,
    run: () => Answer<T>,
    settled?: (done: boolean) => void,
  ): Promise<T> {
    const ledger = this.#ledger
    ledger.uncertain++
    let answer: Answer<T>
    try {
      answer = run()
    } catch (error) {
      answer = Promise.reject(error)
    }
    // Settle exactly one microtask after the store: a read answered in the same tick checks the ledger one microtask later.
    return Promise.resolve(answer).then(
      value => {
        ledger.uncertain--
        settled?.(true)
        return value
      },
      error => {
        ledger.uncertain--
        if (isOutage(error)) this.owe(key, route)
        settled?.(false)
        throw error
      },
    )
  }

  async #notingMany<T>(
    keys: readonly string[],
    route: string | undefined,
    run: () => Answer<readonly (T | Failed)[]>,
    isNoted: (key: string) => boolean = () => true,
  ): Promise<readonly (T | Failed)[]> {
    const ledger = this.#ledger
    const settled =
      ledger.size === 0 ? undefined : keys.map(key => (isNoted(key) ? ledger.supersede(this.#prefix, key) : undefined))
    ledger.uncertain++
    try {
      const answers = await run()
      for (const [i, answer] of answers.entries()) {
        const failed = isFailed(answer)
        if (failed && isNoted(keys[i] as string)) this.owe(keys[i] as string, route)
        settled?.[i]?.(!failed)
      }
      return answers
    } catch (error) {
      if (isOutage(error)) for (const key of keys) if (isNoted(key)) this.owe(key, route)
      if (settled !== undefined) for (const settle of settled) settle?.(false)
      throw error
    } finally {
      ledger.uncertain--
    }
  }

  /** Sends the owed delete first, in the same tick, so that no later call on the key can slip in between. */
  #afterPaying<T>(key: string, call: Call, run: () => Answer<T>): Answer<T> {
    if (!this.#hides(key)) return run()
    const paid = this.#noting(key, call.route, () => this.#inner.remove(key, undefined, call))
    let answer: Answer<T>
    try {
      answer = run()
    } catch (error) {
      answer = Promise.reject(error)
    }
    return Promise.all([paid, answer]).then(([, paidFor]) => paidFor)
  }

  #pay(keys: readonly string[], call: Call): Promise<readonly (boolean | Failed)[]> {
    if (keys.length === 0) return Promise.resolve([])
    return this.#notingMany(keys, call.route, () => this.#inner.removeMany(keys, call))
  }

  owe(key: string, route?: string): void {
    const server = this.#inner.serverOf(key, route)
    this.#ledger.remember({ prefix: this.#prefix, key, route, server })
    this.#onOwing(server)
  }
}
