import { type CacheError, Exchange, TimeoutError } from '@anycache/core'
import type { Connection } from './connection.js'
import { Counting } from './counting.js'
import {
  addRequest,
  GenerationCheck,
  type Generations,
  generationItem,
  lookRequest,
  newGeneration,
  wirePrefix,
} from './generation.js'
import { KnownCounters } from './known-counters.js'
import type { Composer } from './outbox.js'
import type { Request, RequestOwner } from './request.js'

/**
 * The requests of one namespace to one server. Their keys carry the namespace's generation as this process last saw it;
 * each batch begins by reading it, and what was sent under another one is sent again, in order.
 */
export class Lane implements RequestOwner, Composer, Generations {
  readonly #connection: Connection
  /** Called when a request that was {@link Request.present} has left. */
  readonly #onDone: () => void
  /** The items that hold the generations of this namespace and of those it is nested in, outermost first. Empty without a namespace. */
  readonly #items: readonly string[]
  readonly #base: string
  /** As last seen; never changed in place, since batches remember what they were sent under. */
  #generations: readonly (string | undefined)[]
  /** What precedes each key; `undefined` while a generation is not known. */
  #prefix: string | undefined
  #queue: Request[] = []
  /** What waits for a generation. Those to be done again come first. */
  #held: Request[] = []
  #redo: Request[] = []
  /** Batches whose answers are not all there. */
  #underWay = 0
  #isOutdated = false
  #isFetching = false
  /** Keys with a request that is alone, that request, and what was asked of them since. */
  readonly #turns = new Map<string, { readonly holder: Request; readonly waiting: Request[] }>()

  readonly #counters = new KnownCounters()

  constructor(connection: Connection, bases: readonly string[], onDone: () => void) {
    this.#connection = connection
    this.#onDone = onDone
    this.#items = bases.map(generationItem)
    this.#base = bases.at(-1) ?? ''
    this.#generations = bases.map(() => undefined)
    if (bases.length === 0) this.#prefix = ''
  }

  /** Sends the request in its turn. */
  enter(request: Request): void {
    if (this.#turns.size > 0 || request.alone) {
      const turn = this.#turns.get(request.key)
      if (turn !== undefined) {
        turn.waiting.push(request)
        return
      }
      if (request.steps instanceof Counting) {
        const known = this.#counters.get(request.key)
        if (known !== undefined) request.steps.beginKnown(request, known)
      }
      if (request.alone) this.#turns.set(request.key, { holder: request, waiting: [] })
    }
    // All but a plain get may leave something else there than the counter that is known.
    const isGet = request.verb === 'get' && !request.alone
    if (!isGet && !(request.steps instanceof Counting)) {
      const known = this.#counters.get(request.key)
      if (known !== undefined) known.isReplaced = replaces(request)
      this.#counters.forget(request.key)
    }
    this.#enqueue(request)
  }

  resend(request: Request): void {
    this.#enqueue(request)
  }

