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
import { again, type Reply, Request, type Verb } from './request.js'

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
/** A counter up to `room` may be counted on unseen by a `small` amount: 2^20 of them must be under way to lead out of the range. */
const room = 2 ** 52
const small = 2 ** 32
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
  request.restart = look
  return request
}

/**
 * GET, then INCR or DECR: the server counts on whatever begins with digits, to 2^64, and looks at no flags. A key that was
 * found to be a counter with room is not looked at first ({@link Request.alone} is false then).
 */
export function countRequest(
  key: string,
  by: number,
  create: { value: number; ttl: number } | undefined,
  deadline: number,
): Request {
  const request = new Request('get', key, deadline, readCounted)
  request.alone = true
  request.restart = beginCount
  request.counts = by < 0 ? 'decrement' : 'increment'
  request.by = Math.abs(by)
  request.isSmall = request.by <= small
  if (create === undefined) request.found = absent
  else if (create.value > Number.MAX_SAFE_INTEGER) request.found = outOfRange
  else {
    request.found = create.value
    request.ttl = create.ttl
  }
  return request
}

function look(request: Request): void {
  request.verb = 'get'
  request.before = undefined
  compareNothing(request)
}

function beginCount(request: Request): void {
  request.undoes = false
  if (request.alone) look(request)
  else count(request)
}

function count(request: Request): void {
  request.verb = request.counts as Verb
  request.initial = typeof request.found === 'number' ? request.found : undefined
  request.before = lookBefore
}

function takeBack(request: Request, reply: Reply): void {
  request.undoes = true
  request.verb = request.counts === 'increment' ? 'decrement' : 'increment'
  request.initial = undefined
  request.before = undefined
  // Only what was counted, not what somebody has put there since.
  compareWithFound(request, reply)
}

/** Another process may have put something else there since it was looked at: this read shows it, in the same batch. */
function lookBefore(counting: Request): Request {
  counting.isForeign = false
  const request = new Request('get', counting.key, Number.POSITIVE_INFINITY, (_request, reply) => {
    if (reply.status === 'ok') counting.isForeign = !isNumber(reply)
  })
  request.wireKey = counting.wireKey
  return request
}

const numberForm = /^(?:0|[1-9]\d*) *$/

/** Whether this is a number that `set` or a count wrote, be it past the range for a moment. */
function isNumber({ flags, data }: Reply): boolean {
  if (flags !== 0 && flags !== FLAG_INTEGER) return false
  // Padded by at most what a counter may have been longer.
  if (data.length === 0 || data.length > longestCounter) return false
  return numberForm.test(data.toString('latin1'))
}

function numberOf({ data }: Reply): number {
  return Number(data.toString('latin1'))
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
  request.incarnation = incarnation !== undefined && version < 2n ** 64n ? incarnation : nowhere
  request.casHigh = Number((version >> 32n) & 0xffff_ffffn)
  request.casLow = Number(version & 0xffff_ffffn)
}

/** Compares with the version of this very reply; without versions (-C) with none. */
function compareWithFound(request: Request, { incarnation, casHigh, casLow }: Reply): void {
  request.incarnation = casHigh === 0 && casLow === 0 ? '' : incarnation
  request.casHigh = casHigh
  request.casLow = casLow
}

function compareNothing(request: Request): void {
  request.incarnation = ''
  request.casHigh = 0
  request.casLow = 0
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
  look(request)
  return again
}

function readCounted(request: Request, reply: Reply): Counted | typeof again {
  if (request.undoes) return readTakenBack(request, reply)
  return request.verb === 'get' ? readLooked(request, reply) : readCount(request, reply)
}

function readLooked(request: Request, reply: Reply): Counted | typeof again {
  if (reply.status === 'missing') {
    if (typeof request.found !== 'number') return request.found as Counted
    count(request)
    return again
  }
  if (reply.status !== 'ok') throw refusal(request, reply)
  const value = numberOf(reply)
  if (!isNumber(reply) || value > Number.MAX_SAFE_INTEGER) return noCounter
  const counted = request.counts === 'increment' ? value + request.by : 0
  if (counted > Number.MAX_SAFE_INTEGER) return outOfRange
  count(request)
  // Towards the end of the range others might count it past it meanwhile.
  if (counted > room) compareWithFound(request, reply)
  return again
}

function readCount(request: Request, reply: Reply): Counted | typeof again {
  switch (reply.status) {
    case 'ok': {
      const value = readUint64(reply.data, 0)
      request.foundRoom = value <= room && !request.isForeign
      if (value <= Number.MAX_SAFE_INTEGER && !request.isForeign) return { value }
      takeBack(request, reply)
      return again
    }
    case 'missing':
      if (request.incarnation === '') return request.found as Counted
      look(request)
      return again
    case 'exists':
      look(request)
      return again
    case 'not-a-number':
      return noCounter
    case 'not-stored':
      // Another client created it at the same moment, and nothing was counted.
      return again
    default:
      throw refusal(request, reply)
  }
}

function readTakenBack(request: Request, reply: Reply): Counted | typeof again {
  const answer = request.isForeign ? noCounter : outOfRange
  if (request.verb === 'get') {
    if (reply.status !== 'ok' || !isNumber(reply) || numberOf(reply) <= Number.MAX_SAFE_INTEGER) return answer
    takeBack(request, reply)
    return again
  }
  if (reply.status !== 'exists' || request.isForeign) return answer
  // Others have counted on, or have put something else there: then there is nothing to take back.
  look(request)
  return again
}
