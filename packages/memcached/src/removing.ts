import type { CasToken } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { versionIn } from './cas-tokens.js'
import type { Items } from './item.js'
import { refusal } from './refusal.js'
import { type Reply, Request, type Steps } from './request.js'

/**
 * A TOUCH that lets the item expire at once: like DELETE it leaves nothing to find, but its reply tells the flags of what was there, and a
 * lease was nothing. Where metadata may hold a soft deadline, a GET goes ahead of it in the same batch.
 */
export function removeRequest(key: string, only: CasToken | undefined, deadline: number, items: Items): Request {
  if (only === undefined && items.haveMetadata) {
    const request = new Request('touch', key, deadline, readRemoved)
    request.ttl = 0
    request.steps = new Removing(items)
    return request
  }
  const request = new Request('delete', key, deadline, readDeleted)
  if (only !== undefined) request.only = versionIn(only)
  return request
}

function readDeleted(request: Request, reply: Reply): boolean {
  if (reply.status === 'ok') return true
  if (reply.status === 'missing' || reply.status === 'exists') return false
  throw refusal(request, reply)
}

class Removing implements Steps {
  readonly #items: Items
  #wasNothing = false

  constructor(items: Items) {
    this.#items = items
  }

  before({ key, wireKey }: Request): Request | undefined {
    if (!this.#items.metMetadata) return undefined
    const look = new Request('get', key, Number.POSITIVE_INFINITY, (_look, reply) => {
      this.#wasNothing = reply.status === 'ok' && this.#items.isNothing(reply)
    })
    look.wireKey = wireKey
    return look
  }

  /** Whether an entry lay there, given the flags of what did. */
  wasEntry(flags: number): boolean {
    this.#items.meet(flags)
    return flags !== FLAG_LEASE && !this.#wasNothing
  }
}

function readRemoved(request: Request, reply: Reply): boolean {
  if (reply.status === 'missing') return false
  if (reply.status !== 'ok') throw refusal(request, reply)
  return (request.steps as Removing).wasEntry(reply.flags)
}
