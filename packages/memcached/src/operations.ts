import type { Claimed, Condition, Item, Write, Written } from '@anycache/core'
import { tokenOf, versionIn, versionOf } from './cas-tokens.js'
import type { Items } from './item.js'
import { replyError } from './reply-error.js'
import { again, type Reply, Request } from './request.js'
import { stepped, stepsOf } from './steps.js'

const stored: Written = { outcome: 'stored' }
const exists: Written = { outcome: 'exists' }
const missing: Written = { outcome: 'missing' }
const conflict: Written = { outcome: 'conflict' }
const tooLarge: Written = { outcome: 'too-large' }

export function getRequest(key: string, deadline: number, items: Items): Request {
  return new Request('get', key, deadline, items.read)
}

export function writeRequest(key: string, { item, ttl, when }: Write, deadline: number, items: Items): Request {
  const request = emptyWrite(key, when, deadline, items)
  carry(request, item, ttl, items)
  return request
}

/** Where items may count as absent, `absent` and `present` depend on what lies there, which the server cannot judge. */
function emptyWrite(key: string, when: Condition, deadline: number, items: Items): Request {
  if (when === 'always') return new Request('set', key, deadline, readWritten)
  if (when === 'absent') {
    if (items.haveMetadata) return stepped('add', key, deadline, readAdded, items)
    return new Request('add', key, deadline, readWritten)
  }
  if (when === 'present') {
    if (items.haveMetadata) return stepped('get', key, deadline, readReplaced, items)
    return new Request('replace', key, deadline, readWritten)
  }
  const request = new Request('set', key, deadline, readWritten)
  request.only = versionIn(when.casToken)
  return request
}

/** ADD; where something lies, GET; from the start where that has gone meanwhile. */
export function claimRequest(key: string, lease: Item, ttl: number, deadline: number, items: Items): Request {
  const request = stepped('add', key, deadline, readClaimed, items)
  carry(request, lease, ttl, items)
  return request
}

/** GET, then DELETE of the version that was read; from the start when somebody wrote in between. */
export function takeRequest(key: string, deadline: number, items: Items): Request {
  return stepped('get', key, deadline, readTaken, items)
}

function carry(request: Request, item: Item, ttl: number, items: Items): void {
  const { flags, data, metadata } = item
  items.meet(flags)
  request.item = item
  request.bytes = (typeof data === 'string' ? Buffer.byteLength(data) : data.length) + (metadata?.length ?? 0)
  request.ttl = ttl
}

function readWritten(request: Request, reply: Reply): Written {
  switch (reply.status) {
    case 'ok':
      if (request.isTooLarge) return tooLarge
      return request.only === undefined && request.verb !== 'add' ? stored : storedAs(reply)
    case 'missing':
      return request.isTooLarge ? tooLarge : missing
    case 'exists':
      return request.only === undefined ? exists : conflict
    case 'too-large':
      return tooLarge
    default:
      throw replyError(request, reply)
  }
}

function storedAs(reply: Reply): Written {
  return versionOf(reply) === undefined ? stored : { outcome: 'stored', casToken: tokenOf(reply) }
}

/** ADD; where something lies, GET; and where that counts as absent, SET of its version. */
function readAdded(request: Request, reply: Reply): Written | typeof again {
  const steps = stepsOf(request)
  if (request.verb === 'get') {
    if (reply.status === 'ok') return steps.items.isNothing(reply) ? writeOver(request, reply) : exists
    if (reply.status !== 'missing') throw replyError(request, reply)
    return steps.restart(request)
  }
  if (reply.status === 'ok') return storedAs(reply)
  if (reply.status !== 'exists' && reply.status !== 'missing') return readWritten(request, reply)
  // Somebody wrote after the look: from the start.
  if (request.verb !== 'add') return steps.restart(request)
  request.verb = 'get'
  return again
}

/** GET; and where that counts as present, SET of its version. */
function readReplaced(request: Request, reply: Reply): Written | typeof again {
  const steps = stepsOf(request)
  if (request.verb !== 'get') return reply.status === 'exists' ? steps.restart(request) : readWritten(request, reply)
  if (reply.status !== 'ok') return readWritten(request, reply)
  return steps.items.isNothing(reply) ? missing : writeOver(request, reply)
}

/** Without versions (-C), REPLACE: at least it stores nothing where a delete came in between. */
function writeOver(request: Request, reply: Reply): typeof again {
  request.only = versionOf(reply)
  request.verb = request.only === undefined ? 'replace' : 'set'
  return again
}

function readClaimed(request: Request, reply: Reply): Claimed | typeof again {
  const adds = request.verb === 'add'
  if (reply.status === 'ok') return adds ? { won: tokenOf(reply) } : { found: stepsOf(request).items.in(reply) }
  if (reply.status !== (adds ? 'exists' : 'missing')) throw replyError(request, reply)
  request.verb = adds ? 'get' : 'add'
  return again
}

function readTaken(request: Request, reply: Reply): Item | undefined | typeof again {
  const steps = stepsOf(request)
  if (reply.status === 'missing') return undefined
  if (request.verb === 'get') {
    if (reply.status !== 'ok') throw replyError(request, reply)
    steps.found = steps.items.in(reply)
    request.verb = 'delete'
    // Without versions: whose delete finds something has taken it.
    request.only = versionOf(reply)
    return again
  }
  if (reply.status === 'ok') return steps.found
  if (reply.status !== 'exists') throw replyError(request, reply)
  return steps.restart(request)
}
