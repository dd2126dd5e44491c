import { whenAnswered } from '../answer.js'
import { CounterRangeError, NotACounterError } from '../errors.js'
import { checkCount } from '../input/option-checks.js'
import { shown } from '../input/shown.js'
import type { CountOptions } from '../options.js'
import type { Answer, Counted } from '../store.js'
import type { Namespace } from './namespace.js'

type CountVerb = 'increment' | 'decrement'

/** `increment` and `decrement` after their options and the key were checked. Throws what it does not reject with. */
export function count(
  namespace: Namespace,
  op: CountVerb,
  key: string,
  by: number,
  options: CountOptions | undefined,
): Answer<number | undefined> {
  checkCount(by, 'by', op, key)
  const initial = options?.initial ?? 0
  const value = Math.max(0, op === 'increment' ? initial + by : initial - by)
  const create = options?.create === false ? undefined : { value, ttl: namespace.ttl(options?.ttl, op, key) }
  const step = op === 'increment' ? by : -by
  const space = namespace.changing(key)
  return whenAnswered(
    () => namespace.inOrder(key, namespace.call(options), call => space.count(key, step, create, call)),
    counted => report(namespace, op, key, by, counted),
    error => {
      throw namespace.outage(error, op, key)
    },
  )
}

function report(namespace: Namespace, op: CountVerb, key: string, by: number, counted: Counted): number | undefined {
  if ('value' in counted) {
    const { signals } = namespace.root
    signals.counts.writes++
    if (signals.hasListeners) signals.emit('write', { op, key, namespace: namespace.name, stored: true })
    return counted.value
  }
  if (counted.refused === 'missing') return undefined
  const context = { op, key, server: namespace.reads.serverOf(key) }
  if (counted.refused === 'out-of-range') {
    throw new CounterRangeError(`${op} by ${by} would pass 2^53−1; nothing was counted`, context)
  }
  throw new NotACounterError(
    `${shown(key)} holds something else than a whole number from 0 to 2^53−1; delete it, or set it to a number first`,
    context,
  )
}
