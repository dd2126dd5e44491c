import { entryCount, type Question } from './question.js'

/** What does a write over an older value cost? */
export const set: Question = {
  name: 'set',
  title: 'set',
  payloads: ['text'],
  ask:
    (contender, { keys, values }) =>
    turn =>
      contender.set(keys[turn % entryCount] as string, values[(turn + 1) % entryCount]),
  isRight: answer => answer !== undefined && answer !== null && answer !== false,
}
