import { type Pending, TimeoutError, Unsettled, unwatch, watchDeadline } from '@anycache/core'
import type { Connection } from './connection.js'
import { generationItem, newGeneration, renewRequest } from './generation.js'
import { Lane } from './lane.js'
import type { Request } from './request.js'
import { WeakValues } from './weak-values.js'

/** A clear that waits for another one. */
interface WaitingClear extends Pending {
  over: boolean
  begin(): void
}

/**
 * One server with its namespaces, and their clearing. While one is cleared, what is asked of any of them waits in one backlog: a namespace
 * and those nested in it, known or not yet known, then keep their call order around the clear.
 */
export class Server {
  readonly connection: Connection
  readonly #lanes = new WeakValues<Lane>()
  /** Requests on their way. */
  readonly #present = new Unsettled()
  readonly #onDone = (): void => this.#present.ended()
  #backlog: (Request | WaitingClear)[] | undefined

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Its name, for messages. */
  get server(): string {
    return this.connection.endpoint.name
  }

  /** The requests' lane for a namespace, given the bases of those it is nested in and its own, outermost first. */
  laneOf(bases: readonly string[]): Lane {
    return this.#lanes.obtain(bases.at(-1) ?? '', () => new Lane(this.connection, bases, this.#onDone))
  }

  /** Sends the request in its turn, or refuses it. */
  submit(request: Request, lane: Lane): void {
    if (!this.connection.accept(request, lane)) return
    if (!lane.isNamed) lane.enter(request)
    else if (this.#backlog === undefined) this.#enter(request, lane)
    else this.#backlog.push(request)
  }

  /** Renews the generation of the namespace with this base: what was asked before is gone then, what is asked from now on stays. */
  clear(base: string, deadline: number): Promise<void> {
    return this.connection.during(() => {
      if (this.#backlog !== undefined) return this.#queueClear(base, deadline)
      this.#backlog = []
      return this.#clearNow(base, deadline)
    })
  }

  #queueClear(base: string, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const clearing: WaitingClear = {
        deadline,
        over: false,
        expire: () => {
          clearing.over = true
          reject(this.#tooLate())
        },
        begin: () => {
          unwatch(clearing)
          this.#clearNow(base, deadline).then(resolve, reject)
        },
      }
      watchDeadline(clearing)
      this.#backlog?.push(clearing)
    })
  }

  async #clearNow(base: string, deadline: number): Promise<void> {
    try {
      await this.#renew(base, deadline)
    } finally {
      this.#releaseBacklog()
    }
  }

  async #renew(base: string, deadline: number): Promise<void> {
    if (!(await this.#present.none(deadline))) throw this.#tooLate()
    const generation = newGeneration()
    try {
      await this.connection.askedWithin(renewRequest(generationItem(base), generation, deadline))
    } catch (error) {
      for (const lane of this.#lanes.values()) lane.renewed(base, undefined)
      throw error
    }
    for (const lane of this.#lanes.values()) lane.renewed(base, generation)
  }

  #tooLate(): TimeoutError {
    const { server } = this
    return new TimeoutError(`${server} did not answer earlier requests in time`, { server, outcome: 'not-sent' })
  }

  #enter(request: Request, lane: Lane): void {
    request.present = true
    this.#present.began()
    lane.enter(request)
  }

  #releaseBacklog(): void {
    const backlog = this.#backlog ?? []
    this.#backlog = undefined
    for (let i = 0; i < backlog.length; i++) {
      const entry = backlog[i] as Request | WaitingClear
      if (entry.over) continue
      if ('begin' in entry) {
        this.#backlog = backlog.slice(i + 1)
        entry.begin()
        return
      }
      this.#enter(entry, entry.owner as Lane)
    }
  }
}
