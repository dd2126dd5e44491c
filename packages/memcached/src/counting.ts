import type { Counted } from '@anycache/core'
import type { Format } from '@anycache/serializer'
import { versionOf } from './cas-tokens.js'
import type { Items } from './item.js'
import { KnownCounter, type KnownCounters } from './known-counters.js'
import { replyError } from './reply-error.js'
import { again, besides, type Reply, Request, type Steps, type Verb, type Version } from './request.js'

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
 * flags. A counter that this process knows is not looked at first ({@link Counting.beginKnown}). An absent one is made by ADD, or by SET
 * over what counts as absent: the server's own way to make one gives it no flags.
 */
export function countRequest(
  key: string,
  by: number,
  create: { value: number; ttl: number } | undefined,
  deadline: number,
  items: Items,
  counterFlags: Format['counterFlags'],
): Request {
  const counting = new Counting(by < 0 ? 'decrement' : 'increment', create?.value, items, counterFlags)
  const request = new Request('get', key, deadline, readCounted)
  request.alone = true
  request.steps = counting
  request.by = Math.abs(by)
  if (create === undefined) return request
  const data = String(create.value)
  request.item = { flags: counterFlags[0], data }
  request.bytes = data.length
  request.ttl = create.ttl
  return request
}

/** What lies under the key of a count. */
interface Found {
  /** NaN: no number. `undefined`: nothing, or what counts as nothing. */
  readonly value: number | undefined
  /** An item lies there, if only one that counts as nothing. */
  readonly isThere: boolean
  readonly version: Version | undefined
}

export class Counting implements Steps {
  readonly verb: 'increment' | 'decrement'
  readonly items: Items
  readonly flags: readonly number[]
  /** A counter's first value; or the answer where none is to be made. */
  readonly first: number | Counted
  /** The counter as it is known. */
  known: KnownCounter | undefined
  /** It found a counter with room. */
  foundRoom = false
  /** What the get that went ahead of the count has found. */
  seen: Found | undefined
  /** How often somebody wrote between a look and the count. */
  races = 0
  /** What was counted is being undone. */
  undoes = false

  constructor(verb: Counting['verb'], first: number | undefined, items: Items, flags: readonly number[]) {
    this.verb = verb
    this.items = items
    this.flags = flags
    this.first = first === undefined ? absent : first > Number.MAX_SAFE_INTEGER ? outOfRange : first
  }

  restart(request: Request): void {
    this.undoes = false
    if (request.alone) this.look(request)
    else this.count(request, undefined)
  }

  before(request: Request): Request | undefined {
    if (request.verb !== this.verb || this.undoes) return undefined
    return besides(request, (_look, reply) => {
      this.seen = this.foundIn(reply)
    })
  }

  /**
   * Lets a small count of a counter that is known begin without a look. Where no other is on its way it compares with the version that is
   * known. What comes meanwhile compares nothing and is not {@link Request.alone}: each would wait for the one before it.
   */
  beginKnown(request: Request, known: KnownCounter): void {
    if (known.isSpoiled || request.by > small) return
    const isBusy = known.underWay > 0 || known.isFresh
    // A server without versions (-C): nothing to compare with.
    if (!isBusy && known.version === undefined) return
    this.known = known
    this.count(request, isBusy ? undefined : known.version)
    if (!isBusy) return
    request.alone = false
    known.underWay++
  }

  /** Notes what has become of the counter. */
  ended({ key, alone }: Request, counters: KnownCounters): void {
    const { known, foundRoom } = this
    if (known !== undefined && !alone) known.underWay--
    // One that was not alone may have been overtaken by a write that was asked after it.
    if (!foundRoom) counters.forget(key)
    else if (alone) counters.set(key, known as KnownCounter)
  }

  look(request: Request): typeof again {
    request.verb = 'get'
    request.only = undefined
    return again
  }

  count(request: Request, only: Version | undefined): typeof again {
    request.verb = this.verb
    request.only = only
    return again
  }

  countOn(request: Request, { value, isThere, version }: Found): Counted | typeof again {
    if (value === undefined) {
      if (typeof this.first !== 'number') return this.first
      // It was not alone, and what replaced the counter since was asked later: a counter made now would come behind that.
      if (!request.alone && this.known?.isReplaced) return { value: this.first }
      request.verb = isThere ? 'set' : 'add'
      request.only = version
      return again
    }
    if (!(value <= Number.MAX_SAFE_INTEGER)) return noCounter
    const counted = this.verb === 'increment' ? value + request.by : 0
    if (counted > Number.MAX_SAFE_INTEGER) return outOfRange
    // Towards the end of the range others might count it past it meanwhile.
    const compares = this.races < patience || counted > room
    return this.count(request, compares ? version : undefined)
  }