  ended(request: Request): void {
    this.#connection.ended(request)
    if (request.steps instanceof Counting) request.steps.ended(request, this.#counters)
    if (request.alone) this.#passTurn(request)
    if (request.present) this.#onDone()
  }

  late(request: Request): void {
    this.#connection.late(request)
  }

  compose(batch: Request[]): void {
    const queue = this.#queue
    this.#queue = []
    if (this.#items.length === 0) {
      for (const request of queue) join(batch, request)
      return
    }
    if (this.#prefix === undefined || this.#isOutdated) {
      const exchange = new Exchange()
      for (const request of queue) {
        request.exchange = exchange
        this.#held.push(request)
      }
      if (!this.#isOutdated) void this.#fetch()
      return
    }
    const check = new GenerationCheck(this, this.#generations, queue.length + this.#items.length)
    this.#underWay++
    for (let i = 0; i < this.#items.length; i++) batch.push(check.request(this.#items[i] as string, i))
    for (const request of queue) {
      request.wireKey = this.#prefix + request.key
      request.check = check
      join(batch, request)
    }
  }

  /** What precedes keys on this server, for `keyFor`. */
  async prefix(deadline: number): Promise<string> {
    if (this.#items.length === 0) return ''
    return wirePrefix(this.#base, await this.#read(deadline))
  }

  /** Whether its keys carry a generation. */
  get isNamed(): boolean {
    return this.#items.length > 0
  }

  /** `clear()` has renewed this generation; `undefined`: perhaps it has. */
  renewed(base: string, generation: string | undefined): void {
    const depth = this.#items.indexOf(generationItem(base))
    if (depth >= 0) this.#learn(this.#generations.with(depth, generation))
  }

  seen(depth: number, generation: string | undefined): void {
    this.#generations = this.#generations.with(depth, generation)
    this.#isOutdated = true
  }

  keep(request: Request): void {
    request.steps?.restart?.(request)
    this.#redo.push(request)
  }

  completed(): void {
    this.#underWay--
    if (this.#underWay > 0 || !this.#isOutdated) return
    this.#isOutdated = false
    this.#learn(this.#generations)
    this.#held = [...this.#redo, ...this.#held]
    this.#redo = []
    if (this.#prefix !== undefined) this.#releaseHeld()
    else if (this.#held.length > 0) void this.#fetch()
  }

  #enqueue(request: Request): void {
    this.#queue.push(request)
    if (this.#queue.length === 1) this.#connection.schedule(this)
  }

  #passTurn(request: Request): void {
    const turn = this.#turns.get(request.key)
    // One that gave up while it waited has no turn to pass.
    if (turn?.holder !== request) return
    this.#turns.delete(request.key)
    const counting = request.steps instanceof Counting ? request.steps : undefined
    const known = counting?.known
    if (known !== undefined) known.isFresh = counting?.foundRoom === true
    for (const next of turn.waiting) if (!next.over) this.enter(next)
    if (known !== undefined) known.isFresh = false
  }

  #releaseHeld(): void {
    const held = this.#held
    this.#held = []
    // Ahead of what came in this tick.
    this.#queue = [...held, ...this.#queue]
    if (held.length > 0 && this.#queue.length === held.length) this.#connection.schedule(this)
  }

  async #fetch(): Promise<void> {
    if (this.#isFetching) return
    this.#isFetching = true
    // Late for those that waited when it began is not late for those that came since: it is asked again for them.
    while (this.#held.length > 0) {
      let deadline = 0
      for (const request of this.#held) deadline = Math.max(deadline, request.deadline)
      try {
        this.#learn(await this.#read(deadline))
        break
      } catch (error) {
        const held = this.#held
        const isWaiting = (request: Request): boolean => error instanceof TimeoutError && request.deadline > deadline
        this.#held = held.filter(isWaiting)
        for (const request of held) if (!isWaiting(request)) request.lose(error as CacheError)
      }
    }
    this.#isFetching = false
    this.#releaseHeld()
  }

  #learn(generations: readonly (string | undefined)[]): void {
    this.#generations = generations
    this.#prefix = generations.includes(undefined)
      ? undefined
      : wirePrefix(this.#base, generations as readonly string[])
  }

  /** The generations as they stand on the server; it is given new ones for those that it has lost. */
  async #read(deadline: number): Promise<string[]> {
    const ask = (request: Request): Promise<string | undefined> => this.#connection.askedWithin(request)
    for (;;) {
      const found = await Promise.all(this.#items.map(item => ask(lookRequest(item, deadline))))
      const missing = this.#items.filter((_, i) => found[i] === undefined)
      if (missing.length === 0) return found as string[]
      // Another process may be as fast: then its generation is the one, and the next round reads it.
      await Promise.all(missing.map(item => ask(addRequest(item, newGeneration(), deadline))))
    }
  }
}

/** Whether it leaves nothing of what lies there, whatever that is. */
function replaces({ verb, only, ttl }: Request): boolean {
  return only === undefined && (verb === 'set' || verb === 'delete' || (verb === 'touch' && ttl === 0))
}

function join(batch: Request[], request: Request): void {
  const { steps } = request
  if (steps === undefined) {
    batch.push(request)
    return
  }
  const before = steps.before?.(request)
  if (before !== undefined) batch.push(before)
  batch.push(request)
  const behind = steps.behind?.(request)
  if (behind !== undefined) batch.push(behind)
}
