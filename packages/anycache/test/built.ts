import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The package as it is installed: child processes cannot run the sources. */
export const folder: string = fileURLToPath(new URL('..', import.meta.url))

/** How a child process ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the node program with these arguments, in an environment without this machine's cache variables. */
export function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  if (!existsSync(`${folder}/dist/cli.js`))
    throw new Error('anycache is not built; run npm run build, or npm test, which does')
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CACHE|REDIS|MEMCACHE|NODE_ENV)/.test(name))
  return new Promise(resolve => {
    const options = { cwd: folder, env: { ...Object.fromEntries(inherited), ...env }, timeout: 15_000 }
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr })
    })
  })
}
