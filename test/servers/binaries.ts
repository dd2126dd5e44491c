import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** A server the tests run for real. */
export type ServerName = 'redis-server' | 'memcached'

const pathVariables: Record<ServerName, string> = { 'redis-server': 'REDIS_SERVER', memcached: 'MEMCACHED' }
const found = new Map<ServerName, Promise<string>>()

/**
 * Resolves the path of a server's executable: the one named by `REDIS_SERVER` or `MEMCACHED`, else the one on `PATH`,
 * else, for root on Debian, the one from the distribution's package, which is installed once.
 * Rejects with the command that installs the servers where none of these gives one; tests are never skipped for it.
 */
export function findServer(name: ServerName): Promise<string> {
  let path = found.get(name)
  if (path === undefined) {
    path = locate(name)
    found.set(name, path)
  }
  return path
}

async function locate(name: ServerName): Promise<string> {
  const variable = pathVariables[name]
  const named = process.env[variable]
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`${variable} must be the path of an executable ${name}, got ${named}`)
  }
  const present = await onPath(name)
  if (present !== undefined) return present

  let failure = ''
  if (process.getuid?.() === 0 && (await onPath('apt-get')) !== undefined) {
    failure = await installDebianPackages(name)
    const installed = await onPath(name)
    if (installed !== undefined) return installed
  }
  throw new Error(
    `${name} is not installed, and the tests need a real one; run \`${await installCommand()}\`, ` +
      `or set ${variable} to its path.${failure && `\napt-get said: ${failure}`}`,
  )
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Resolves what went wrong, or '' when the packages are there. */
function installDebianPackages(name: ServerName): Promise<string> {
  // Test workers arrive here together: flock(1) lets one install, and the others then find the server present.
  const script =
    `command -v ${name} || { apt-get update && ` +
    'apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends redis-server memcached; }'
  const child = spawn('flock', ['/tmp/anycache-apt.lock', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // RUNLEVEL=1 keeps the packages from starting servers of their own on the default ports.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-4096)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', code => resolve(code === 0 ? '' : output))
  })
}

async function installCommand(): Promise<string> {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  if (process.platform === 'darwin') return 'brew install redis memcached'
  if ((await onPath('apt-get')) !== undefined)
    return `${sudo}apt-get update && ${sudo}apt-get install -y redis-server memcached`
  if ((await onPath('dnf')) !== undefined) return `${sudo}dnf install -y redis memcached`
  if ((await onPath('apk')) !== undefined) return `${sudo}apk add redis memcached`
  return 'your package manager to install redis and memcached'
}
