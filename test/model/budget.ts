import type { Parameters as Budget } from 'fast-check'

/** How long to soak for each backend, in seconds; without it the suite's few runs, the same each time. */
const soak = Number(process.env.SOAK_SECONDS ?? 0)
const seed = process.env.MODEL_SEED

type Chances = Pick<Budget, 'seed' | 'numRuns' | 'interruptAfterTimeLimit' | 'markInterruptAsFailure'>

/** How much of chance a property may try. */
export const budget: {
  readonly timeout: number
  readonly steps: number
  readonly parameters: Chances
} = {
  timeout: 120_000 + soak * 2000,
  steps: 60,
  parameters: {
    ...(seed !== undefined ? { seed: Number(seed) } : soak === 0 ? { seed: 7 } : {}),
    numRuns: soak === 0 ? 200 : 1_000_000,
    interruptAfterTimeLimit: soak === 0 ? 10_000 : soak * 1000,
    markInterruptAsFailure: false,
  },
}
