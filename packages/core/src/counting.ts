import type { CountOptions } from './cache.js'
import { CounterRangeError, InvalidArgumentError, NotACounterError } from './errors.js'
import type { Scope } from './scope.js'
import { shown } from './shown.js'
import type { Counted } from './store.js'

export const countOptionNames: readonly string[] = ['timeout', 'onError', 'initial', 'ttl', 'create']

/** `increment` and `decrement` after their options' names and the key were checked. */
export async function count(
  scope: Scope,
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
  const ttl = scope.ttl(options?.ttl, op, key)
  const value = Math.max(0, op === 'increment' ? initial + by : initial - by)
  const create = options?.create === false ? undefined : { value, ttl }
  scope.supersede(key)
  let counted: Counted
  try {
    const step = op === 'increment' ? by : -by
    counted = await scope.inOrder(key, scope.call(options), call => scope.space.count(key, step, create, call))
  } catch (error) {
    throw scope.outage(error, op, key)
  }
  if ('value' in counted) {
    const { signals } = scope.root
    signals.counts.writes++
    if (signals.heard) signals.emit('write', { op, key, namespace: scope.namespace, stored: true })
    return counted.value
  }
  const server = scope.space.serverOf(key)
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
