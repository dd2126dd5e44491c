import type { CasToken, Condition, Item, StoredItem, Write, Written } from '@anycache/core'
import { refusal } from './protocol/binary/greeting.js'
import { again, type Reply, Request } from './request.js'
import { compareNothing, compareWith, compareWithFound, tokenOf } from './cas-tokens.js'

const stored: Written = { outcome: 'stored' }
const exists: Written = { outcome: 'exists' }
const missing: Written = { outcome: 'missing' }
const conflict: Written = { outcome: 'conflict' }
const tooLarge: Written = { outcome: 'too-large' }

export function getRequest(key: string, deadline: number): Request {
  return new Request('get', key, deadline, readItem)
}

export function writeRequest(key: string, write: Write, deadline: number): Request {
  const { item, when } = write
  const request = new Request(verbOf(when), key, deadline, readWritten)
  const { data } = item
  request.flags = item.flags
  request.data = data
  request.bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length
  request.ttl = write.ttl
  if (typeof when === 'object') compareWith(request, when.casToken)
  return request
}

export function removeRequest(key: string, only: CasToken | undefined, deadline: number): Request {
  const request = new Request('delete', key, deadline, readDone)
  if (only !== undefined) compareWith(request, only)
  return request
}

export function touchRequest(key: string, ttl: number, deadline: number): Request {
  const request = new Request('touch', key, deadline, readDone)
  request.ttl = ttl
  return request
}

/** GET, then DELETE of the very version that was read; from the start again when somebody wrote in between. */
export function takeRequest(key: string, deadline: number): Request {
  const request = new Request('get', key, deadline, readTaken)
  request.alone = true
  request.restart = beginTake
  return request
}

function beginTake(request: Request): void {
  request.verb = 'get'
  compareNothing(request)
}

function verbOf(when: Condition): 'set' | 'add' | 'replace' {
  return when === 'absent' ? 'add' : when === 'present' ? 'replace' : 'set'
}

/** An item as it came; the token is made when it is asked for. */
class FoundItem implements StoredItem {
  readonly flags: number
  readonly data: Uint8Array
  readonly #incarnation: string
  readonly #casHigh: number
  readonly #casLow: number

  constructor(reply: Reply) {
    this.flags = reply.flags
    this.data = reply.data
    this.#incarnation = reply.incarnation
    this.#casHigh = reply.casHigh
    this.#casLow = reply.casLow
  }

  get casToken(): CasToken {
    return tokenOf(this.#incarnation, this.#casHigh, this.#casLow)
  }
}

function readItem(request: Request, reply: Reply): StoredItem | undefined {
  if (reply.status === 'ok') return new FoundItem(reply)
  if (reply.status === 'missing') return undefined
  throw refusal(request, reply)
}

function readWritten(request: Request, reply: Reply): Written {
  switch (reply.status) {
    case 'ok':
      if (request.found !== undefined) return tooLarge
      // Only the reply to an `add` is sure to tell the version; a quiet success tells nothing.
      if (request.verb !== 'add' || (reply.casHigh === 0 && reply.casLow === 0)) return stored
      return { outcome: 'stored', casToken: tokenOf(reply.incarnation, reply.casHigh, reply.casLow) }
    case 'missing':
      return request.found === undefined ? missing : tooLarge
    case 'exists':
      return request.incarnation === '' ? exists : conflict
    case 'too-large':
      return tooLarge
    default:
      throw refusal(request, reply)
  }
}

/** Of deletes and touches: whether there was something to do it to. */
function readDone(request: Request, reply: Reply): boolean {
  if (reply.status === 'ok') return true
  if (reply.status === 'missing' || reply.status === 'exists') return false
  throw refusal(request, reply)
}

function readTaken(request: Request, reply: Reply): Item | undefined | typeof again {
  if (request.verb === 'get') {
    const item = readItem(request, reply)
    if (item === undefined) return undefined
    request.found = item
    request.verb = 'delete'
    // Without versions: whose delete finds something has taken it.
    compareWithFound(request, reply)
    return again
  }
  if (reply.status === 'ok') return request.found as Item
  if (reply.status === 'missing') return undefined
  if (reply.status !== 'exists') throw refusal(request, reply)
  beginTake(request)
  return again
}
