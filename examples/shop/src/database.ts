import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Origin } from './snapshot.js'

/** A message to the worker. */
export type Query = { readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }

/** A message from the worker: first that it is ready, then an answer to each query. */
export type Answer =
  | { readonly origin: Origin }
  | { readonly id: number; readonly rows: unknown[] }
  | { readonly id: number; readonly failure: string }

/** How the database does: a visitor of the demo may make it slow, or let it fail. */
export type Mood = 'works' | 'slow' | 'fails'

/** How long each query takes at least while the database is slow, in ms. */
const slowness = 3000

/** The database is away. The server answers with this status. */
export class DatabaseAway extends Error {
  readonly statusCode = 503

  constructor() {
    super('the database does not answer')
  }
}

type Waiting = { resolve(rows: unknown[]): void; reject(error: Error): void }

/** The shop's Postgres, which runs in a worker thread. */
export class Database {
  readonly origin: Origin
  mood: Mood = 'works'
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #queries = 0

  /** Resolves when the catalogue can be queried. */
  static async open(): Promise<Database> {
    const worker = new Worker(new URL('./database-worker.js', import.meta.url))
    const [ready] = (await once(worker, 'message')) as [{ origin: Origin }]
    return new Database(worker, ready.origin)
  }

  private constructor(worker: Worker, origin: Origin) {
    this.#worker = worker
    this.origin = origin
    worker.on('message', (answer: Exclude<Answer, { origin: Origin }>) => this.#settle(answer))
    worker.on('error', error => this.#failAll(error))
    worker.on('exit', () => this.#failAll(new Error('the database was closed')))
  }

  /** How many queries ran so far: the number that the cache keeps low. */
  get queries(): number {
    return this.#queries
  }

  /** Resolves the rows. `Row` is what the statement selects. */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const id = ++this.#queries
    if (this.mood === 'slow') await sleep(slowness)
    if (this.mood === 'fails') throw new DatabaseAway()
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: rows => resolve(rows as Row[]), reject })
      this.#worker.postMessage({ id, sql, parameters } satisfies Query)
    })
  }

  /** Ends the worker; unanswered queries reject. Edits are lost. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(answer: Exclude<Answer, { origin: Origin }>): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('rows' in answer) waiting?.resolve(answer.rows)
    else waiting?.reject(new Error(answer.failure))
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
