import type { Question } from './question.js'

/** How many ask for one key at once. */
export const callers = 100

/** What does it cost when a hundred callers miss one key at the same time? Those that have no single flight load a hundred times. */
export const stampede: Question = {
  name: 'stampede',
  title: `getOrSet of one cold key by ${callers} callers`,
  payloads: ['text'],
  ask(contender, { keys, values }) {
    let count = 0
    const [value] = values
    const load = async (): Promise<unknown> => {
      await new Promise(resolve => setImmediate(resolve))
      return value
    }
    return () => {
      const key = `cold:${count++}:${keys[0]}`
      return Promise.all(Array.from({ length: callers }, () => contender.getOrSet(key, load)))
    }
  },
  isRight: answers => (answers as unknown[]).every(answer => answer !== undefined && answer !== null),
}