  counted(value: number, reply: Reply): Counted {
    this.known ??= new KnownCounter()
    this.known.version = versionOf(reply)
    this.foundRoom = value <= room
    return { value }
  }

  /** Works on the version in this reply, not on what somebody has put there since. */
  undo(request: Request, verb: Verb, reply: Reply): typeof again {
    this.undoes = true
    request.verb = verb
    request.only = versionOf(reply)
    return again
  }

  takeBack(request: Request, reply: Reply): typeof again {
    return this.undo(request, this.verb === 'increment' ? 'decrement' : 'increment', reply)
  }

  foundIn(reply: Reply): Found {
    if (reply.status !== 'ok') return nothing
    const value = this.items.isNothing(reply)
      ? undefined
      : isNumber(reply, this.flags)
        ? Number(reply.data.toString('latin1'))
        : Number.NaN
    return { value, isThere: true, version: versionOf(reply) }
  }
}

const nothing: Found = { value: undefined, isThere: false, version: undefined }

const numberForm = /^(?:0|[1-9]\d*) *$/

/** Whether this is a number that `set` or a count wrote, even one past the range for a moment. */
function isNumber({ flags, data }: Reply, counterFlags: readonly number[]): boolean {
  if (!counterFlags.includes(flags)) return false
  // Padded by at most what a counter may have been longer.
  if (data.length === 0 || data.length > longestCounter) return false
  return numberForm.test(data.toString('latin1'))
}

function readCounted(request: Request, reply: Reply): Counted | typeof again {
  const counting = request.steps as Counting
  const { verb } = request
  if (counting.undoes) return readUndone(request, counting, reply)
  if (verb === counting.verb) return readCount(request, counting, reply)
  if (verb === 'get') {
    if (reply.status !== 'ok' && reply.status !== 'missing') throw replyError(request, reply)
    return counting.countOn(request, counting.foundIn(reply))
  }
  if (reply.status === 'ok') return counting.counted(counting.first as number, reply)
  if (reply.status !== 'exists' && reply.status !== 'missing') throw replyError(request, reply)
  // Somebody else has made it, or what lay there has changed, or the connection.
  return counting.look(request)
}

function readCount(request: Request, counting: Counting, reply: Reply): Counted | typeof again {
  const { seen = nothing } = counting
  switch (reply.status) {
    case 'ok':
      return readSuccess(request, counting, reply)
    case 'missing':
      return counting.countOn(request, nothing)
    case 'exists':
      counting.races++
      return seen.version === undefined ? counting.look(request) : counting.countOn(request, seen)
    case 'not-a-number':
      return seen.isThere && seen.value === undefined ? counting.countOn(request, seen) : noCounter
    default:
      throw replyError(request, reply)
  }
}

function readSuccess(request: Request, counting: Counting, reply: Reply): Counted | typeof again {
  const value = reply.count
  counting.known ??= new KnownCounter()
  const { known, seen } = counting
  if (request.only === undefined && seen !== undefined) {
    const before = seen.value
    // Digits that count as absent were counted on: what is there now is no more than they were.
    if (before === undefined && seen.isThere) return counting.countOn(request, { ...seen, version: versionOf(reply) })
    const isPast = before !== undefined && before > Number.MAX_SAFE_INTEGER
    // A number that has gone round cannot be counted back.
    if (isPast && counting.verb === 'increment' && value <= request.by) known.isSpoiled = true
    if (Number.isNaN(before)) known.isSpoiled = true
    // Its bytes are gone, and no command gives its remaining ttl: a miss is right, what the server made of them is not.
    if (known.isSpoiled) return counting.undo(request, 'delete', reply)
    if (isPast || value > Number.MAX_SAFE_INTEGER) return counting.takeBack(request, reply)
  }
  return counting.counted(value, reply)
}

function readUndone(request: Request, counting: Counting, reply: Reply): Counted | typeof again {
  if (counting.known?.isSpoiled) return noCounter
  if (request.verb === 'get') {
    const { value = 0 } = counting.foundIn(reply)
    return value > Number.MAX_SAFE_INTEGER ? counting.takeBack(request, reply) : outOfRange
  }
  // Others have counted on, or have put something else there: then there is nothing to take back.
  return reply.status === 'exists' ? counting.look(request) : outOfRange
}
