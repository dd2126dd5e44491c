import { createHash, randomBytes } from 'node:crypto'
import type { CacheError } from '@anycache/core'
import { replyError } from './reply-error.js'
import { type Check, type Reply, Request } from './request.js'

/** Bytes that a generation adds to a wire key: `~`, 11 of base64url, `:`. */
export const generationBytes = 13

const generationForm = /^[\w-]{11}$/

/** Whose generations are checked. */
export interface Generations {
  /** A batch's first reply: the generation at this depth, as it stands, is not what the batch was sent under. */
  seen(depth: number, generation: string | undefined): void
  /** The request was sent under a generation that is gone. */
  keep(request: Request): void
  /** Every request of a batch is answered or lost. */
  completed(): void
}

/** Reads the generations ahead of a batch, and says of each request whether it was sent under them. */
export class GenerationCheck implements Check {
  readonly #owner: Generations
  readonly #generations: readonly (string | undefined)[]
  #left: number
  #holds = true
  #refusal: CacheError | undefined

  constructor(owner: Generations, generations: readonly (string | undefined)[], requests: number) {
    this.#owner = owner
    this.#generations = generations
    this.#left = requests
  }

  request(item: string, index: number): Request {
    const request = new Request('get', item, Number.POSITIVE_INFINITY, (asked, reply) => {
      if (reply.status === 'ok' || reply.status === 'missing') {
        const generation = reply.status === 'ok' ? reply.data.toString('latin1') : undefined
        if (generation === undefined || generation !== this.#generations[index]) {
          this.#holds = false
          this.#owner.seen(index, generation)
        }
      } else this.#refusal = replyError(asked, reply)
      this.#count()
    })
    request.reject = () => this.#count()
    return request
  }

  answered(request: Request): boolean {
    const holds = this.#holds && this.#refusal === undefined
    // It may have been done where everybody looks: to send it again could do it twice.
    if (this.#refusal !== undefined) request.lose(this.#refusal)
    else if (!holds) this.#owner.keep(request)
    this.#count()
    return holds
  }

  dropped(): void {
    this.#count()
  }

  #count(): void {
    if (--this.#left === 0) this.#owner.completed()
  }
}

/** A name of 66 random bits: a generation that was lost never comes back. */
export function newGeneration(): string {
  return randomBytes(9).toString('base64url').slice(0, 11)
}

/** Reads a generation; `undefined` where there is none. */
export function lookRequest(item: string, deadline: number): Request {
  return new Request('get', item, deadline, readGeneration)
}

/** Writes a generation where there is none. */
export function addRequest(item: string, generation: string, deadline: number): Request {
  return writeRequest('add', item, generation, deadline)
}

/** Renews a generation. */
export function renewRequest(item: string, generation: string, deadline: number): Request {
  return writeRequest('set', item, generation, deadline)
}

function writeRequest(verb: 'set' | 'add', item: string, generation: string, deadline: number): Request {
  const request = new Request(verb, item, deadline, readWritten)
  request.item = { flags: 0, data: generation }
  request.bytes = generation.length
  request.ttl = Number.POSITIVE_INFINITY
  return request
}

/** The key of the item that holds a namespace's generation. */
export function generationItem(base: string): string {
  return `${base}~generation`
}

/** What precedes the keys of a namespace, given the generations of those it is nested in and its own. */
export function wirePrefix(base: string, generations: readonly string[]): string {
  const [first = ''] = generations
  // Nested namespaces hash all generations into the length of one. A value we did not write may be too long for a key.
  const generation =
    generations.length === 1 && generationForm.test(first)
      ? first
      : createHash('sha256').update(generations.join()).digest('base64url').slice(0, 11)
  return `${base}~${generation}:`
}

function readGeneration(request: Request, reply: Reply): string | undefined {
  if (reply.status === 'ok') return reply.data.toString('latin1')
  if (reply.status === 'missing') return undefined
  throw replyError(request, reply)
}

function readWritten(request: Request, reply: Reply): void {
  if (reply.status !== 'ok' && reply.status !== 'exists') throw replyError(request, reply)
}
