import { entryCount, type Question } from './question.js'

/** What does the read-through cost when there is nothing to load? */
export const getOrSet: Question = {
  name: 'getOrSet',
  title: 'getOrSet, a hit',
  payloads: ['text', 'json'],
  ask(contender, { keys }) {
    // `null` is never right: if the loader runs, the call counts as wrong.
    const load = (): null => null
    return turn => contender.getOrSet(keys[turn % entryCount] as string, load)
  },
  isRight: answer => answer !== undefined && answer !== null,
}
