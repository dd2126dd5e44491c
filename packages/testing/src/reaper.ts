import { type ChildProcess, spawn } from 'node:child_process'

const alive = new Set<number>()
let watcher: ChildProcess | undefined

// Reads "+ pid" and "- pid" lines; at the end of input, however the test process ended, kills the remaining processes.
const script = `
pids=
while read -r change pid; do
  if [ "$change" = + ]; then pids="$pids $pid"; continue; fi
  left=
  for p in $pids; do [ "$p" = "$pid" ] || left="$left $p"; done
  pids=$left
done
for p in $pids; do kill -9 "$p"; done
`

/**
 * Makes sure that the process dies with this one, whether this one returns, is interrupted or is itself killed.
 * Call the returned function when the process has ended, so that its pid, which may be reused, is left alone.
 */
export function reap(pid: number): () => void {
  watcher ??= startWatcher()
  alive.add(pid)
  watcher.stdin?.write(`+ ${pid}\n`)
  return () => {
    alive.delete(pid)
    watcher?.stdin?.write(`- ${pid}\n`)
  }
}

function startWatcher(): ChildProcess {
  process.on('exit', () => {
    for (const pid of alive) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
  })
  // Detached: Ctrl-C goes to the whole foreground group, and the watcher must outlive the tests to do its work.
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.on('error', () => {})
  child.stdin?.on('error', () => {})
  child.unref()
  // The type is Writable; the pipe is a net.Socket, which keeps the event loop alive unless unreferenced.
  ;(child.stdin as unknown as { unref(): void }).unref()
  return child
}
