import type { CasToken, Touched } from '@anycache/core'
import { FLAG_LEASE, FLAG_METADATA } from '@anycache/serializer'
import { versionIn, versionOf } from './cas-tokens.js'
import type { Items } from './item.js'
import { refusal } from './refusal.js'
import { again, type Reply, Request, type Steps } from './request.js'
import { stepped } from './steps.js'

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

/** TOUCH; where that met a lease, DELETE of it: its life cannot be given back, and must not be longer. */
export function touchRequest(key: string, ttl: number, deadline: number, items: Items): Request {
  const request = items.haveMetadata
    ? stepped('touch', key, deadline, readTouched, items)
    : new Request('touch', key, deadline, readPlainTouched)
  request.ttl = ttl
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
    if ((flags & FLAG_METADATA) !== 0) this.#items.metMetadata = true
    return flags !== FLAG_LEASE && !this.#wasNothing
  }
}

function readRemoved(request: Request, reply: Reply): boolean {
  if (reply.status === 'missing') return false
  if (reply.status !== 'ok') throw refusal(request, reply)
  return (request.steps as Removing).wasEntry(reply.flags)
}

function readTouched(request: Request, reply: Reply): Touched | typeof again {
  if (request.verb === 'delete') {
    readDeleted(request, reply)
    return 'missing'
  }
  if (reply.status !== 'ok' || reply.flags !== FLAG_LEASE) {
    const touched = readPlainTouched(request, reply)
    return touched === 'touched' && (reply.flags & FLAG_METADATA) !== 0 ? 'has-metadata' : touched
  }
  request.verb = 'delete'
  request.only = versionOf(reply)
  return again
}

function readPlainTouched(request: Request, reply: Reply): Touched {
  if (reply.status === 'ok') return 'touched'
  if (reply.status === 'missing') return 'missing'
  throw refusal(request, reply)
}
