import type { Capability } from './case.js'
import { basics } from './cases/basics.js'
import { conditional } from './cases/conditional.js'
import { counters } from './cases/counters.js'
import { keys } from './cases/keys.js'
import { many } from './cases/many.js'
import { namespaces } from './cases/namespaces.js'
import { values } from './cases/values.js'
import { compareAndSet, joining, updating, versions } from './cases/versions.js'

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
]
