import {
  type Answer,
  CacheError,
  type Call,
  type CasToken,
  type Claimed,
  type Counted,
  type Failed,
  type Item,
  type Owed,
  prefixOf,
  type Space,
  type StoredItem,
  type Touched,
  type Write,
  type Written,
} from '@anycache/core'
import type { Damage } from './damage.js'
import type { Turmoil } from './turmoil.js'

/** The verbs of a store that a {@link ChaosSpace} or its store counts, as the `Space` and `Store` interfaces name them. */
export const chaosVerbs = [
  'get',
  'getMany',
  'write',
  'writeMany',
  'claim',
  'remove',
  'removeMany',
  'take',
  'touch',
  'count',
  'clear',
  'keys',
  'ping',
  'flush',
  'serverStats',
] as const

/** One verb of a store. */
export type ChaosVerb = (typeof chaosVerbs)[number]

/** One namespace of a chaos store: every call goes through the turmoil before it reaches the store beneath. */
export class ChaosSpace implements Space {
  readonly #inner: Space
  readonly #prefix: string
  readonly #turmoil: Turmoil
  readonly #damage: Damage
  readonly #calls: Record<ChaosVerb, number>
  readonly #server: string

  constructor(
    inner: Space,
    path: readonly string[],
    turmoil: Turmoil,
    damage: Damage,
    calls: Record<ChaosVerb, number>,
    server: string,
  ) {
    this.#inner = inner
    this.#prefix = prefixOf(path)
    this.#turmoil = turmoil
    this.#damage = damage
    this.#calls = calls
    this.#server = server
  }

  get(key: string, call: Call): Answer<StoredItem | Owed | undefined> {
    const found = this.#pass('get', call, () => this.#inner.get(key, call))
    return then(found, item => this.#read(item, key))
  }

  getMany(keys: readonly string[], call: Call): Answer<readonly (StoredItem | Owed | undefined | Failed)[]> {
    const found = this.#passMany('getMany', keys.length, call, () => this.#inner.getMany(keys, call))
    return then(found, items => items.map((item, i) => this.#read(item, keys[i] as string)))
  }

  write(write: Write, call: Call): Answer<Written> {
    const written = this.#pass('write', call, () => this.#inner.write(write, call))
    return then(written, answer => this.#written(write, answer))
  }

  writeMany(writes: readonly Write[], call: Call): Answer<readonly (Written | Failed)[]> {
    const written = this.#passMany('writeMany', writes.length, call, () => this.#inner.writeMany(writes, call))
    return then(written, answers => answers.map((answer, i) => this.#written(writes[i] as Write, answer)))
  }

  claim(key: string, lease: Item, ttl: number, call: Call): Answer<Claimed> {
    const id = this.#prefix + key
    const claimed = this.#pass('claim', call, () => this.#inner.claim(key, lease, ttl, call))
    return then(claimed, answer => {
      if ('found' in answer) return { found: this.#damage.of(answer.found, key, id) }
      this.#damage.heal(id)
      return answer
    })
  }

  remove(key: string, only: CasToken | undefined, call: Call): Answer<boolean> {
    return this.#pass('remove', call, () => this.#inner.remove(key, only, call))
  }

  removeMany(keys: readonly string[], call: Call): Answer<readonly (boolean | Failed)[]> {
    return this.#passMany('removeMany', keys.length, call, () => this.#inner.removeMany(keys, call))
  }

  take(key: string, call: Call): Answer<Item | undefined> {
    const taken = this.#pass('take', call, () => this.#inner.take(key, call))
    return then(taken, item => this.#read(item, key))
  }

  touch(key: string, ttl: number, call: Call): Answer<Touched> {
    return this.#pass('touch', call, () => this.#inner.touch(key, ttl, call))
  }

  count(key: string, by: number, create: { value: number; ttl: number } | undefined, call: Call): Answer<Counted> {
    return this.#pass('count', call, () => {
      if (!this.#damage.has(key, this.#prefix + key)) return this.#inner.count(key, by, create, call)
      return then(this.#inner.get(key, call), item =>
        item === undefined ? this.#inner.count(key, by, create, call) : { refused: 'not-a-counter' },
      )
    })
  }

  clear(nextCall: () => Call): Answer<void> {
    return this.#pass('clear', nextCall(), () => this.#inner.clear(nextCall))
  }

  async *keys(pattern: string, nextCall: () => Call): AsyncIterable<string> {
    await this.#pass('keys', nextCall(), () => {})
    yield* this.#inner.keys(pattern, nextCall)
  }

  wireKey(key: string, call: Call): Answer<string> {
    return this.#inner.wireKey(key, call)
  }

  serverOf(): string {
    return this.#server
  }

  #read<T extends StoredItem | Owed | Failed | undefined>(answer: T, key: string): T {
    if (typeof answer !== 'object' || 'failure' in answer) return answer
    return this.#damage.of(answer as T & StoredItem, key, this.#prefix + key)
  }

  #written<T extends Written | Failed>(write: Write, answer: T): T {
    if ('outcome' in answer && answer.outcome === 'stored') this.#damage.heal(this.#prefix + write.key)
    return answer
  }

  #pass<T>(verb: ChaosVerb, call: Call, act: () => Answer<T>): Answer<T> {
    this.#calls[verb]++
    return this.#turmoil.pass(call, act)
  }

  /** For verbs on many keys, which never throw: each key carries the failure. */
  #passMany<T>(
    verb: ChaosVerb,
    count: number,
    call: Call,
    act: () => Answer<readonly T[]>,
  ): Answer<readonly (T | Failed)[]> {
    const failed = (failure: unknown): readonly Failed[] => {
      if (!(failure instanceof CacheError)) throw failure
      return new Array<Failed>(count).fill({ failure })
    }
    try {
      const answers = this.#pass(verb, call, act)
      return answers instanceof Promise ? answers.catch(failed) : answers
    } catch (failure) {
      return failed(failure)
    }
  }
}

function then<T, U>(answer: Answer<T>, next: (value: T) => Answer<U>): Answer<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}
