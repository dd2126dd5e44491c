import type { Item } from '@anycache/core'
import type { Items } from './item.js'
import { again, type Reader, Request, type Steps, type Verb } from './request.js'

/** A request of several steps, which nothing asked later of its key may overtake. */
export function stepped(verb: Verb, key: string, deadline: number, read: Reader, items: Items): Request {
  const request = new Request(verb, key, deadline, read)
  request.alone = true
  request.steps = new StepsFrom(verb, items)
  return request
}

/** Steps that begin with this verb, on whatever lies there. */
export class StepsFrom implements Steps {
  readonly items: Items
  /** What the first step has found. */
  found: Item | undefined
  readonly #first: Verb

  constructor(first: Verb, items: Items) {
    this.#first = first
    this.items = items
  }

  restart(request: Request): typeof again {
    request.verb = this.#first
    request.only = undefined
    return again
  }
}

/** The steps of a request that {@link stepped} made. */
export function stepsOf({ steps }: Request): StepsFrom {
  return steps as StepsFrom
}
