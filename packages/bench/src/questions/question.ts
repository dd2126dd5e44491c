import type { Contender } from '../contender.js'
import type { PayloadName } from '../payloads.js'

/** How many entries the timed calls cycle through. */
export const entryCount = 1000

/** The setting of a question: the entries that the contender holds when the clock starts. */
export type Setting = {
  readonly keys: readonly string[]
  readonly values: readonly unknown[]
}

/** One verb to time. */
export interface Question {
  /** Its name in `--only`. */
  readonly name: string
  readonly title: string
  readonly payloads: readonly PayloadName[]
  /** Writes the entries, where `set` is not how. */
  fill?(contender: Contender, setting: Setting): Promise<void>
  /** Which contenders are asked, behind the raw client, which answers without what they have and it has not. Default: all. */
  readonly contenders?: readonly string[]
  /** The call to time; `turn` counts up from 0 in each run. */
  ask(contender: Contender, setting: Setting): (turn: number) => unknown
  /** Whether an answer is right: a miss or a refusal must not be timed as a success. Cheap, since it is timed too. */
  isRight(answer: unknown): boolean
}
