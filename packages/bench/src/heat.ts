import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { BackendName } from './contenders/lineup.js'
import type { Measure } from './measure.js'
import type { PayloadName } from './payloads.js'

/** One contender's place in one table. */
export type Entry = {
  readonly backend: BackendName
  readonly contender: string
  readonly question: string
  readonly payload: PayloadName
  readonly port: number
  /** Writes a CPU profile to the working directory when the process ends. */
  readonly isProfiled: boolean
}

/** A message to a contender's process: run this many calls. */
export type ToContestant = { readonly inFlight: number; readonly calls: number }
/** Its answers: first whether it may be timed, then each run. */
export type FromContestant = { readonly faults: readonly string[] } | Measure

const patience = 120_000

/**
 * A contender in its own process, for one table only: no other contender or question can deoptimise its code, and its CPU time is
 * its own.
 */
export class Contestant {
  readonly name: string
  readonly #child: ChildProcess

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
  }

  /** Starts the process; rejects when the contender gives a wrong answer. */
  static async enter(entry: Entry): Promise<Contestant> {
    const child = fork(new URL('./contestant.js', import.meta.url), [JSON.stringify(entry)], {
      serialization: 'json',
      execArgv: entry.isProfiled ? profiling(entry) : [],
    })
    const contestant = new Contestant(entry.contender, child)
    const ready = await contestant.#next()
    if (!('faults' in ready)) throw new Error(`${entry.contender} ran before it was asked to`)
    if (ready.faults.length > 0) {
      await contestant.leave()
      throw new Error(`${entry.contender} on ${entry.backend} gives wrong answers:\n${ready.faults.join('\n')}`)
    }
    return contestant
  }

  /** Runs `calls` calls; rejects when one of them gave a wrong answer. */
  async run(inFlight: number, calls: number): Promise<Measure> {
    this.#child.send({ inFlight, calls } satisfies ToContestant)
    const measure = await this.#next()
    if ('faults' in measure) throw new Error(`${this.name} was asked for a run and reported faults`)
    if (measure.wrong === 0) return measure
    throw new Error(`${this.name}: ${measure.wrong} of ${calls} calls at ${inFlight} in flight gave a wrong answer`)
  }

  /** Ends the process. */
  async leave(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await gone
    clearTimeout(timer)
  }

  async #next(): Promise<FromContestant> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), patience)
    try {
      const options = { signal: stop.signal }
      return await Promise.race([
        once(this.#child, 'message', options).then(([message]) => message as FromContestant),
        once(this.#child, 'exit', options).then(([code, signal]) => {
          throw new Error(`${this.name} exited unexpectedly: ${signal ?? `exit code ${code}`}`)
        }),
      ])
    } catch (error) {
      if (stop.signal.aborted) throw new Error(`${this.name} did not answer for ${patience / 1000} s`)
      throw error
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }
}

function profiling({ backend, question, payload, contender }: Entry): string[] {
  return ['--cpu-prof', `--cpu-prof-name=${backend}-${question}-${payload}-${contender}.cpuprofile`]
}
