import type { Question } from './question.js'

const batch = 100

/** What does a batch of hits cost? If a contender has no such method: as many concurrent single gets. */
export const getMany: Question = {
  name: 'getMany',
  title: `getMany of ${batch} keys, all hits`,
  payloads: ['text'],
  ask(contender, { keys }) {
    const batches: string[][] = []
    for (let from = 0; from + batch <= keys.length; from += batch) batches.push(keys.slice(from, from + batch))
    return turn => contender.getMany(batches[turn % batches.length] as string[])
  },
  isRight(answer) {
    if (answer instanceof Map) return answer.size === batch
    const last = (answer as unknown[])[batch - 1]
    return last !== undefined && last !== null
  },
}
