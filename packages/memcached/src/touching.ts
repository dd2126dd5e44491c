import type { Touched } from '@anycache/core'
import { FLAG_LEASE, FLAG_METADATA } from '@anycache/serializer'
import { versionOf } from './cas-tokens.js'
import type { Items } from './item.js'
import { replyError } from './reply-error.js'
import { again, type Reply, Request, type Steps, type Verb } from './request.js'

/**
 * TOUCH; but GET first where leases or metadata were met, since what counts as absent keeps its life. Where a TOUCH meets it all the same,
 * DELETE of it: its life cannot be given back, and must not become longer.
 */
export function touchRequest(key: string, ttl: number, deadline: number, items: Items): Request {
  const touching = new Touching(items)
  const request = new Request(touching.first, key, deadline, items.haveMetadata ? readTouched : readPlainTouched)
  request.ttl = ttl
  request.steps = touching
  request.alone = items.haveMetadata
  return request
}

class Touching implements Steps {
  readonly items: Items
  hasTouched = false

  constructor(items: Items) {
    this.items = items
  }

  get first(): Verb {
    return this.items.metLease || this.items.metMetadata ? 'get' : 'touch'
  }

  restart(request: Request): void {
    request.verb = this.first
    request.only = undefined
    this.hasTouched = false
  }
}

function readTouched(request: Request, reply: Reply): Touched | typeof again {
  const touching = request.steps as Touching
  const { verb } = request
  // Whatever became of the DELETE: the lease is gone, or no longer what was touched.
  if (verb === 'delete') return 'missing'
  if (readPlainTouched(request, reply) === 'missing') return 'missing'
  const { items, hasTouched } = touching
  const hasMetadata = (reply.flags & FLAG_METADATA) !== 0
  items.meet(reply.flags)
  if (verb === 'touch') {
    if (!hasMetadata && reply.flags !== FLAG_LEASE) return 'touched'
    touching.hasTouched = true
    if (hasMetadata) request.verb = 'get'
    else forget(request, reply)
    return again
  }
  if (items.isNothing(reply)) return hasTouched ? forget(request, reply) : 'missing'
  if (hasMetadata) return 'has-metadata'
  request.verb = 'touch'
  return again
}

function forget(request: Request, reply: Reply): typeof again {
  request.verb = 'delete'
  request.only = versionOf(reply)
  return again
}

function readPlainTouched(request: Request, reply: Reply): Touched {
  if (reply.status === 'ok') return 'touched'
  if (reply.status === 'missing') return 'missing'
  throw replyError(request, reply)
}
