import { nativeFormat } from '@anycache/serializer'
import type { Cache } from './cache.js'
import { Entries } from './entries/entries.js'
import { Tags } from './entries/tags.js'
import { InvalidArgumentError } from './errors.js'
import { Signals } from './events/signals.js'
import { hold } from './hold.js'
import { type CacheOptions, resolveSettings } from './input/settings.js'
import { shown } from './input/shown.js'
import { beneath, remembering } from './outage/remembering.js'
import { Flights } from './read-through/flights.js'
import type { Store, StoreEvent } from './store.js'
import { StoreCache } from './store-cache.js'
import { epochNow, now } from './timers.js'
import { KeyOrder } from './verbs/key-order.js'
import { Namespace } from './verbs/namespace.js'
import type { Root } from './verbs/root.js'

/** What the caches over one store share: whichever of them is called, a key has one call order and one load. */
interface Shared {
  readonly order: KeyOrder
  readonly flights: Flights
}

const sharedOver = new WeakMap<Store, Shared>()
/** Loads of caches whose stores differ and hold the same entries, by the name of what they hold, as long as one of them is open. */
const keyspaces = new Map<string, { readonly flights: Flights; holders: number }>()

/**
 * Opens a cache over a store, without config: `cacheOver(new MemoryStore(), { namespace: 'shop', ttl: '5m' })`.
 * Options are checked by hand (`InvalidArgumentError`). Several caches may stand over one store; the last one to be closed closes it, unless another
 * store {@link hold holds} it.
 */
export function cacheOver(store: Store, options: CacheOptions = {}): Cache {
  if (typeof store !== 'object' || store === null || typeof store.space !== 'function') {
    throw new InvalidArgumentError(`cacheOver needs a store, such as new MemoryStore(), got ${shown(store)}`)
  }
  const settings = resolveSettings(store, options)
  const signals = new Signals()
  const backing = store.remember ? remembering(store, { timeout: settings.timeout }) : store
  const shared = sharedOver.get(beneath(store)) ?? { order: new KeyOrder(), flights: new Flights() }
  sharedOver.set(beneath(store), shared)
  const { order } = shared
  const { keyspace } = settings
  const joint = keyspace === undefined ? undefined : (keyspaces.get(keyspace) ?? { flights: new Flights(), holders: 0 })
  const { flights } = joint ?? shared
  const { serializer, path } = settings
  const tags = new Tags(backing, path, serializer.format ?? nativeFormat)
  const entries = new Entries(serializer, signals, tags, backing.epochNow ?? epochNow)
  const root: Root = {
    store: backing,
    settings,
    signals,
    entries,
    order,
    loads: flights,
    clearings: new Set(),
    underWay: new Set(),
    closed: false,
  }
  const cache = new StoreCache(new Namespace(root, path), flights, async () => {
    root.closed = true
    await order.settled()
    await Promise.allSettled([...root.clearings, ...Array.from(root.underWay, load => load.close())])
    if (keyspace !== undefined) leave(keyspace)
    await release({ deadline: now() + settings.timeout })
    unlisten()
  })
  // Only now: the store may refuse the format, and a cache that was not opened holds nothing.
  const release = hold(store)
  const unlisten = backing.listen(event => forward(signals, event))
  if (keyspace !== undefined && joint !== undefined) {
    joint.holders++
    keyspaces.set(keyspace, joint)
  }
  return cache
}

function leave(keyspace: string): void {
  const known = keyspaces.get(keyspace)
  if (known !== undefined && --known.holders === 0) keyspaces.delete(keyspace)
}

function forward(signals: Signals, event: StoreEvent): void {
  if (event.type === 'evict') signals.counts.evictions++
  if (!signals.listensTo(event.type)) return
  const { type, ...detail } = event
  signals.emit(type, detail as never)
}
