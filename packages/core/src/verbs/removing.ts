import { NotSupportedError } from '../errors.js'
import type { CallOptions } from '../options.js'
import type { Answer, Call } from '../store.js'
import { BatchFailures } from './batch-failures.js'
import { picked, sendMany } from './many.js'
import type { Namespace } from './namespace.js'

/** `delete` after its arguments were checked. */
export async function removeOne(namespace: Namespace, key: string, options: CallOptions | undefined): Promise<boolean> {
  const space = namespace.changing(key)
  try {
    const remove = (call: Call): Answer<boolean> => space.remove(key, undefined, call)
    const there = await namespace.inOrder(key, namespace.call(options), remove, () => space.owe?.(key))
    namespace.reports.deleted('delete', key, there)
    return there
  } catch (error) {
    namespace.endure(error, 'delete', key, options)
    return false
  }
}

/** `deleteMany` of distinct keys. */
export async function removeSeveral(
  namespace: Namespace,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<number> {
  const space = namespace.changingMany(keys)
  const answers = await sendMany(namespace, {
    keys,
    options,
    send: (indices, call) => space.removeMany(picked(keys, indices), call),
    forgo: key => space.owe?.(key),
  })
  const failures = new BatchFailures(namespace, 'deleteMany', options)
  let count = 0
  for (const [i, key] of keys.entries()) {
    const answer = answers[i]
    if (typeof answer === 'object') {
      failures.report(answer.failure, key)
      continue
    }
    if (answer) count++
    namespace.reports.deleted('deleteMany', key, answer === true)
  }
  failures.throwFirst()
  return count
}

/** `clear` after its arguments were checked. */
export async function clearNamespace(namespace: Namespace, options: CallOptions | undefined): Promise<void> {
  const { store, signals } = namespace.root
  if (namespace.path.length === 0 && !store.limits.clear) {
    throw new NotSupportedError(
      'clear() on a cache without a namespace would delete what others keep on the server; open the cache with a namespace, or use flush()',
      { op: 'clear' },
    )
  }
  const space = namespace.changingAll()
  await whileOpen(namespace, 'clear', () => space.clear(() => namespace.call(options)))
  if (signals.hasListeners) signals.emit('clear', { namespace: namespace.name })
}

/** `flush` after its arguments were checked. */
export async function flushAll(namespace: Namespace, options: CallOptions | undefined): Promise<void> {
  const { store, loads, settings, signals } = namespace.root
  if (!settings.allowFlush) {
    throw new NotSupportedError(
      'flush() empties the whole backend, other applications included; open the cache with allowFlush: true to permit it',
      { op: 'flush' },
    )
  }
  loads.supersedeAll(() => true)
  await whileOpen(namespace, 'flush', () => store.flush(namespace.call(options)))
  if (signals.hasListeners) signals.emit('clear', { namespace: undefined })
}

/** Sends a verb of many steps after all that was called before it; the store is not closed before it has settled. */
async function whileOpen(namespace: Namespace, op: string, send: () => Answer<void>): Promise<void> {
  const { order, clearings } = namespace.root
  try {
    const clearing = order.idle ? send() : order.barrier(send)
    if (clearing === undefined) return
    clearings.add(clearing)
    try {
      await clearing
    } finally {
      clearings.delete(clearing)
    }
  } catch (error) {
    throw namespace.outage(error, op, undefined)
  }
}
