import { get } from './get.js'
import { getMany } from './get-many.js'
import { getOrSet } from './get-or-set.js'
import { getOrSetTagged } from './get-or-set-tagged.js'
import { getTagged } from './get-tagged.js'
import { miss } from './miss.js'
import type { Question } from './question.js'
import { set } from './set.js'
import { stampede } from './stampede.js'

/** In the order of the tables. */
export const questions: readonly Question[] = [get, set, getMany, getOrSet, miss, stampede, getTagged, getOrSetTagged]
