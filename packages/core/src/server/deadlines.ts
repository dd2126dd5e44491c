import { clearInterval, now, setImmediate, setInterval } from '../timers.js'

/** A promise that must settle by a moment. Adapters extend this record with their own fields; it is linked in place. */
export interface Pending {
  /** On the clock of `performance.now()`. */
  readonly deadline: number
  /** Called once, when the deadline passed and no reply had come. */
  expire(): void
  previous?: Pending | undefined
  next?: Pending | undefined
}

const sweepInterval = 20

/**
 * One timer for every deadline of the process: a timer per call costs more than a small reply.
 * The timer keeps the process alive while something is pending, and only then; sockets may stay unreferenced.
 */
const head: Pending = { deadline: Number.POSITIVE_INFINITY, expire() {} }
head.next = head
head.previous = head
let timer: NodeJS.Timeout | undefined
let judging = false

/** Calls `pending.expire()` once its deadline has passed, unless {@link unwatch} came first. */
export function watchDeadline(pending: Pending): void {
  const last = head.previous as Pending
  last.next = pending
  pending.previous = last
  pending.next = head
  head.previous = pending
  timer ??= setInterval(sweep, sweepInterval)
}

/** The reply came. Harmless for what is not pending. */
export function unwatch(pending: Pending): void {
  const { previous, next } = pending
  if (previous === undefined || next === undefined) return
  previous.next = next
  next.previous = previous
  pending.previous = undefined
  pending.next = undefined
}

function sweep(): void {
  if (head.next === head) {
    clearInterval(timer)
    timer = undefined
    return
  }
  if (judging) return
  const moment = now()
  for (let pending = head.next as Pending; pending !== head; pending = pending.next as Pending) {
    if (pending.deadline > moment) continue
    // After a blocked event loop timers run before sockets are read: replies may lie in the kernel.
    // Two turns of the loop poll the sockets in between; only what is still pending then is late.
    judging = true
    setImmediate(() => setImmediate(judge, moment))
    return
  }
}

function judge(moment: number): void {
  judging = false
  const late: Pending[] = []
  for (let pending = head.next as Pending; pending !== head; pending = pending.next as Pending) {
    if (pending.deadline <= moment) late.push(pending)
  }
  for (const pending of late) {
    // An earlier one's expiry may have settled this one (a closed connection settles all it carried).
    if (pending.next === undefined) continue
    unwatch(pending)
    pending.expire()
  }
}
