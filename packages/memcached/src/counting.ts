import type { Counted } from '@anycache/core'
import { FLAG_INTEGER } from '@anycache/serializer'
import { readUint64 } from './protocol/binary/big-endian.js'
import { refusal } from './protocol/binary/greeting.js'
import { KnownCounter } from './known-counters.js'
import { again, type Reply, Request, type Verb } from './request.js'
import { compareNothing, compareWithFound, type Version } from './cas-tokens.js'

const outOfRange: Counted = { refused: 'out-of-range' }
const noCounter: Counted = { refused: 'not-a-counter' }
const absent: Counted = { refused: 'missing' }
/** Digits of 2^64, the largest number that a counter may have held before it was counted down. */
const longestCounter = 20
/** A counter up to `room` may be counted on unseen by a `small` amount: 2^20 of them must be under way to lead out of the range. */
const room = 2 ** 52
const small = 2 ** 32

/** A count that has lost so many races goes on without comparing, or many processes at one counter would hold each other up. */
const patience = 2

/**
 * GET, then INCR or DECR of the version that was read: the server counts on whatever begins with digits, to 2^64, and looks at no
 * flags. A counter that this process knows is not looked at first ({@link countKnown}).
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

/**
 * Lets a small count of that counter begin without a look. Where no other is on its way it compares with the version that is
 * known. What comes meanwhile compares nothing and is not {@link Request.alone}: each would wait for the one before it.
 */
export function countKnown(request: Request, known: KnownCounter): void {
  if (known.isSpoiled) return
  const isBusy = known.underWay > 0 || known.isFresh
  // A server without versions (-C): nothing to compare with.
  if (!isBusy && known.incarnation === '') return
  request.known = known
  count(request, isBusy ? undefined : known)
  if (!isBusy) return
  request.alone = false
  known.underWay++
}

function look(request: Request): void {
  request.verb = 'get'
  request.before = undefined
  compareNothing(request)
}

function beginCount(request: Request): void {
  request.undoes = false
  if (request.alone) look(request)
  else count(request, undefined)
}

function count(request: Request, only: Version | undefined): void {
  request.verb = request.counts as Verb
  request.initial = typeof request.found === 'number' ? request.found : undefined
  request.before = lookBefore
  if (only === undefined) compareNothing(request)
  else compareWithFound(request, only)
}

/** Of the version that this reply tells, not of what somebody has put there since. */
function undo(request: Request, verb: Verb, reply: Reply): void {
  request.undoes = true
  request.verb = verb
  request.initial = undefined
  request.before = undefined
  compareWithFound(request, reply)
}

function takeBack(request: Request, reply: Reply): void {
  undo(request, request.counts === 'increment' ? 'decrement' : 'increment', reply)
}

/** What lies there when the count comes, read in the same batch. */
function lookBefore(counting: Request): Request {
  const request = new Request('get', counting.key, Number.POSITIVE_INFINITY, readBefore)
  request.wireKey = counting.wireKey
  counting.seen = request
  return request
}

function readBefore(request: Request, reply: Reply): void {
  request.found = numberIn(reply)
  compareWithFound(request, reply)
}

const numberForm = /^(?:0|[1-9]\d*) *$/

/** Whether this is a number that `set` or a count wrote, even one past the range for a moment. */
function isNumber({ flags, data }: Reply): boolean {
  if (flags !== 0 && flags !== FLAG_INTEGER) return false
  // Padded by at most what a counter may have been longer.
  if (data.length === 0 || data.length > longestCounter) return false
  return numberForm.test(data.toString('latin1'))
}

/** NaN where something else lies; `undefined` where nothing does. */
function numberIn(reply: Reply): number | undefined {
  if (reply.status !== 'ok') return undefined
  return isNumber(reply) ? Number(reply.data.toString('latin1')) : Number.NaN
}

function readCounted(request: Request, reply: Reply): Counted | typeof again {
  if (request.undoes) return readUndone(request, reply)
  return request.verb === 'get' ? readLooked(request, reply) : readCount(request, reply)
}

function readLooked(request: Request, reply: Reply): Counted | typeof again {
  if (reply.status !== 'ok' && reply.status !== 'missing') throw refusal(request, reply)
  return countOn(request, numberIn(reply), reply)
}

function countOn(request: Request, value: number | undefined, version: Version): Counted | typeof again {
  if (value === undefined) {
    if (typeof request.found !== 'number') return request.found as Counted
    count(request, undefined)
    return again
  }
  if (!(value <= Number.MAX_SAFE_INTEGER)) return noCounter
  const counted = request.counts === 'increment' ? value + request.by : 0
  if (counted > Number.MAX_SAFE_INTEGER) return outOfRange
  // Towards the end of the range others might count it past it meanwhile.
  const compares = request.races < patience || counted > room
  count(request, compares ? version : undefined)
  return again
}

function readCount(request: Request, reply: Reply): Counted | typeof again {
  switch (reply.status) {
    case 'ok':
      return readSuccess(request, reply)
    case 'missing':
      if (request.incarnation === '') return request.found as Counted
      look(request)
      return again
    case 'exists': {
      request.races++
      const { found, incarnation } = request.seen as Request
      if (found !== undefined && incarnation !== '') return countOn(request, found as number, request.seen as Request)
      look(request)
      return again
    }
    case 'not-a-number':
      return noCounter
    case 'not-stored':
      // Another client created it at the same moment, and nothing was counted.
      return again
    default:
      throw refusal(request, reply)
  }
}

function readSuccess(request: Request, reply: Reply): Counted | typeof again {
  const value = readUint64(reply.data, 0)
  request.known ??= new KnownCounter()
  const { known } = request
  if (request.incarnation === '') {
    const before = request.seen?.found as number | undefined
    const isPast = before !== undefined && before > Number.MAX_SAFE_INTEGER
    // A number that has gone round cannot be counted back.
    if (isPast && request.counts === 'increment' && value <= request.by) known.isSpoiled = true
    if (Number.isNaN(before)) known.isSpoiled = true
    if (known.isSpoiled) {
      // Its bytes are gone, and no command tells how long they had to live: a miss is right, what the server made of them is not.
      undo(request, 'delete', reply)
      return again
    }
    if (isPast || value > Number.MAX_SAFE_INTEGER) {
      takeBack(request, reply)
      return again
    }
  }
  compareWithFound(known, reply)
  request.foundRoom = value <= room
  return { value }
}

function readUndone(request: Request, reply: Reply): Counted | typeof again {
  if (request.known?.isSpoiled) return noCounter
  if (request.verb === 'get') {
    if (!((numberIn(reply) ?? 0) > Number.MAX_SAFE_INTEGER)) return outOfRange
    takeBack(request, reply)
    return again
  }
  if (reply.status !== 'exists') return outOfRange
  // Others have counted on, or have put something else there: then there is nothing to take back.
  look(request)
  return again
}
