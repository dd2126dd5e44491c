import type { Loader, LoadOptions } from '../cache.js'
import type { TagVersions } from '../entries/tags.js'
import { type Judged, Miss } from '../entries/verdict.js'
import type { ReadThrough } from '../input/read-through-options.js'
import { tagsOf } from '../input/tags.js'
import type { Answer, Call, Owed, StoredItem } from '../store.js'
import { clearTimeout, setTimeout } from '../timers.js'
import type { Namespace } from '../verbs/namespace.js'
import { readItem } from '../verbs/reading.js'
import type { Flight, Waiting } from './flight.js'
import type { Flights } from './flights.js'
import type { Circumstances, LoadTarget } from './key-load.js'
import { Landing } from './landing.js'
import { copyOfOld, type OldValue, oldValue } from './old-value.js'
import { Run } from './run.js'
import { untilAborted } from './until-aborted.js'
import { isDue, metadataOf, needsLifetimes, policyOf } from './windows.js'

/** One call of `getOrSet`. */
export interface LoadCall<T> {
  readonly namespace: Namespace
  readonly flights: Flights
  readonly key: string
  readonly loader: Loader<T>
  readonly options: LoadOptions<T> | undefined
  /** The options are a copy. */
  readonly isOwned?: boolean
}

const op = 'getOrSet'

/** `getOrSet` after its arguments were checked: a running load, else the cache, else a load. */
export function getOrSet<T>(call: LoadCall<T>): Promise<T> {
  const { options } = call
  const signal = options?.signal
  if (signal?.aborted) return Promise.reject(signal.reason)
  const running = joinRunning(call, false)
  if (running !== undefined) return running
  if (options?.force) return begin(owned(call), {})
  const value = readFirst(call)
  return signal === undefined ? value : untilAborted(value, signal)
}

/** The value of the load of the key that is under way, if there is one. `isMiss`: nothing can be served from the cache meanwhile. */
function joinRunning<T>(call: LoadCall<T>, isMiss: boolean): Promise<T> | undefined {
  const { namespace, flights, key } = call
  const flight = flights.size === 0 ? undefined : flights.get<T>(namespace.prefix + key)
  // A load that nobody waited for: what it is to replace can be served.
  if (flight === undefined || (flight.isBackground && !isMiss)) return undefined
  const from = Run.current
  // Its loader waits, directly or not, for the one this call was made in: loading twice is better than waiting without end.
  if (from !== undefined && flight.run.needs(from)) return begin(owned(call), { isNested: true })
  return join(owned(call), flight)
}

function join<T>(call: LoadCall<T>, flight: Flight<T>): Promise<T> {
  const { namespace, options } = call
  const { old } = flight
  const policy = policyOf(namespace, options)
  if (old !== undefined && !options?.force && staleForOf(namespace, old) < policy.staleWhileRevalidate) {
    return serveCopy(call, old)
  }
  namespace.root.signals.counts.joins++
  const load = flight.join(false, waitingOf(call, policy))
  return old === undefined ? load : orStale(call, policy, old, flight, load)
}

/** A load for a caller who waits for it. */
function begin<T>(call: LoadCall<T>, at: Circumstances<T>): Promise<T> {
  const policy = policyOf(call.namespace, call.options)
  const landing = new Landing(targetOf(call, policy), call.loader, at)
  const load = landing.begin(waitingOf(call, policy))
  return at.old === undefined ? load : orStale(call, policy, at.old, landing.flight, load)
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
  const reading = tags.current(tagsOf(call.options?.tags, op, call.key), step)
  return Promise.all([found, reading]).then(
    ([item, versions]) => judge(call, item as StoredItem | Owed | undefined, step, versions),
    error => unanswered(call, error),
  )
}

function judge<T>(
  call: LoadCall<T>,
  item: StoredItem | Owed | undefined,
  step: Call,
  versions?: TagVersions,
): T | Promise<T> {
  const judged = call.namespace.judge<T>(op, call.key, item, step, versions === undefined ? undefined : { versions })
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
  const { namespace, key, options } = call
  namespace.hit(op, key, item as StoredItem)
  if ((item as StoredItem).metadata !== undefined) return hitMarked(call, item as StoredItem, judged)
  options?.onOutcome?.({ source: 'hit', key, stored: true, stale: false, age: undefined, loadedBy: undefined })
  return judged
}

