import type { StoreCapability } from './case.js'
import { absence } from './store-cases/absence.js'
import { calls } from './store-cases/calls.js'
import { casTokens } from './store-cases/cas-tokens.js'
import { claims } from './store-cases/claims.js'
import { conditions } from './store-cases/conditions.js'
import { counting } from './store-cases/counting.js'
import { expiry } from './store-cases/expiry.js'
import { formats } from './store-cases/formats.js'
import { items } from './store-cases/items.js'
import { lifecycle } from './store-cases/lifecycle.js'
import { many } from './store-cases/many.js'
import { namespaces } from './store-cases/namespaces.js'
import { order } from './store-cases/order.js'
import { removing } from './store-cases/removing.js'
import { touching } from './store-cases/touching.js'

/** The suite of the `Store` interface: every case, by what it is about. */
export const storeCapabilities: readonly StoreCapability[] = [
  items,
  conditions,
  casTokens,
  claims,
  absence,
  removing,
  touching,
  counting,
  many,
  namespaces,
  order,
  formats,
  calls,
  expiry,
  lifecycle,
]
