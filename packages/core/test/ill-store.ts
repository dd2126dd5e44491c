import {
  type CacheError,
  ClosedError,
  ConnectionError,
  ServerError,
  type Space,
  type Store,
  type StoreEvent,
  TimeoutError,
} from '@anycache/core'
import { MemoryStore } from '@anycache/memory'
import type { Format } from '@anycache/serializer'

type Illness = 'well' | 'down' | 'frozen' | 'refusing writes' | 'read-only' | 'closed'
const writes = new Set(['write', 'writeMany', 'touch', 'count'])
const removals = new Set(['remove', 'removeMany', 'take', 'clear'])

/** A shared store whose server can be ill: memory beneath, failing as an adapter fails. Counts the calls that reach it. */
export class IllStore implements Store {
  readonly driver = 'ill'
  readonly servers = ['ill:1']
  readonly #inner = new MemoryStore()
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  readonly limits = { ...this.#inner.limits, clear: false, remote: true, shared: true }
  readonly remember = true
  readonly client = undefined
  readonly calls: string[] = []
  /** How many keys each call of a verb on many keys named. */
  readonly sizes: number[] = []
  illness: Illness = 'well'
  /** Keys whose requests fail while everything else works. */
  readonly illKeys = new Set<string>()
  /** Holds an answer back until the promise resolves; the request takes effect at once. */
  slowness: (verb: string) => Promise<unknown> | undefined = () => undefined

  space(path: readonly string[], format: Format): Space {
    const space = this.#inner.space(path, format)
    return new Proxy(space, {
      get: (target, verb: keyof Space) => {
        const run = target[verb]
        if (verb === 'serverOf') return () => 'ill:1'
        if (typeof run !== 'function') return run
        return (...args: unknown[]) => {
          const answer = this.#run(verb, args, () => Reflect.apply(run, target, args) as unknown)
          const slow = this.slowness(verb)
          return slow === undefined ? answer : slow.then(() => answer)
        }
      },
    })
  }

  #run(verb: string, args: readonly unknown[], run: () => unknown): unknown {
    this.calls.push(verb)
    if (verb === 'keys') return run()
    const failure = this.#failure(verb, args)
    if (verb.endsWith('Many')) {
      const asked = (args[0] as readonly (string | { key: string })[]).map(entry =>
        typeof entry === 'string' ? entry : entry.key,
      )
      this.sizes.push(asked.length)
      const answers = failure === undefined ? (run() as unknown[]) : asked.map(() => ({ failure }))
      return Promise.resolve(
        answers.map((answer, i) => (this.illKeys.has(asked[i] as string) ? { failure: down() } : answer)),
      )
    }
    return failure === undefined ? Promise.resolve(run()) : Promise.reject(failure)
  }

  #failure(verb: string, args: readonly unknown[]): CacheError | undefined {
    const key = typeof args[0] === 'object' ? (args[0] as { key?: string }).key : args[0]
    if (typeof key === 'string' && this.illKeys.has(key)) return down()
    if (this.illness === 'down') return down()
    if (this.illness === 'frozen')
      return new TimeoutError('ill:1 did not answer in time', { server: 'ill:1', outcome: 'unknown' })
    if (this.illness === 'refusing writes' && writes.has(verb)) {
      return new ServerError('ill:1 is out of memory', { server: 'ill:1', outcome: 'refused' })
    }
    if (this.illness === 'read-only' && (writes.has(verb) || removals.has(verb))) {
      return new ServerError('ill:1 is a replica', { server: 'ill:1', outcome: 'refused' })
    }
    if (this.illness === 'closed') return new ClosedError('the store is closed', { server: 'ill:1' })
    return undefined
  }

  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(event: StoreEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  ping(): void {
    const failure = this.#failure('ping', [])
    if (failure !== undefined) throw failure
  }

  flush(): void {
    this.#inner.flush()
  }

  serverStats(): [] {
    return []
  }

  close(): void {}
}

function down(): ConnectionError {
  return new ConnectionError('ill:1 refused the connection', { server: 'ill:1', outcome: 'not-sent' })
}