/** A hit that may be due for a refresh. */
function hitMarked<T>(call: LoadCall<T>, item: StoredItem, value: T): T {
  const { namespace, key, options } = call
  const policy = policyOf(namespace, options)
  const metadata = metadataOf(item)
  const now = namespace.entries.epochNow()
  if (metadata !== undefined && needsLifetimes(policy) && isDue(metadata, policy, now)) {
    refresh(owned(call), policy, oldValue(item, value))
  }
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
  const { namespace, key, flights, options } = call
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

/** Loads in the background, where no load of the key runs and its loader did not fail a moment ago. */
function refresh<T>(call: LoadCall<T>, policy: ReadThrough, old: OldValue<T>): void {
  const { namespace, flights, key, loader } = call
  const id = namespace.prefix + key
  if (flights.get(id) !== undefined || flights.rests(id)) return
  new Landing(targetOf(call, policy), loader, { seen: old.item, old, isBackground: true }).beginInBackground()
}

/** A load with a stale value behind it, which is served where this call permits it and the load fails or takes longer than `softTimeout`. */
async function orStale<T>(
  call: LoadCall<T>,
  policy: ReadThrough,
  old: OldValue<T>,
  flight: Flight<T>,
  load: Promise<T>,
): Promise<T> {
  const { namespace, flights, options } = call
  const permits = (): boolean => staleForOf(namespace, old) < policy.staleIfError
  try {
    const value = await within(load, policy.softTimeout)
    if (value !== late) return value
    if (!permits()) return await load
    flight.keep(op, policy.hardTimeout)
    load.catch(() => {})
  } catch (error) {
    if (options?.signal?.aborted || error === flight.outage || !permits()) throw error
    flights.noteFailure(flight.id)
  }
  return serveCopy(call, old)
}

const late: unique symbol = Symbol('late')

async function within<T>(load: Promise<T>, ms: number): Promise<T | typeof late> {
  if (ms === Number.POSITIVE_INFINITY) return load
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<typeof late>(resolve => {
    timer = setTimeout(() => resolve(late), ms)
  })
  try {
    return await Promise.race([load, over])
  } finally {
    clearTimeout(timer)
  }
}

async function serveCopy<T>(call: LoadCall<T>, old: OldValue<T>): Promise<T> {
  return serveStale(call, old, await copyOfOld(call.namespace, old))
}

/** Reports that a value past its ttl is served. */
function serveStale<T>({ namespace, key, options }: LoadCall<T>, old: OldValue<T>, value: T): T {
  const { signals } = namespace.root
  const staleFor = staleForOf(namespace, old)
  signals.counts.stale++
  if (signals.hasListeners) signals.emit('stale', { op, key, namespace: namespace.name, staleFor })
  const age = old.created === undefined ? undefined : Math.max(0, namespace.entries.epochNow() - old.created)
  options?.onOutcome?.({ source: 'stale', key, stored: true, stale: staleFor >= 0, age, loadedBy: undefined })
  return value
}

/** How long it is past its ttl, in ms. Negative: not yet. */
function staleForOf(namespace: Namespace, { softDeadline }: OldValue<unknown>): number {
  return namespace.entries.epochNow() - softDeadline
}

/** The server did not answer: a load where the call fails open, else thrown. */
function unanswered<T>(call: LoadCall<T>, error: unknown): Promise<T> {
  call.namespace.endure(error, op, call.key, call.options)
  return missed(call, Miss.outage, { isUnanswered: true })
}

function missed<T>(call: LoadCall<T>, miss: Miss, at: Circumstances<T>): Promise<T> {
  const signal = call.options?.signal
  // Everyone who left before this step has the signal's reason already, and nobody is left to load for.
  if (signal?.aborted) return Promise.reject(signal.reason)
  const running = joinRunning(call, true)
  if (running !== undefined) return running
  call.namespace.miss(op, call.key, miss)
  // A listener of the miss may have fired the signal, or begun to load the key: of two loads only one could be superseded.
  if (signal?.aborted) return Promise.reject(signal.reason)
  return joinRunning(call, true) ?? begin(owned(call), at)
}

function waitingOf<T>(call: LoadCall<T>, { hardTimeout }: ReadThrough): Waiting<T> {
  const { options, namespace } = call
  const throws = !namespace.open(options)
  return {
    op,
    signal: options?.signal,
    onOutcome: options?.onOutcome,
    hardTimeout,
    throws,
    retry: () => getOrSet(call),
  }
}

function targetOf<T>({ namespace, flights, key, options }: LoadCall<T>, policy: ReadThrough): LoadTarget {
  const tags = options?.tags === undefined ? noTags : tagsOf(options.tags, op, key)
  return { namespace, flights, op, key, options: options as LoadOptions<never> | undefined, policy, tags }
}

const noTags: readonly string[] = []

/** The call with a copy of its options: the caller may change the object as soon as the call was made. */
function owned<T>(call: LoadCall<T>): LoadCall<T> {
  if (call.options === undefined || call.isOwned) return call
  const copy: Record<string, unknown> = {}
  // With what they inherit, since that counts as given.
  for (const name in call.options) copy[name] = call.options[name as keyof LoadOptions<T>]
  return { ...call, options: copy, isOwned: true }
}
