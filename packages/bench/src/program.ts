import { type BackendName, backendNames, backendTitles, lineup } from './contenders/lineup.js'
import { type PayloadName, payloadNames, payloadTitles } from './payloads.js'
import type { Question } from './questions/question.js'
import { questions } from './questions/questions.js'

/** How many calls are kept in flight at once: alone, a busy page, a busy server. */
const inFlightCounts: readonly number[] = [1, 64, 512]

/** One table to measure. */
export type Part = {
  readonly backend: BackendName
  readonly question: Question
  readonly payload: PayloadName
  readonly inFlight: readonly number[]
  /** Always begins with the raw client, whatever was chosen: the ratios need it. */
  readonly contenders: readonly string[]
  readonly heading: string
}

/**
 * The tables that `words` select: names of backends, questions, payloads, contenders, and numbers in flight. A kind without a
 * word is not narrowed. Throws for an unknown word.
 */
export function programOf(words: readonly string[]): Part[] {
  const contenders = [...new Set(backendNames.flatMap(backend => Object.keys(lineup[backend])))]
  const kinds: readonly (readonly string[])[] = [
    backendNames,
    questions.map(({ name }) => name),
    payloadNames,
    contenders,
    inFlightCounts.map(String),
  ]
  const unknown = words.filter(word => !kinds.some(kind => kind.includes(word)))
  if (unknown.length > 0) {
    throw new Error(
      `--only does not know ${unknown.join(', ')}; it knows ${kinds.map(kind => kind.join(', ')).join('; ')}`,
    )
  }
  const [isBackend, isQuestion, isPayload, isContender, isInFlight] = kinds.map(kind => {
    const named = words.filter(word => kind.includes(word))
    return (name: string): boolean => named.length === 0 || named.includes(name)
  }) as [Choice, Choice, Choice, Choice, Choice]
  const parts: Part[] = []
  for (const backend of backendNames.filter(isBackend)) {
    for (const question of questions.filter(({ name }) => isQuestion(name))) {
      // By reference, text and objects cost the same; only objects show the difference from copies.
      const payloads = backend === 'reference' ? question.payloads.filter(name => name === 'json') : question.payloads
      for (const payload of payloads.filter(isPayload)) {
        parts.push({
          ...{ backend, question, payload },
          inFlight: inFlightCounts.filter(count => isInFlight(String(count))),
          contenders: Object.keys(lineup[backend]).filter(
            (name, row) => row === 0 || (isContender(name) && (question.contenders?.includes(name) ?? true)),
          ),
          heading: `${backendTitles[backend]}: ${question.title}, ${payloadTitles[payload]}`,
        })
      }
    }
  }
  return parts
}

type Choice = (name: string) => boolean
