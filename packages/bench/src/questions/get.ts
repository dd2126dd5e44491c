import { entryCount, type Question } from './question.js'

/** What does a hit cost? */
export const get: Question = {
  name: 'get',
  title: 'get, a hit',
  payloads: ['text', 'json'],
  ask:
    (contender, { keys }) =>
    turn =>
      contender.get(keys[turn % entryCount] as string),
  isRight: answer => answer !== undefined && answer !== null,
}
