import type { Counted } from '@anycache/core'
import { FLAG_INTEGER } from '@anycache/serializer'
import { readUint64 } from './big-endian.js'
import { refusal } from './greeting.js'
import { again, type Reply, Request, type Verb } from './request.js'
import { compareNothing, compareWithFound } from './versions.js'

const outOfRange: Counted = { refused: 'out-of-range' }
const noCounter: Counted = { refused: 'not-a-counter' }
const absent: Counted = { refused: 'missing' }
/** Digits of 2^64, the largest number that a counter may have held before it was counted down. */
const longestCounter = 20
/** A counter up to `room` may be counted on unseen by a `small` amount: 2^20 of them must be under way to lead out of the range. */
const room = 2 ** 52
const small = 2 ** 32

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
