import type { Contestant } from './heat.js'
import type { Measure } from './measure.js'

/** How long and how often everything runs. */
export type Pace = {
  /** Odd, so that the median is one of the runs. */
  readonly rounds: number
  /** About how long one run of one contender lasts. */
  readonly runMs: number
  /** About how long each contender warms up, at each number in flight: with 1 in flight code stays cold for long. */
  readonly warmUpMs: number
}

/** One contender at one number in flight: medians over the rounds. */
export type Score = {
  readonly callsPerSecond: number
  /** Against the raw client in the same round. */
  readonly ratio: number
  /** Microseconds of CPU time of the client's process per call. */
  readonly cpu: number
}

/**
 * Runs every contender once in each round, starting with a different one each time, so that whatever slows the machine for a
 * while slows all of them. The first contestant is the raw client.
 */
export async function race(contestants: readonly Contestant[], inFlight: number, pace: Pace): Promise<Score[]> {
  const rates = new Map<Contestant, number>()
  const run = async (contestant: Contestant, ms: number): Promise<Measure> => {
    const rate = rates.get(contestant)
    const calls = Math.max(2 * inFlight, rate === undefined ? 200 : Math.round(rate * ms))
    const measure = await contestant.run(inFlight, calls)
    rates.set(contestant, measure.calls / measure.ms)
    return measure
  }
  for (const contestant of contestants) {
    // The first run is short and estimates the rate.
    await run(contestant, pace.runMs)
    await run(contestant, pace.warmUpMs)
  }
  const runs = contestants.map((): Measure[] => [])
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const at = (round + turn) % contestants.length
      runs[at]?.push(await run(contestants[at] as Contestant, pace.runMs))
    }
  }
  return runs.map(mine => scoreOf(mine, runs[0] as Measure[]))
}

/** The medians of one contender's runs, with ratios to the raw client's runs of the same rounds. */
export function scoreOf(runs: readonly Measure[], raw: readonly Measure[]): Score {
  const speed = ({ calls, ms }: Measure): number => calls / ms
  return {
    callsPerSecond: median(runs.map(speed)) * 1000,
    ratio: median(runs.map((run, round) => speed(run) / speed(raw[round] as Measure))),
    cpu: median(runs.map(({ cpu, calls }) => cpu / calls)),
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] as number
}
