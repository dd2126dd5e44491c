import type { Question } from './question.js'

/** What does the read-through cost when it has to load? The loader itself costs nothing; every call has a key of its own. */
export const miss: Question = {
  name: 'miss',
  title: 'getOrSet, a miss',
  payloads: ['text'],
  ask(contender, { keys, values }) {
    let count = 0
    const [value] = values
    const load = async (): Promise<unknown> => value
    return () => contender.getOrSet(`new:${count++}:${keys[0]}`, load)
  },
  isRight: answer => answer !== undefined && answer !== null,
}
