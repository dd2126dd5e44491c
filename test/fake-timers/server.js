// Controls a case's server from a process that did not start it.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers'

function isRunning(pid) {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file))
    return !execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T')
  const stat = readFileSync(file, 'utf8')
  return stat.charAt(stat.lastIndexOf(')') + 2) !== 'T'
}

/** `freeze` and `thaw` of a case's bench. */
export function signals(pid) {
  return {
    async freeze() {
      process.kill(pid, 'SIGSTOP')
      // The signal is only queued at this point: a server in the middle of a request would still answer it.
      do await new Promise(resolve => setTimeout(resolve, 20))
      while (isRunning(pid))
    },
    thaw() {
      process.kill(pid, 'SIGCONT')
    },
  }
}
