import { get } from './get.js'
import { getMany } from './get-many.js'
import { getOrSet } from './get-or-set.js'
import type { Question } from './question.js'
import { set } from './set.js'

/** In the order of the tables. */
export const questions: readonly Question[] = [get, set, getMany, getOrSet]
