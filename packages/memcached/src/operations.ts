import {
  type CasToken,
  type Condition,
  type Counted,
  type Item,
  NotSupportedError,
  type StoredItem,
  type Write,
  type Written,
} from '@anycache/core'
import { FLAG_INTEGER } from '@anycache/serializer'
import { readUint64 } from './big-endian.js'
import { refusal } from './greeting.js'
import { again, type Reply, Request } from './request.js'

const stored: Written = { outcome: 'stored' }
const exists: Written = { outcome: 'exists' }
const missing: Written = { outcome: 'missing' }
const conflict: Written = { outcome: 'conflict' }
const tooLarge: Written = { outcome: 'too-large' }
const outOfRange: Counted = { refused: 'out-of-range' }
const noCounter: Counted = { refused: 'not-a-counter' }
const absent: Counted = { refused: 'missing' }
/** Digits of 2^64, the largest number that a counter may have held before it was counted down. */
const longestCounter = 20
/** What `found` holds while a count past the range is being taken back. */
const undoing = 'undoing'
/** The incarnation of no connection. */
const nowhere = '-'

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
  return request
}

export function countRequest(
  key: string,
  by: number,
  create: { value: number; ttl: number } | undefined,
  deadline: number,
): Request {
  const request = new Request(by < 0 ? 'decrement' : 'increment', key, deadline, readCounted)
  request.by = Math.abs(by)
  request.before = lookBefore
  if (create === undefined) request.found = absent
  else if (create.value > Number.MAX_SAFE_INTEGER) request.found = outOfRange
  else {
    request.initial = create.value
    request.ttl = create.ttl
  }
  return request
}

/**
 * The server counts on whatever begins with digits and looks at no flags. So the item is read in the same batch, and what was
 * counted on something that is no counter of ours is taken back.
 */
function lookBefore(counting: Request): Request {
  counting.isForeign = false
  const request = new Request('get', counting.key, Number.POSITIVE_INFINITY, (_request, reply) => {
    if (reply.status === 'ok') counting.isForeign = !isCounter(reply)
  })
  request.wireKey = counting.wireKey
  return request
}

const counterForm = /^(?:0|[1-9]\d{0,15}) *$/

function isCounter({ flags, data }: Reply): boolean {
  if (flags !== 0 && flags !== FLAG_INTEGER) return false
  // Padded by at most what a counter may have been longer.
  if (data.length === 0 || data.length > longestCounter) return false
  const digits = data.toString('latin1')
  return counterForm.test(digits) && Number(digits) <= Number.MAX_SAFE_INTEGER
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

function tokenOf(incarnation: string, high: number, low: number): CasToken {
  return `${incarnation}:${(BigInt(high) << 32n) | BigInt(low)}` as CasToken
}

const tokenForm = /^([\w-]+):(\d{1,20})$/

function compareWith(request: Request, token: CasToken): void {
  const [, incarnation, cas] = tokenForm.exec(token) ?? []
  const version = BigInt(cas ?? 0)
  // Version 0 in a request means "whatever is there": it must never be sent for a comparison.
  if (cas !== undefined && version === 0n) {
    throw new NotSupportedError(
      'the server keeps no versions (memcached -C), so nothing can be compared; start it without -C',
    )
  }
  request.incarnation = incarnation ?? nowhere
  request.casHigh = Number((version >> 32n) & 0xffff_ffffn)
  request.casLow = Number(version & 0xffff_ffffn)
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
    // Without versions (-C): whose delete finds something has taken it.
    request.incarnation = reply.casHigh === 0 && reply.casLow === 0 ? '' : reply.incarnation
    request.casHigh = reply.casHigh
    request.casLow = reply.casLow
    return again
  }
  if (reply.status === 'ok') return request.found as Item
  if (reply.status === 'missing') return undefined
  if (reply.status !== 'exists') throw refusal(request, reply)
  request.verb = 'get'
  request.incarnation = ''
  request.casHigh = 0
  request.casLow = 0
  return again
}

function readCounted(request: Request, reply: Reply): Counted | typeof again {
  if (request.found === undoing) return request.isForeign ? noCounter : outOfRange
  switch (reply.status) {
    case 'ok': {
      const value = readUint64(reply.data, 0)
      if (value <= Number.MAX_SAFE_INTEGER && !request.isForeign) return { value }
      // The server counts on, to 2^64 and on foreign digits: undone before anyone is told.
      request.verb = request.verb === 'increment' ? 'decrement' : 'increment'
      request.initial = undefined
      request.before = undefined
      request.found = undoing
      return again
    }
    case 'missing':
      return request.found as Counted
    case 'not-a-number':
      return noCounter
    case 'not-stored':
      // Another client created it at the same moment, and nothing was counted.
      return again
    default:
      throw refusal(request, reply)
  }
}
