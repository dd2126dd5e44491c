import { FLAG_METADATA, type Metadata, readMetadata } from '@anycache/serializer'
import { NotSupportedError } from '../errors.js'
import { type ReadThrough, resolveReadThrough } from '../input/read-through-options.js'
import { maxTtl } from '../input/ttl.js'
import type { LoadOptions } from '../options.js'
import type { Item } from '../store.js'
import type { Namespace } from '../verbs/namespace.js'
import { tagsFor } from '../verbs/tagging.js'

/** What a call wants of read-through: its own options over those of the cache. */
export function policyOf<T>(namespace: Namespace, options: LoadOptions<T> | undefined): ReadThrough {
  return resolveReadThrough(options, namespace.root.settings.readThrough)
}

/** Whether entries need metadata for it. */
export function needsLifetimes(policy: ReadThrough): boolean {
  return staleWindow(policy) > 0 || refreshesAhead(policy) || policy.earlyRefresh > 0
}

/** Throws `NotSupportedError` where entries have no place for what the options of a call ask to be noted of them. */
export function requireMarks<T>(
  namespace: Namespace,
  op: string,
  key: string | undefined,
  options: LoadOptions<T>,
): void {
  if (namespace.entries.format.metadata) return
  tagsFor(namespace, op, key, options)
  if (!needsLifetimes(policyOf(namespace, options))) return
  throw new NotSupportedError(
    "the serializer writes another client's format, which has no place for stale windows and refreshes; use the native profile where you need them",
    { op, key },
  )
}

/** How long an entry is kept past its ttl, in ms. */
export function staleWindow({ staleWhileRevalidate, staleIfError }: ReadThrough): number {
  return Math.max(staleWhileRevalidate, staleIfError)
}

/** How long a store keeps an entry that is fresh for `ttl`. */
export function physicalTtl(ttl: number, policy: ReadThrough): number {
  const kept = ttl + staleWindow(policy)
  return kept === Number.POSITIVE_INFINITY ? kept : Math.max(ttl, Math.min(kept, maxTtl))
}

/** What is noted of an entry that is loaded now and fresh for `ttl`, so that a later call knows when to refresh it. `nonce`: see {@link Metadata}. */
export function lifetimesOf(
  ttl: number,
  policy: ReadThrough,
  now: number,
  loadTime: number,
  nonce: Uint8Array,
): Metadata {
  const staleFor = staleWindow(policy)
  const softDeadline = staleFor > 0 ? now + ttl : undefined
  return { created: now, softDeadline, loadTime, nonce, lifetimes: { freshFor: ttl, staleFor } }
}

/** The metadata of an item that has been judged; `undefined` where it has none. */
export function metadataOf(item: Item): Metadata | undefined {
  if ((item.flags & FLAG_METADATA) === 0 || item.metadata === undefined) return undefined
  return readMetadata(item.metadata)
}

/**
 * Whether a hit starts a refresh: past `refreshAhead`, or by the chance of `earlyRefresh`, which refreshes where −β × load time × ln(random) reaches
 * the end of the ttl.
 */
export function isDue({ created, loadTime, lifetimes }: Metadata, policy: ReadThrough, now: number): boolean {
  if (created === undefined || lifetimes === undefined || lifetimes.freshFor === Number.POSITIVE_INFINITY) return false
  const age = now - created
  if (refreshesAhead(policy) && age >= policy.refreshAhead * lifetimes.freshFor) return true
  if (policy.earlyRefresh === 0) return false
  // A load of less than a millisecond is noted as none.
  const gap = policy.earlyRefresh * Math.max(loadTime ?? 0, 1) * -Math.log(1 - Math.random())
  return age + gap >= lifetimes.freshFor
}

function refreshesAhead({ refreshAhead }: ReadThrough): boolean {
  return refreshAhead > 0 && refreshAhead < 1
}
