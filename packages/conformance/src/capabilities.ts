import type { Capability } from './case.js'
import { badArguments } from './cases/arguments.js'
import { basics } from './cases/basics.js'
import { clear } from './cases/clear.js'
import { conditional } from './cases/conditional.js'
import { counters } from './cases/counters.js'
import { fitting } from './cases/fitting.js'
import { invalidation } from './cases/invalidation.js'
import { joining } from './cases/joining.js'
import { keys } from './cases/keys.js'
import { leases } from './cases/leases.js'
import { cancellation } from './cases/leaving-a-load.js'
import { lifecycle } from './cases/lifecycle.js'
import { listing } from './cases/listing.js'
import { loadingMany } from './cases/loading-many.js'
import { loadsOfMany } from './cases/loads-of-many.js'
import { locks } from './cases/locks.js'
import { locksAndEntries } from './cases/locks-and-entries.js'
import { many } from './cases/many.js'
import { markedEntries } from './cases/marked-entries.js'
import { missReasons } from './cases/miss-reasons.js'
import { namespaces } from './cases/namespaces.js'
import { order } from './cases/order.js'
import { processes } from './cases/processes.js'
import { readThrough } from './cases/read-through.js'
import { refreshing } from './cases/refreshing.js'
import { schemaFailures } from './cases/schema-failures.js'
import { schemaOutputs } from './cases/schema-outputs.js'
import { shapeVersions } from './cases/shape-versions.js'
import { sharedRefreshes } from './cases/shared-refreshes.js'
import { signals } from './cases/signals.js'
import { staleIfError } from './cases/stale-if-error.js'
import { staleWindows } from './cases/stale-windows.js'
import { tagReach } from './cases/tag-reach.js'
import { taggedEntries } from './cases/tagged-entries.js'
import { taggedLoads } from './cases/tagged-loads.js'
import { taggedWrites } from './cases/tagged-writes.js'
import { tags } from './cases/tags.js'
import { tooLargeValues } from './cases/too-large.js'
import { ttl } from './cases/ttl.js'
import { ttlForms } from './cases/ttl-forms.js'
import { typed } from './cases/typed.js'
import { undecodable } from './cases/undecodable.js'
import { updating } from './cases/updating.js'
import { values } from './cases/values.js'
import { compareAndSet, versions } from './cases/versions.js'

/** The suite: every case, by what it is about. */
export const capabilities: readonly Capability[] = [
  basics,
  keys,
  namespaces,
  values,
  counters,
  conditional,
  many,
  versions,
  compareAndSet,
  updating,
  joining,
  clear,
  listing,
  order,
  readThrough,
  cancellation,
  invalidation,
  locks,
  locksAndEntries,
  staleWindows,
  staleIfError,
  refreshing,
  leases,
  sharedRefreshes,
  loadingMany,
  loadsOfMany,
  taggedLoads,
  undecodable,
  typed,
  fitting,
  schemaOutputs,
  schemaFailures,
  shapeVersions,
  markedEntries,
  tags,
  tagReach,
  taggedWrites,
  taggedEntries,
  tooLargeValues,
  badArguments,
  signals,
  missReasons,
  processes,
  ttl,
  ttlForms,
  lifecycle,
]
