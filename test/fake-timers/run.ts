import { execFile } from 'node:child_process'

/** How a Node program ended. */
export interface Ended {
  readonly code: number | null
  /** The signal that ended a program which did not exit by itself. */
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program, 150 s at most, on the built packages. */
export function run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise(resolve => {
    const options = { env: { ...process.env, ...env }, timeout: 150_000, killSignal: 'SIGKILL' } as const
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}
