import type { CallOptions } from './cache.js'
import { NotSupportedError } from './errors.js'
import { picked, sendMany } from './many.js'
import type { Scope } from './scope.js'
import type { Answer, Call } from './store.js'
import { Troubles } from './troubles.js'

/** `delete` after its arguments were checked. */
export async function removeOne(scope: Scope, key: string, options: CallOptions | undefined): Promise<boolean> {
  try {
    const remove = (call: Call): Answer<boolean> => scope.space.remove(key, undefined, call)
    const there = await scope.inOrder(key, scope.call(options), remove, () => scope.space.owe?.(key))
    scope.deleted('delete', key, there)
    return there
  } catch (error) {
    scope.endure(error, 'delete', key, options)
    return false
  }
}

/** `deleteMany` of distinct keys. */
export async function removeSeveral(
  scope: Scope,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<number> {
  const answers = await sendMany(scope, {
    keys,
    options,
    send: (indices, call) => scope.space.removeMany(picked(keys, indices), call),
    forgo: key => scope.space.owe?.(key),
  })
  const troubles = new Troubles(scope, 'deleteMany', options)
  let count = 0
  for (const [i, key] of keys.entries()) {
    const answer = answers[i]
    if (typeof answer === 'object') {
      troubles.tell(answer.failure, key)
      continue
    }
    if (answer) count++
    scope.deleted('deleteMany', key, answer === true)
  }
  troubles.throwFirst()
  return count
}

/** `clear` after its arguments were checked. */
export async function clearScope(scope: Scope, options: CallOptions | undefined): Promise<void> {
  const { store, flights, signals } = scope.root
  if (scope.path.length === 0 && store.limits.shared) {
    throw new NotSupportedError(
      'clear() on a cache without a namespace would delete what others keep on the server; open the cache with a namespace, or use flush()',
      { op: 'clear' },
    )
  }
  const nested = scope.path.length === 0 ? '' : `${scope.path.join('/')}/`
  flights.supersedeAll(id => id.startsWith(scope.prefix) || id.startsWith(nested))
  const send = (): void | Promise<void> => scope.space.clear(() => scope.call(options))
  await whileOpen(scope, 'clear', send)
  if (signals.heard) signals.emit('clear', { namespace: scope.namespace })
}

/** `flush` after its arguments were checked. */
export async function flushAll(scope: Scope, options: CallOptions | undefined): Promise<void> {
  const { store, flights, settings, signals } = scope.root
  if (!settings.allowFlush) {
    throw new NotSupportedError(
      'flush() empties the whole backend, other applications included; open the cache with allowFlush: true to permit it',
      { op: 'flush' },
    )
  }
  flights.supersedeAll(() => true)
  const send = (): void | Promise<void> => store.flush(scope.call(options))
  await whileOpen(scope, 'flush', send)
  if (signals.heard) signals.emit('clear', { namespace: undefined })
}

/** Sends a verb of many steps after all that was called before it; the store is not closed before it has settled. */
async function whileOpen(scope: Scope, op: string, send: () => void | Promise<void>): Promise<void> {
  const { order, clearings } = scope.root
  try {
    const clearing = order.idle ? send() : order.alone(send)
    if (clearing === undefined) return
    clearings.add(clearing)
    try {
      await clearing
    } finally {
      clearings.delete(clearing)
    }
  } catch (error) {
    throw scope.outage(error, op, undefined)
  }
}
