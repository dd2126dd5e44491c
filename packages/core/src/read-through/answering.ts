import type { TagVersions } from '../entries/tags.js'
import { type Judged, Miss } from '../entries/verdict.js'
import type { Call, Owed, StoredItem } from '../store.js'
import { type LoadCall, owned } from './load-call.js'
import type { Circumstances } from './load-target.js'
import { oldValue } from './old-value.js'
import { serveStale, staleForOf } from './stale.js'
import { begin, joinRunning, leaveOvertaken, refresh } from './starting.js'
import { isDue, metadataOf, needsLifetimes, policyOf } from './windows.js'

/** What the answer to the read of a key means for a call: its value, or a load. */
export function judge<T>(
  call: LoadCall<T>,
  item: StoredItem | Owed | undefined,
  step: Call,
  versions?: TagVersions,
): T | Promise<T> {
  const judged = call.namespace.judge<T>(
    call.op,
    call.key,
    item,
    step,
    versions === undefined ? undefined : { versions },
  )
  if (judged instanceof Promise) {
    const own = owned(call)
    return judged.then(
      late => settle(own, item, late, step, versions),
      error => unanswered(own, error),
    )
  }
  return settle(call, item, judged, step, versions)
}

function settle<T>(
  call: LoadCall<T>,
  item: StoredItem | Owed | undefined,
  judged: Judged<T>,
  step: Call,
  versions: TagVersions | undefined,
): T | Promise<T> {
  if (judged === Miss.stale) return staleFound(owned(call), item as StoredItem, step, versions)
  if (judged instanceof Miss) {
    return missed(call, judged, { seen: judged.isPresent ? (item as StoredItem) : undefined, versions })
  }
  const { namespace, op, key, options } = call
  namespace.reports.hit(op, key, item as StoredItem)
  if ((item as StoredItem).metadata !== undefined) return hitMarked(call, item as StoredItem, judged)
  options?.onOutcome?.({ source: 'hit', key, stored: true, stale: false, age: undefined, loadedBy: undefined })
  return judged
}

/** A hit that may be due for a refresh. */
function hitMarked<T>(call: LoadCall<T>, item: StoredItem, value: T): T {
  const { namespace, key, options } = call
  const policy = policyOf(namespace, options)
  // Nobody wants to know what is noted of it.
  if (!needsLifetimes(policy) && options?.onOutcome === undefined) return value
  const metadata = metadataOf(item)
  const now = namespace.entries.epochNow()
  if (metadata !== undefined && isDue(metadata, policy, now)) refresh(owned(call), policy, oldValue(item, value))
  const created = metadata?.created
  const age = created === undefined ? undefined : Math.max(0, now - created)
  options?.onOutcome?.({ source: 'hit', key, stored: true, stale: false, age, loadedBy: undefined })
  return value
}

/** Past its ttl and still there: served, or served if its loader fails, or offered to the loader. */
async function staleFound<T>(
  call: LoadCall<T>,
  item: StoredItem,
  step: Call,
  versions: TagVersions | undefined,
): Promise<T> {
  const { namespace, op, key, flights, options } = call
  let judged: Judged<T>
  try {
    judged = await namespace.judge<T>(op, key, item, step, { versions, allowsStale: true })
  } catch (error) {
    return unanswered(call, error)
  }
  if (judged instanceof Miss) return missed(call, judged, { seen: item, versions })
  if (options?.signal?.aborted) throw options.signal.reason
  const old = oldValue(item, judged)
  const policy = policyOf(namespace, options)
  const staleFor = staleForOf(namespace, old)
  if (staleFor < policy.staleWhileRevalidate) {
    refresh(call, policy, old)
    return serveStale(call, old, old.value)
  }
  const isResting = flights.rests(namespace.prefix + key)
  if (isResting && staleFor < policy.staleIfError) return serveStale(call, old, old.value)
  return missed(call, Miss.stale, { seen: item, old, versions })
}

/** The server did not answer: a load where the call fails open, else thrown. */
export function unanswered<T>(call: LoadCall<T>, error: unknown): Promise<T> {
  call.namespace.endure(error, call.op, call.key, call.options)
  return missed(call, Miss.outage, { isUnanswered: true })
}

function missed<T>(call: LoadCall<T>, miss: Miss, at: Circumstances<T>): Promise<T> {
  const signal = call.options?.signal
  // Everyone who left before this step has the signal's reason already, and nobody is left to load for.
  if (signal?.aborted) return Promise.reject(signal.reason)
  if (at.old === undefined && !miss.isOutage) leaveOvertaken(call)
  const running = joinRunning(call, true, at.old)
  if (running !== undefined) return running
  call.namespace.reports.miss(call.op, call.key, miss)
  // A listener of the miss may have fired the signal, or begun to load the key: of two loads only one could be superseded.
  if (signal?.aborted) return Promise.reject(signal.reason)
  return joinRunning(call, true, at.old) ?? begin(owned(call), at)
}
