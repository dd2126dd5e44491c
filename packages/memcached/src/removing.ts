import type { CasToken } from '@anycache/core'
import { FLAG_LEASE } from '@anycache/serializer'
import { versionIn } from './cas-tokens.js'
import type { Items } from './item.js'
import { replyError } from './reply-error.js'
import { besides, type Reply, Request, type Steps } from './request.js'

/**
 * Where items may count as absent, a TOUCH that lets the item expire at once: its reply tells the flags of what was there, without the value.
 * Where metadata may hold a soft deadline, a GET and a DELETE in one batch instead.
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
  throw replyError(request, reply)
}

class Removing implements Steps {
  readonly #items: Items
  #wasNothing = false

  constructor(items: Items) {
    this.#items = items
  }

  before(request: Request): Request | undefined {
    if (!this.#items.metMetadata) {
      request.verb = 'touch'
      return undefined
    }
    request.verb = 'delete'
    return besides(request, (_look, reply) => {
      this.#wasNothing = reply.status === 'ok' && this.#items.isNothing(reply)
    })
  }

  /** A GET in passing: memcached keeps what has expired until somebody asks for it. */
  behind(request: Request): Request | undefined {
    return request.verb === 'touch' ? besides(request, () => {}) : undefined
  }

  /** Whether an entry lay there, given the reply to the DELETE or the TOUCH. */
  wasEntry(flags: number): boolean {
    this.#items.meet(flags)
    return flags !== FLAG_LEASE && !this.#wasNothing
  }
}

function readRemoved(request: Request, reply: Reply): boolean {
  if (reply.status === 'missing') return false
  if (reply.status !== 'ok') throw replyError(request, reply)
  return (request.steps as Removing).wasEntry(reply.flags)
}
