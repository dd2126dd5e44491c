/** The cost of one run of one contender. */
export type Measure = {
  readonly calls: number
  readonly ms: number
  /** User and system time of this process, in microseconds, without the server's. */
  readonly cpu: number
  /** Calls that gave a wrong answer. */
  readonly wrong: number
}

/** Times `calls` calls by `inFlight` workers, each of which awaits its call before it makes the next. */
export async function measure(
  ask: (turn: number) => unknown,
  isRight: (answer: unknown) => boolean,
  inFlight: number,
  calls: number,
): Promise<Measure> {
  let turn = 0
  let wrong = 0
  const work = async (): Promise<void> => {
    while (turn < calls) {
      // A plain `await`, whether the answer is a promise or not: the cost is the same for every contender.
      if (!isRight(await ask(turn++))) wrong++
    }
  }
  const before = process.cpuUsage()
  const started = performance.now()
  await Promise.all(Array.from({ length: inFlight }, work))
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  return { calls, ms, cpu: user + system, wrong }
}
