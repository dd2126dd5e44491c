import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { reap } from './reaper.js'

const startTimeout = 10_000

/** How to start a server, and how to check that it is up. */
export type Launch = {
  binary: string
  args: string[]
  env: Record<string, string>
  /** The server's own folder, from `createFolder`. Its output goes to `output.log` there. */
  folder: string
  /** Resolves if the process with this pid answers; rejects if it does not yet. */
  probe: (pid: number) => Promise<void>
}

/** One server process that this test process started. */
export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #exited: Promise<void>

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child
    this.pid = pid
    this.#exited = new Promise(resolve => child.once('exit', () => resolve()))
  }

  /** Starts the process and resolves when it answers; rejects with its output if it ends or 10 s pass first. */
  static async launch({ binary, args, env, folder, probe }: Launch): Promise<ServerProcess> {
    const log = join(folder, 'output.log')
    const output = openSync(log, 'w')
    const child = spawn(binary, args, {
      cwd: folder,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
    })
    closeSync(output)
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    const started = new ServerProcess(child, child.pid as number)
    child.once('exit', reap(started.pid))
    child.unref()

    let doubt: unknown
    for (const deadline = Date.now() + startTimeout; started.isAlive && Date.now() < deadline; await sleep(10)) {
      try {
        await probe(started.pid)
        return started
      } catch (error) {
        doubt = error
      }
    }
    const died = !started.isAlive
    await started.kill()
    const printed = await readFile(log, 'utf8')
    const error: NodeJS.ErrnoException = new Error(
      `${binary} ${args.join(' ')} ${died ? 'ended' : `did not answer within ${startTimeout} ms`}; it printed:\n${printed}`,
      { cause: doubt },
    )
    if (/address already in use/i.test(printed)) error.code = 'EADDRINUSE'
    throw error
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Ends the process with SIGKILL, even while it is paused, and resolves when it is gone. May be called twice. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    // An unreferenced process would let the event loop run dry before its exit is seen.
    this.#child.ref()
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Freezes the process with SIGSTOP and resolves when it has stopped; the kernel still accepts connections for it. */
  async pause(): Promise<void> {
    this.#signal('SIGSTOP')
    // The signal is only queued when kill(2) returns; a server caught in the middle of a request would still answer it.
    while (this.isAlive && (await isRunning(this.pid))) await sleep(1)
  }

  /** Resumes a paused process. */
  resume(): void {
    this.#signal('SIGCONT')
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.isAlive || !this.#child.kill(signal))
      throw new Error(`cannot send ${signal}: process ${this.pid} has ended`)
  }
}

const folders = new Set<string>()
let removesAtExit = false

/** Makes a folder for one server in the system's temporary folder. It is removed when this process exits, at the latest. */
export async function createFolder(): Promise<string> {
  if (!removesAtExit) process.once('exit', () => folders.forEach(removeFolder))
  removesAtExit = true
  const folder = await mkdtemp(join(tmpdir(), 'anycache-'))
  folders.add(folder)
  return folder
}

/** Removes a server's folder with its content. */
export function removeFolder(folder: string): void {
  folders.delete(folder)
  rmSync(folder, { recursive: true, force: true })
}

async function isRunning(pid: number): Promise<boolean> {
  const state = process.platform === 'linux' ? await stateFromProc(pid) : await stateFromPs(pid)
  return state !== '' && !/[TtZX]/.test(state)
}

async function stateFromProc(pid: number): Promise<string> {
  // "pid (name) state …"; the name may itself contain spaces and brackets.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).charAt(0)
}

function stateFromPs(pid: number): Promise<string> {
  const ps = spawn('ps', ['-o', 'state=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let state = ''
  ps.stdout.on('data', (chunk: Buffer) => {
    state += chunk
  })
  return new Promise((resolve, reject) => ps.once('error', reject).once('close', () => resolve(state.trim())))
}
