import type { CountOptions } from '../cache.js'
import { CounterRangeError, InvalidArgumentError, NotACounterError } from '../errors.js'
import { shown } from '../input/shown.js'
import type { Counted } from '../store.js'
import type { Namespace } from './namespace.js'

export const countOptionNames: readonly string[] = ['timeout', 'onError', 'initial', 'ttl', 'create']

/** `increment` and `decrement` after their options' names and the key were checked. */
export async function count(
  namespace: Namespace,
  op: 'increment' | 'decrement',
  key: string,
  by: number,
  options: CountOptions | undefined,
): Promise<number | undefined> {
  checkWhole(by, 'by', op, key)
  const initial = options?.initial === undefined ? 0 : options.initial
  checkWhole(initial, 'initial', op, key)
  if (options?.create !== undefined && typeof options.create !== 'boolean') {
    throw new InvalidArgumentError(`create must be true or false, got ${shown(options.create)}`, { op, key })
  }
  const ttl = namespace.ttl(options?.ttl, op, key)
  const value = Math.max(0, op === 'increment' ? initial + by : initial - by)
  const create = options?.create === false ? undefined : { value, ttl }
  namespace.supersede(key)
  let counted: Counted
  try {
    const step = op === 'increment' ? by : -by
    counted = await namespace.inOrder(key, namespace.call(options), call =>
      namespace.space.count(key, step, create, call),
    )
  } catch (error) {
    throw namespace.outage(error, op, key)
  }
  if ('value' in counted) {
    const { signals } = namespace.root
    signals.counts.writes++
    if (signals.hasListeners) signals.emit('write', { op, key, namespace: namespace.name, stored: true })
    return counted.value
  }
  const server = namespace.space.serverOf(key)
  switch (counted.refused) {
    case 'missing':
      return undefined
    case 'not-a-counter':
      throw new NotACounterError(
        `${shown(key)} holds something else than a whole number from 0 to 2^53−1; delete it, or set it to a number first`,
        { op, key, server },
      )
    case 'out-of-range':
      throw new CounterRangeError(`${op} by ${by} would pass 2^53−1; nothing was counted`, { op, key, server })
  }
}

function checkWhole(value: unknown, name: string, op: string, key: string): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  throw new InvalidArgumentError(`${name} must be a whole number from 0 to 2^53−1, got ${shown(value)}`, { op, key })
}
