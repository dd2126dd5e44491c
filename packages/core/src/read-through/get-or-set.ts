import { tagsOf } from '../input/tags.js'
import type { Answer, Call, Owed, StoredItem } from '../store.js'
import { readItem } from '../verbs/reading.js'
import { untilAborted } from '../verbs/until-aborted.js'
import { judge, unanswered } from './answering.js'
import { type LoadCall, owned } from './load-call.js'
import { begin, joinRunning } from './starting.js'

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function getOrSet<T>(call: LoadCall<T>): Promise<T> {
  const { options } = call
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  // A forced load has no use for what the cache holds.
  const running = joinRunning(call, options?.force === true)
  if (running !== undefined) return running
  if (options?.force) return begin(owned(call), {})
  const value = readFirst(call)
  return signal === undefined ? value : untilAborted(value, signal)
}

function readFirst<T>(call: LoadCall<T>): Promise<T> {
  const { namespace, key, options } = call
  const step = namespace.call(options)
  const found = readItem(namespace, key, step)
  if (options?.tags !== undefined) return readWithTags(owned(call), found, step)
  if (found instanceof Promise) {
    const own = owned(call)
    return found.then(
      item => judge(own, item, step),
      error => unanswered(own, error),
    )
  }
  try {
    return Promise.resolve(judge(call, found, step))
  } catch (error) {
    return Promise.reject(error)
  }
}

/** The tags' versions are read with the entry: no look at them afterwards. */
function readWithTags<T>(call: LoadCall<T>, found: Answer<StoredItem | Owed | undefined>, step: Call): Promise<T> {
  const { tags } = call.namespace.entries
  const reading = tags.current(tagsOf(call.options?.tags, call.op, call.key), step)
  return Promise.all([found, reading]).then(
    ([item, versions]) => judge(call, item as StoredItem | Owed | undefined, step, versions),
    error => unanswered(call, error),
  )
}
